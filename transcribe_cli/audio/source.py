"""Sources of audio: what every source can do, and what it may report."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from msgspec import Struct


class DeviceLost(Struct, frozen=True):
    """A microphone gives no more audio, or another one replaces it; silence follows."""

    device: str


class DeviceBack(Struct, frozen=True):
    """Audio comes again, from `device`. Missed audio is silence before it."""

    device: str


class AudioGap(Struct, frozen=True):
    """The last `seconds` given are silence: a source on the network gave no audio for `reason`."""

    seconds: float
    reason: str


class Overflow(Struct, frozen=True):
    """The system dropped samples, because they were not fetched in time."""


class DiskFull(Struct, frozen=True):
    """The disk accepts no more audio, for `reason`; the audio is kept in memory for a while."""

    reason: str


class DiskBack(Struct, frozen=True):
    """The disk has accepted the kept audio, and accepts audio again."""


class SourceNote(Struct, frozen=True):
    """What was chosen of a source that offered a choice."""

    text: str


class SourceWarning(Struct, frozen=True):
    """Something about the source that the user should know; the run goes on."""

    text: str


SourceEvent = (
    DeviceLost | DeviceBack | AudioGap | Overflow | DiskFull | DiskBack | SourceNote | SourceWarning
)


def event_within(event: SourceEvent, given_s: float, cut_s: float) -> SourceEvent | None:
    """The part of an event that concerns a stretch; None for a gap outside the stretch.

    Args:
        given_s: the length of the stretch so far.
        cut_s: the length of the audio behind the end of the stretch.
    """
    if not isinstance(event, AudioGap):
        return event
    seconds = min(event.seconds - cut_s, given_s)
    return AudioGap(seconds, event.reason) if seconds > 0 else None


class Source(Protocol):
    """A stream of s16le audio at the session's rate; mono unless `channels_of` says otherwise.

    Attributes:
        name: its name for people: a device, a file's name, "standard input".
        kind: "mic", "file", "stdin" or "address".
        live: it runs on its own clock and cannot be asked to wait (a microphone, a pipe).
        length_s: its duration; None if it is not known.
        path: the full path of a file, or an address that can be fetched again; else None.
    """

    name: str
    kind: str
    live: bool
    path: str | None

    @property
    def length_s(self) -> float | None: ...

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """Blocks of whole frames until the source ends or `stop` is called.

        Raises:
            AudioError: the source broke; the blocks before are good.
        """

    def stop(self) -> None:
        """End `blocks` soon, after the captured audio; any thread may call it, also twice."""

    def close(self) -> None:
        """Close the device or the file; another call does nothing."""


def version_of(source: Source) -> dict[str, Any] | None:
    """`bytes` and `version`, which identify what is at an address; None for other sources."""
    version: dict[str, Any] | None = getattr(source, "version", None)
    return version


def channels_of(source: Source) -> int:
    """The number of samples in a frame: more than one if its channels stay side by side."""
    channels: int = getattr(source, "channels", 1)
    return channels


def is_spoken_now(source: Source) -> bool:
    """Whether it is a microphone and not a recording of one: it cannot wait, and a person ends it
    when all has been said.
    """
    return source.kind == "mic" and source.live
