"""One open input device, as a protocol: it gives blocks of samples until it ends."""

from typing import NamedTuple, Protocol


class CaptureLost(Exception):
    """The device gives no more audio: it or its sound server is gone, or its stream was moved.

    Everything it gave before has been read.
    """


class Block(NamedTuple):
    """Interleaved s16le samples; `overflowed`: the system dropped some before them."""

    samples: bytes
    overflowed: bool = False


class Capture(Protocol):
    """An open device. One thread at a time uses it.

    Attributes:
        device: its name.
        title: its name as people read it.
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
        """Whether devices have come or gone, or the default has changed, since the last call."""

    def stop(self) -> None:
        """Stop capturing: `read` gives the blocks that are there, then raises `CaptureLost`."""

    def close(self) -> None:
        """Close the device, within a time limit; another call does nothing."""
