"""What `serve` says on standard error of each session, for the person who runs it."""

import sys
from collections.abc import Iterable
from contextlib import suppress

from transcribe_cli.emulator.hidden_secrets import without_secrets
from transcribe_cli.emulator.parameter_effects import unknown_parameters
from transcribe_cli.emulator.session_task import SessionTask
from transcribe_cli.protocol.parameters import encode_query

LONGEST_LINE = 300
"""Characters of a client's words in a line."""


def session_line(task: SessionTask, unused: Iterable[str], failure: str = "") -> str:
    """What is said of a session that is over: parameters, length, why it ended; printable ASCII.

    Args:
        failure: what did not work meanwhile, though the session went on.
    """
    asked = without_secrets(task.asked)
    model = ascii(asked.pop("speech_model"))[1:-1]
    told = ", ".join([model, *encode_query(asked).split("&")] if asked else [model])
    if len(told) > LONGEST_LINE:
        told = f"{told[:LONGEST_LINE]}..."
    audio_s, open_s = task.audio_s, task.open_s
    note = _note({*unused, *task.unused})
    why = ascii(task.why_ended)[1:-1][:LONGEST_LINE]
    failed = f"; {ascii(failure)[1:-1][:LONGEST_LINE]}" if failure else ""
    return f"session: {told}; {audio_s:.1f} s of audio in {open_s:.1f} s; {why}{note}{failed}"


def refused_line(code: int, error: str, query: str) -> str:
    """What is said of a session that was refused."""
    line = f"session refused: {code} {ascii(error)[1:-1]}"[:LONGEST_LINE]
    return line + _note(unknown_parameters(query))


def _note(unused: Iterable[str]) -> str:
    """What the line of a session says of what has no effect."""
    names = ", ".join(sorted(unused))
    return f"; without effect here: {names}" if names else ""


def say_nothing(line: str) -> None:
    """`--quiet`, or nobody is there to read it."""


def say(line: str) -> None:
    """Print a line."""
    with suppress(OSError, ValueError):  # nobody reads it
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
