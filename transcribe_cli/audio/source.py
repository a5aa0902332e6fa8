"""Where audio comes from: what every source can do, and what it may report."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from msgspec import Struct


class DeviceLost(Struct, frozen=True):
    """A microphone gives no audio any more, or its place is taken by another; silence follows."""

    device: str


class DeviceBack(Struct, frozen=True):
    """Audio comes again; `device` gives it. What was missed is silence in front of it."""

    device: str


class AudioGap(Struct, frozen=True):
    """The last `seconds` of what was given are silence in place of audio that a source on the
    network did not give, for that `reason`.
    """

    seconds: float
    reason: str


class Overflow(Struct, frozen=True):
    """The system dropped samples, because they were not fetched in time."""


class DiskFull(Struct, frozen=True):
    """The disk takes no audio any more, for that `reason`; it is kept in memory for a while."""

    reason: str


class DiskBack(Struct, frozen=True):
    """The disk has taken what was kept, and takes audio again."""


class SourceNote(Struct, frozen=True):
    """What was chosen of the source, where there was a choice."""

    text: str


class SourceWarning(Struct, frozen=True):
    """Something about the source that the user should know; the run goes on."""

    text: str


SourceEvent = (
    DeviceLost | DeviceBack | AudioGap | Overflow | DiskFull | DiskBack | SourceNote | SourceWarning
)


def event_within(event: SourceEvent, given_s: float, cut_s: float) -> SourceEvent | None:
    """What an event says of a stretch; None for a gap that has no part of it.

    Args:
        given_s: the stretch up to now.
        cut_s: what came behind the end of the stretch.
    """
    if not isinstance(event, AudioGap):
        return event
    seconds = min(event.seconds - cut_s, given_s)
    return AudioGap(seconds, event.reason) if seconds > 0 else None


class Source(Protocol):
    """A stream of s16le audio at the session's rate, mono but where `channels_of` says otherwise.

    Attributes:
        name: what to call it before a person: a device, a file's name, "standard input".
        kind: "mic", "file", "stdin" or "address".
        live: it runs on its own clock and cannot be asked to wait (a microphone, a pipe).
        length_s: its duration, where that is known.
        path: of a file, in full; the address of what can be fetched again; None for other sources.
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
            AudioError: the source broke; what came before it is good.
        """

    def stop(self) -> None:
        """End `blocks` soon, after what has been captured; from any thread, harmless twice."""

    def close(self) -> None:
        """Give back the device or the file; harmless twice."""


def version_of(source: Source) -> dict[str, Any] | None:
    """What tells what is at an address from what may take its place: `bytes`, `version`."""
    version: dict[str, Any] | None = getattr(source, "version", None)
    return version


def channels_of(source: Source) -> int:
    """How many samples a frame of it has: more than one where its channels stay side by side."""
    channels: int = getattr(source, "channels", 1)
    return channels


def is_spoken_now(source: Source) -> bool:
    """Whether it is a microphone, and not one's recording: it waits for nobody, and somebody stops
    it when all has been said.
    """
    return source.kind == "mic" and source.live
