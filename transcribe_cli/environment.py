"""The world as one object: streams, variables, the folder; tests hand in one of their own."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, TextIO

from transcribe_cli.errors import StreamError

APP = "aai-stream"
KEY_VARIABLE = "ASSEMBLYAI_API_KEY"
TOKEN_VARIABLE = "AAI_STREAM_TOKEN"

# Where a key is sent to: not for a file to say that came with somebody else's folder.
_OF_THE_SERVICE = ("AAI_STREAM_ENDPOINT", "AAI_STREAM_REGION", "AAI_STREAM_CONFIG")


@dataclass(frozen=True)
class Environment:
    """What the process was given."""

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str] = field(repr=False)  # may hold the key
    folder: Path

    @classmethod
    def current(cls) -> "Environment":
        """This process's own; whatever the shell closed (`>&-`) is replaced by nothing.

        In the order of their numbers, so that no other file gets one of these.
        """
        nothing = Path(os.devnull)
        stdin = nothing.open("rb") if sys.stdin is None else sys.stdin.buffer
        if sys.stdout is None:
            sys.stdout = nothing.open("w", encoding="utf-8")
        if sys.stderr is None:
            sys.stderr = nothing.open("w", encoding="utf-8")
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A name that the encoding of the place does not know must not become a crash.
            encoding = None if sys.stdout.isatty() else "utf-8"
            sys.stdout.reconfigure(encoding=encoding, errors="replace")
        return cls(stdin, sys.stdout, sys.stderr, os.environ, _current_folder())

    def write(self, text: str) -> None:
        """Write to standard output, and find now whether it takes that.

        Raises:
            BrokenPipeError: its reader went away.
            StreamError: it cannot be written, on a full disk for example.
        """
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError as e:
            self.forget_stdout()
            if reader_is_gone(e):
                raise BrokenPipeError from e
            raise StreamError(
                f"Standard output cannot be written: {e.strerror or e}.", "free some space"
            ) from e

    @property
    def binary_stdout(self) -> BinaryIO:
        """Standard output for bytes, after what was written as text."""
        self.stdout.flush()
        return self.stdout.buffer

    def forget_stdout(self) -> None:
        """Point standard output at nothing: the interpreter's own last flush must not fail."""
        with contextlib.suppress(OSError, ValueError):  # it may have no number, or be closed
            point_at_nothing(self.stdout.fileno())


def say(stream: IO[str], text: str) -> None:
    """Write to standard error; where it takes nothing, nothing is written to it from now on.

    Talk that nobody hears ends no run, and what waits in a buffer must not fail again later.
    """
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # it may have no number, or be closed
            point_at_nothing(stream.fileno())


def point_at_nothing(number: int) -> None:
    """Let whatever is written to a file number from now on go nowhere, also by a write under way.

    Raises:
        OSError: there is no such number.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def reader_is_gone(e: OSError) -> bool:
    """Whether a pipe has no reader any more (`| head`), which is no error; Windows says EINVAL."""
    return e.errno == errno.EPIPE or (sys.platform == "win32" and e.errno == errno.EINVAL)


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path()


def child_variables() -> dict[str, str]:
    """The variables for a program of others: without the key and the token."""
    secret = (KEY_VARIABLE, TOKEN_VARIABLE)
    return {name: value for name, value in os.environ.items() if name not in secret}


def read_dotenv(folder: Path) -> dict[str, str | None]:
    """Everything that the folder's `.env` sets; nothing where there is none to read."""
    path = folder / ".env"
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        # Some editors begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}
    return dotenv_values(stream=io.StringIO(text))


def load_dotenv(folder: Path) -> None:
    """Take settings from the folder's `.env`; variables that are set already win.

    Only this program's own names are taken: a `.env` is often another program's too. It says where
    the service is only to its own key: no other is sent to where a file of some folder points.
    """
    values = read_dotenv(folder)
    its_own_key = bool(values.get(KEY_VARIABLE)) and KEY_VARIABLE not in os.environ
    its_own_key = its_own_key and not os.environ.get(TOKEN_VARIABLE)
    for name, value in values.items():
        if value is None or (name in _OF_THE_SERVICE and not its_own_key):
            continue
        if name == KEY_VARIABLE or name.startswith("AAI_STREAM_"):
            os.environ.setdefault(name, value)
