"""`--probe` of `file` and `mic`: what a few seconds are like. No session is opened."""

import contextlib
import functools
import operator
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from transcribe_cli.audio.capture import Capture, CaptureLost
from transcribe_cli.audio.devices import DeviceOpener
from transcribe_cli.audio.excerpt import Excerpt, Range
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.pcm_source import NoSuchChannel, PcmConverter
from transcribe_cli.audio.probe import RATE_HZ, ChannelSound, advice, cancels, find_out
from transcribe_cli.audio.source import Source
from transcribe_cli.audio.wav import WavHeader
from transcribe_cli.errors import AudioError, UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.sources import STDIN
from transcribe_cli.settings.environment import Environment
from transcribe_cli.ui.safe_text import safe_text

PROBE_S = 3.0
_MOST_CHANNELS = 32
_NAMES = ("left", "right")
_FIRST_BLOCK_S = 3.0  # a device may take so long to wake up
_LOOK_EVERY_S = 0.05
_CANCELS = "the channels cancel each other out when mixed, as they are transcribed"


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
        heard = list(_channels(functools.partial(opened, path), stretch))
        _show(environment, path, heard, advice(*_found(heard)))
    return ExitStatus.OK


def probe_devices(openers: Sequence[DeviceOpener], environment: Environment) -> ExitStatus:
    """Show what each channel of some devices is like, all of them at the same time for 3 s.

    Raises:
        AudioError: one cannot be opened, or goes away.
    """
    with contextlib.ExitStack() as stack:
        captures = [
            stack.enter_context(contextlib.closing(opener.open(opener.wanted)))
            for opener in openers
        ]
        for opener, capture, samples in zip(openers, captures, _listen(captures), strict=True):
            heard = list(_sides(capture, samples))
            words = opener.silenced(capture) or (_CANCELS if cancels(*_found(heard)) else None)
            _show(environment, capture.title, heard, words)
    return ExitStatus.OK


def _listen(captures: Sequence[Capture]) -> list[bytes]:
    """What each device gives within 3 s, from its first sample on.

    Raises:
        AudioError: one of them goes away.
    """
    heard = [bytearray() for _ in captures]
    wanted = [2 * capture.channels * round(capture.rate_hz * PROBE_S) for capture in captures]
    until = time.monotonic() + PROBE_S + _FIRST_BLOCK_S
    while any(map(operator.lt, map(len, heard), wanted)) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
        for capture, samples in zip(captures, heard, strict=True):
            try:
                while (block := capture.read(0.0)) is not None:
                    samples += block.samples
            except CaptureLost as e:
                raise AudioError(
                    f"'{capture.title}' has gone away.", "see what there is: aai-stream devices"
                ) from e
    return [bytes(samples[:most]) for samples, most in zip(heard, wanted, strict=True)]


def _sides(capture: Capture, samples: bytes) -> Iterator[bytes]:
    """Each channel of what a device gave, at `RATE_HZ`."""
    header = WavHeader(capture.rate_hz, capture.channels, "<i2", None)
    for channel in range(capture.channels):
        only = channel if capture.channels > 1 else None
        converter = PcmConverter(header, RATE_HZ, channel=only)
        yield converter.convert(samples) + converter.flush()


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


def _show(environment: Environment, name: str, heard: list[bytes], words: str | None) -> None:
    """A line for each channel, and what follows from them."""
    seconds = max(map(len, heard), default=0) / 2 / RATE_HZ
    lines = [f"{name}: {seconds:.1f} s"]
    for number, samples in enumerate(heard):
        lines.append(f"  {_name(number, len(heard))}{find_out(samples)}")
    if words:
        lines.append(f"  {words}")
    environment.write("".join(safe_text(line) + "\n" for line in lines))


def _found(heard: list[bytes]) -> tuple[list[ChannelSound], ChannelSound]:
    """What each channel is like, and their mix."""
    return [find_out(samples) for samples in heard], _mix(heard)


def _name(number: int, count: int) -> str:
    if count == 1:
        return ""
    return f"{_NAMES[number] if count == 2 else f'channel {number + 1}'}: "


def _mix(heard: list[bytes]) -> ChannelSound:
    """Their plain mean, as far as all of them go."""
    channels = [array("h", samples) for samples in heard]
    mean = array("h", (sum(values) // len(channels) for values in zip(*channels, strict=False)))
    return find_out(mean.tobytes())
