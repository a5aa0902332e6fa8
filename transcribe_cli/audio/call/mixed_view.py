"""What the sessions of a call hear: one channel, mixed from the two tracks of the audio log.

The mix depends on the log alone, so a session that takes over, and a recording that is resumed on
another day, hear what was heard before. While the microphone picks up only the loudspeaker, the
microphone is ducked, because hearing the same words twice, slightly apart, loses words.
"""

import threading
from array import array
from typing import TYPE_CHECKING, Any

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.call.log_view import LogView
from transcribe_cli.audio.call.word_channel import (
    CONTEXT_FRAMES,
    FRAMES_PER_S,
    WINDOW_FRAMES,
    Estimate,
    channel_of,
    estimate,
    levels,
    sides,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from transcribe_cli.audio.call.word_channel import Levels

_DUCKED = 0.1  # -20 dB
_READ_S = 10
_KNOWS_AFTER_S = 2  # a word's channel is judged with the audio of this much time after it
_MOST_KEPT = 256  # of the estimates, and of the words


class MixedView(LogView):
    """A log of two tracks as a `ReadableLog` of one; safe for several threads."""

    def __init__(self, log: AudioLog) -> None:
        super().__init__(log)
        self._frame = log.audio.rate_hz // FRAMES_PER_S  # samples for one level
        self._lock = threading.RLock()  # guards all attributes below
        self._mic, self._system = array("f"), array("f")
        self._estimates: dict[int, Estimate] = {}
        self._channels: dict[tuple[int, int, int], int | None] = {}

    @property
    def frames(self) -> int:
        """How many frames can be read: those whose level is known."""
        ended, frames = self._log.ended, self._log.frames
        return frames if ended else frames - frames % self._frame

    def read(self, start: int, count: int) -> bytes:
        """Returns at most `count` mixed frames from frame `start` on; fewer at the end."""
        import numpy as np

        tracks = self._tracks(start, min(count, self.frames - start))
        if not len(tracks):
            return b""
        first = start // self._frame
        last = -(-(start + len(tracks)) // self._frame)
        with self._lock:
            gains = self._gains(first - 1, last)
        # Within the frame of each level the gain fades from the gain before.
        ends = np.arange(first - 1, last) * self._frame + self._frame
        gain = np.interp(np.arange(start, start + len(tracks)) + 1, ends, gains)
        mixed = tracks[:, 0] * gain + tracks[:, 1]
        samples: bytes = np.clip(np.rint(mixed), -32768, 32767).astype("<i2").tobytes()
        return samples

    def channel_of(self, start_ms: int, end_ms: int) -> int | None:
        """The channel of a word, 0 microphone or 1 system; None if neither is heard in it."""
        with self._lock:
            known = self._fill(self._log.frames // self._frame)
            first = max(0, start_ms * FRAMES_PER_S // 1000)
            last = min(max(first + 1, end_ms * FRAMES_PER_S // 1000), known)
            if first >= last:
                return None
            settled = (last // FRAMES_PER_S + _KNOWS_AFTER_S) * FRAMES_PER_S
            # Twice a second is often enough, except in the first second of a call.
            step = FRAMES_PER_S // 2 if known > FRAMES_PER_S else 1
            at = min(settled, known - known % step)
            word = (first, last, at)
            if word not in self._channels:
                _make_room(self._channels)
                self._channels[word] = self._judge(*word)
            return self._channels[word]

    def _judge(self, first: int, last: int, at: int) -> int | None:
        context = min(CONTEXT_FRAMES, first)
        mic, system = self._levels(first - context, last)
        return channel_of(mic, system, self._estimate(at), context)

    def _gains(self, first: int, last: int) -> "NDArray[np.float32]":
        """The microphone's gain at the end of each level's frame; 1 before the first frame."""
        import numpy as np

        known = self._fill(min(last, self._log.frames // self._frame))
        gains = np.ones(last - first, np.float32)
        at = max(first, 0)
        while at < known:
            until = min((at // FRAMES_PER_S + 1) * FRAMES_PER_S, known)
            found = self._estimate(at // FRAMES_PER_S * FRAMES_PER_S)
            if found.leak_db is not None:
                # A lag of 0 would need the frame after the one that is mixed.
                found = found._replace(lag=max(1, found.lag))
                context = min(CONTEXT_FRAMES, at)
                of_mic, of_system = sides(*self._levels(at - context, until), found)
                ducked = (of_system & ~of_mic)[context:]
                gains[at - first : until - first][ducked] = _DUCKED
            at = until
        if last > known > first:  # the recording's last frame is incomplete and has no level
            gains[known - first :] = gains[known - first - 1]
        return gains

    def _estimate(self, at: int) -> Estimate:
        """The estimate from the levels before frame `at`."""
        if at not in self._estimates:
            _make_room(self._estimates)
            window = self._levels(max(0, at - WINDOW_FRAMES), at)
            self._estimates[at] = estimate(*window)
        return self._estimates[at]

    def _levels(self, first: int, last: int) -> "tuple[Levels, Levels]":
        import numpy as np

        mic, system = self._mic[first:last], self._system[first:last]
        return np.frombuffer(mic, np.float32), np.frombuffer(system, np.float32)

    def _fill(self, count: int) -> int:
        """Compute the levels of `count` frames, as far as audio exists; returns their number."""
        while len(self._mic) < count:
            most = min(count - len(self._mic), _READ_S * FRAMES_PER_S)
            tracks = self._tracks(len(self._mic) * self._frame, most * self._frame)
            for side, track in zip((self._mic, self._system), tracks.T, strict=True):
                side.frombytes(levels(track, self._frame).tobytes())
        return len(self._mic)

    def _tracks(self, start: int, count: int) -> "NDArray[np.int16]":
        """Samples of the log, of shape (frames, 2)."""
        import numpy as np

        samples = self._log.read(start, max(0, count))
        return np.frombuffer(samples, "<i2").reshape(-1, 2)


def _make_room(kept: dict[Any, Any]) -> None:
    """Drop the oldest half of the entries if there are too many; a dict keeps their order."""
    if len(kept) >= _MOST_KEPT:
        for key in list(kept)[: _MOST_KEPT // 2]:
            del kept[key]
