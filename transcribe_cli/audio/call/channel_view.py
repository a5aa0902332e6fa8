"""Views of an audio log for sessions that hear one channel each."""

import threading
from array import array

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.call.log_view import LogView


class ChannelView(LogView):
    """One channel of a log as a `ReadableLog`; safe for several threads."""

    def __init__(self, log: AudioLog, channel: int, slowest: "_Slowest") -> None:
        super().__init__(log)
        self._channel = channel
        self._slowest = slowest

    def read(self, start: int, count: int) -> bytes:
        """At most `count` frames of the channel from frame `start` on; fewer at the end."""
        samples = array("h", self._log.read(start, count))
        return samples[self._channel :: self._log.audio.channels].tobytes()

    def consumed(self, frame: int) -> None:
        """A reader of this channel has read everything before `frame`."""
        self._log.consumed(self._slowest.has_read(self._channel, frame))

    def forget(self, before: int) -> None:
        """Nothing of this channel before the frame `before` will be read again."""
        self._log.forget(self._slowest.needs_no_more(self._channel, before))


class _Slowest:
    """Finds the slowest channel, for which the log keeps frames and its writer waits."""

    def __init__(self, channels: int) -> None:
        self._lock = threading.Lock()
        self._read = [0] * channels
        self._unneeded = [0] * channels

    def has_read(self, channel: int, frame: int) -> int:
        """A channel has been read up to a frame; returns up to where all have."""
        with self._lock:
            self._read[channel] = frame
            return min(self._read)

    def needs_no_more(self, channel: int, before: int) -> int:
        """A channel needs nothing before a frame; returns before which frame none does."""
        with self._lock:
            self._unneeded[channel] = before
            return min(self._unneeded)


def channel_views(log: AudioLog) -> tuple[ChannelView, ...]:
    """A view of each channel of a log."""
    slowest = _Slowest(log.audio.channels)
    return tuple(ChannelView(log, channel, slowest) for channel in range(log.audio.channels))
