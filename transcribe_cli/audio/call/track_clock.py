"""Keeps the two tracks of a call together, though each device has a clock of its own. Pure.

A block can come late, never early. So of the last `WINDOW_S` the smallest (arrival minus samples
over rate) tells when a track's first sample was captured, and the difference of both tells how far
they have drifted apart. A slow loop works that off by stretching the system's track a little; the
microphone's stays sample for sample, and its clock is the recording's.

A device of 100 ppm drifts by 360 ms in an hour; a loop that looks at how full a buffer is would
swing by the size of a block.
"""

import math
from array import array
from typing import Any

from transcribe_cli.audio.format import SAMPLE_BYTES

WINDOW_S = 10
_LOOP_S = 10.0  # in which an error is worked off
_MOST_STRETCH = 0.002
_STRETCHED_FROM_S = 0.004  # less is the jitter of arrivals, and samples stay as they are
_STEP_S = 0.2  # more is made up for at once, by silence or by a cut
_FILLED_AFTER_S, _FILLED_UNTIL_S = 0.5, 0.25  # a track that gives nothing is filled with silence


class ArrivalClock:
    """When the first sample of a stream was captured, on the clock of its blocks' arrivals."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._frames = 0
        self._smallest: dict[int, float] = {}  # by the second of arrival

    def arrived(self, now: float, frames: int) -> None:
        """So many frames more are there at `now`, in seconds."""
        self._frames += frames
        second = math.floor(now)
        start = now - self._frames / self._rate_hz
        self._smallest[second] = min(self._smallest.get(second, start), start)
        for old in [at for at in self._smallest if at <= second - WINDOW_S]:
            del self._smallest[old]

    def forget(self) -> None:
        """There was a gap: what came before it says nothing of what comes."""
        self._smallest.clear()

    @property
    def start_s(self) -> float:
        """The time of the first sample."""
        return min(self._smallest.values())


class Track:
    """One side on its way into the recording; `ready` is what it has for it.

    Args:
        stretches: it follows another track's clock.
    """

    def __init__(self, rate_hz: int, *, stretches: bool) -> None:
        self.ready = bytearray()
        self._rate_hz = rate_hz
        self._clock = ArrivalClock(rate_hz)
        self._added = 0.0  # frames of the recording beyond those that came
        self._stretcher = Stretcher(rate_hz) if stretches else None
        self._taken = 0
        self._came_at = -math.inf

    @property
    def start_s(self) -> float:
        """Where the recording begins, by this track's last block."""
        return self._clock.start_s - self._added / self._rate_hz

    @property
    def frames(self) -> int:
        """How many it has given to the recording, or has ready."""
        return self._taken + len(self.ready) // SAMPLE_BYTES

    def take(self, block: bytes, now: float, target_s: float | None) -> None:
        """Put a block in its place.

        Args:
            target_s: where the recording begins; None: with this block.
        """
        frames = len(block) // SAMPLE_BYTES
        fresh = now - self._came_at > _FILLED_AFTER_S
        if fresh:
            self._clock.forget()
        self._clock.arrived(now, frames)
        self._came_at = now
        error_s = 0.0 if target_s is None else self.start_s - target_s
        if abs(error_s) > (_STRETCHED_FROM_S if fresh else _STEP_S):
            block = self._step(round(error_s * self._rate_hz), block)
        elif self._stretcher is not None:
            block, added = self._stretcher.stretch(block, error_s)
            self._added += added
        self.ready += block

    def fill(self, now: float, begins_s: float) -> None:
        """Put silence where nothing has come for a while."""
        missing_s = now - begins_s - self.frames / self._rate_hz
        if now - self._came_at > _FILLED_AFTER_S and missing_s > _FILLED_AFTER_S:
            self._pad(round((missing_s - _FILLED_UNTIL_S) * self._rate_hz))

    def give(self, frames: int) -> bytes:
        """So many frames, in order; silence where it has fewer."""
        size = frames * SAMPLE_BYTES
        given = bytes(self.ready[:size]).ljust(size, b"\0")
        del self.ready[:size]
        self._taken += frames
        return given

    def _pad(self, frames: int) -> None:
        self.ready += bytes(frames * SAMPLE_BYTES)
        self._added += frames

    def _step(self, frames: int, block: bytes) -> bytes:
        """Make up for an error of so many frames; returns what is left of the block."""
        if frames > 0:
            self._pad(frames)
            return block
        cut = min(-frames, len(block) // SAMPLE_BYTES)
        self._added -= cut
        return block[cut * SAMPLE_BYTES :]


class Stretcher:
    """Makes the blocks of one stream longer or shorter by a little, without a seam."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._before = b""
        self._stream: Any = None  # from the first need on
        self._owed = 0  # frames at its start that were given already

    def stretch(self, block: bytes, error_s: float) -> tuple[bytes, float]:
        """The block, and by how many frames it was made longer.

        Args:
            error_s: by how much the recording is to become longer in the next seconds.
        """
        frames = len(block) // SAMPLE_BYTES
        if self._stream is None:
            if abs(error_s) < _STRETCHED_FROM_S:
                self._before = block
                return block, 0.0
            self._begin()
        import numpy as np

        stretch = min(max(error_s / _LOOP_S, -_MOST_STRETCH), _MOST_STRETCH)
        self._stream.set_io_ratio(1.0, 1.0 + stretch, slew_len=frames)
        made = self._stream.resample_chunk(np.frombuffer(block, "<i2"))
        owed = min(self._owed, len(made))
        self._owed -= owed
        return made[owed:].astype("<i2").tobytes(), frames * stretch

    def _begin(self) -> None:
        """Go on with what was given last, so that there is no click."""
        import numpy as np
        import soxr

        most = self._rate_hz * (1 + 2 * _MOST_STRETCH)
        self._stream = soxr.ResampleStream(most, self._rate_hz, 1, dtype="int16", vr=True)
        self._stream.set_io_ratio(1.0, 1.0)
        self._owed = len(self._before) // SAMPLE_BYTES
        if self._owed:
            made = self._stream.resample_chunk(np.frombuffer(self._before, "<i2"))
            self._owed -= len(made)


class TrackPair:
    """Puts the blocks of microphone (0) and system (1) side by side, as they come."""

    def __init__(self, rate_hz: int) -> None:
        self._microphone = Track(rate_hz, stretches=False)
        self._system = Track(rate_hz, stretches=True)
        self._begins_s: float | None = None  # the recording, by the microphone's clock

    def take(self, track: int, block: bytes, now: float) -> bytes:
        """Take a block that came at `now`, in seconds; returns interleaved s16 that is complete."""
        if track == 0:
            self._microphone.take(block, now, self._begins_s)
            self._begins_s = self._microphone.start_s
        elif self._begins_s is not None:  # what was played before the microphone was open is left
            self._system.take(block, now, self._begins_s)
        return self.fill(now)

    def fill(self, now: float) -> bytes:
        """What is complete when silence stands for what has not come for a while."""
        if self._begins_s is None:
            return b""
        for track in (self._microphone, self._system):
            track.fill(now, self._begins_s)
        frames = min(len(self._microphone.ready), len(self._system.ready)) // SAMPLE_BYTES
        return self._give(frames)

    def finish(self) -> bytes:
        """The rest of the microphone, beside what there is of the system."""
        return self._give(len(self._microphone.ready) // SAMPLE_BYTES)

    def _give(self, frames: int) -> bytes:
        values = array("h", bytes(2 * frames * SAMPLE_BYTES))
        values[0::2] = array("h", self._microphone.give(frames))
        values[1::2] = array("h", self._system.give(frames))
        return values.tobytes()
