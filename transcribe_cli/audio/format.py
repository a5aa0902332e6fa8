"""The audio format inside the program: 16-bit little-endian PCM, with a rate and channels."""

from typing import NamedTuple

SAMPLE_BYTES = 2

EACH = -1
"""As the number of a channel: all channels, side by side."""

MICROPHONE, SYSTEM = "microphone", "system"
"""The tracks of a call, in this order: what is said here, and what the machine plays."""


class AudioFormat(NamedTuple):
    """16-bit little-endian PCM. One frame is one sample for each channel."""

    rate_hz: int = 16000
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return SAMPLE_BYTES * self.channels

    def frames(self, seconds: float) -> int:
        """The whole frames nearest to a duration."""
        return round(seconds * self.rate_hz)

    def seconds(self, frames: int) -> float:
        """The duration of that many frames."""
        return frames / self.rate_hz

    def ms(self, frames: int) -> int:
        """The duration of that many frames, in whole ms, rounded once."""
        return (frames * 1000 + self.rate_hz // 2) // self.rate_hz

    def frames_before(self, ms: int) -> int:
        """The frames that lie wholly before a time in ms."""
        return ms * self.rate_hz // 1000
