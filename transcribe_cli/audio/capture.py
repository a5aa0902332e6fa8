"""One open input device, as whatever opens devices gives it: blocks of samples until it ends."""

from typing import NamedTuple, Protocol


class CaptureLost(Exception):
    """The device gives nothing any more: it is gone, or its sound server, or its stream was moved.

    What it had given before was read.
    """


class Block(NamedTuple):
    """s16le samples, interleaved; `overflowed`: some before them were dropped by the system."""

    samples: bytes
    overflowed: bool = False


class Capture(Protocol):
    """An open device. One thread at a time uses it.

    Attributes:
        device: its name.
        title: what to call it before a person.
        rate_hz, channels: of its samples.
    """

    device: str
    title: str
    rate_hz: int
    channels: int

    def read(self, timeout_s: float) -> Block | None:
        """The next block; None if none comes in time.

        Raises:
            CaptureLost: none will come any more.
        """

    def has_news(self) -> bool:
        """Whether devices have come or gone, or the default has changed, since this was asked."""

    def stop(self) -> None:
        """Capture no more: `read` gives what is there, and then `CaptureLost`."""

    def close(self) -> None:
        """Give the device back, within a time limit; harmless twice."""
