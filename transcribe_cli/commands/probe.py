"""`--probe` of `file` and `mic`: what a few seconds are like. No session is opened."""

import contextlib
import functools
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from transcribe_cli.audio.excerpt import Excerpt, Range
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.pcm_source import NoSuchChannel
from transcribe_cli.audio.probe import RATE_HZ, Finding, advice, find_out
from transcribe_cli.audio.source import Source
from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.sources import STDIN
from transcribe_cli.settings.environment import Environment
from transcribe_cli.ui.safe_text import safe_text

PROBE_S = 3.0
_MOST_CHANNELS = 32
_NAMES = ("left", "right")


def probe_files(paths: list[str], part: Range, environment: Environment) -> ExitStatus:
    """Show what each channel of each file is like, from `--start` on, 3 s or `--duration`.

    Raises:
        UsageError: standard input, which could not be read again.
        AudioError: a file cannot be read.
    """
    from transcribe_cli.audio.files import open_file

    if any(path == STDIN or "://" in path for path in paths):
        raise UsageError("--probe looks at files and microphones alone.", "name a file")
    stretch = part._replace(duration_s=part.duration_s or PROBE_S, channel=None)

    def opened(path: str, channel: int | None) -> Source:
        return open_file(Path(path), RATE_HZ, part.track, channel)

    for path in paths:
        _show(environment, path, list(_channels(functools.partial(opened, path), stretch)))
    return ExitStatus.OK


def probe_microphone(open_source: Callable[[], Source], environment: Environment) -> ExitStatus:
    """Show what 3 s of a microphone are like.

    Raises:
        AudioError: there is none.
    """
    with contextlib.closing(open_source()) as source:
        samples = _taken(source, Range(duration_s=PROBE_S))
        _show(environment, source.name, [samples])
    return ExitStatus.OK


def _channels(opened: Callable[[int], Source], part: Range) -> Iterator[bytes]:
    for channel in range(_MOST_CHANNELS):
        try:
            source = opened(channel)
        except NoSuchChannel:
            return
        with contextlib.closing(source):
            yield _taken(source, part)


def _taken(source: Source, part: Range) -> bytes:
    excerpt = Excerpt(source, part, AudioFormat(RATE_HZ))
    return b"".join(excerpt.blocks(lambda event: None))


def _show(environment: Environment, name: str, heard: list[bytes]) -> None:
    found = [find_out(samples) for samples in heard]
    seconds = max(map(len, heard), default=0) / 2 / RATE_HZ
    lines = [f"{name}: {seconds:.1f} s"]
    for number, finding in enumerate(found):
        lines.append(f"  {_name(number, len(found))}{finding}")
    if (words := advice(found, _mix(heard))) is not None:
        lines.append(f"  {words}")
    environment.write("".join(safe_text(line) + "\n" for line in lines))


def _name(number: int, count: int) -> str:
    if count == 1:
        return ""
    return f"{_NAMES[number] if count == 2 else f'channel {number + 1}'}: "


def _mix(heard: list[bytes]) -> Finding:
    """Their plain mean, as far as all of them go."""
    channels = [array("h", samples) for samples in heard]
    mean = array("h", (sum(values) // len(channels) for values in zip(*channels, strict=False)))
    return find_out(mean.tobytes())
