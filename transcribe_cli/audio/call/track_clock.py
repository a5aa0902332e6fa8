"""Keeps the two tracks of a call together, though each device has a clock of its own. Pure.

A block can arrive late, but never early. So the smallest value of arrival time minus duration so
far, over the last `WINDOW_S`, tells when a track's first sample was captured. The difference of
both tracks' values tells how far they have drifted apart. A slow control loop corrects the drift by
stretching the system's track slightly; the microphone's track stays as it is, sample for sample,
and its clock is the recording's.

A device that is off by 100 ppm drifts by 360 ms in an hour; a loop controlled by the fill level of
a buffer would swing by the size of a block. Missing audio has become silence before
(`DeviceTimeline`), which arrives at any time, so its blocks have no arrival time. A side that has
not begun after a few seconds is silent, and is placed when its clock is known.
"""

import math
from array import array
from typing import Any

from transcribe_cli.audio.format import SAMPLE_BYTES

WINDOW_S = 10
_LOOP_S = 10.0  # the time in which an error is corrected
_MOST_STRETCH = 0.002
_SMALL_S = 0.01  # a smaller error is the jitter of arrivals, and samples stay as they are
_STEP_S = 0.2  # a greater error is corrected at once, by adding silence or cutting
_WAIT_S = 5.0  # how long to wait for a side that has not begun; devices open faster
_KNOWN_AFTER_S = 1.0  # how long to observe arrivals at the beginning and after a gap


class ArrivalClock:
    """Tells when a stream's first sample was captured, from the arrival times of its blocks."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._frames = 0
        self._smallest: dict[int, float] = {}  # the smallest start time, by second of arrival
        self._since = -math.inf
        self._start_s: float | None = None

    def arrived(self, now: float | None, frames: int) -> None:
        """`frames` more frames arrived at `now`, in seconds; None: their time says nothing."""
        self._frames += frames
        if now is None:
            self._start_s = self.guess_s  # a better value may take long
            self._smallest.clear()
            return
        if not self._smallest:
            self._since = now
        second = math.floor(now)
        start = now - self._frames / self._rate_hz
        self._smallest[second] = min(self._smallest.get(second, start), start)
        for old in [at for at in self._smallest if at <= second - WINDOW_S]:
            del self._smallest[old]
        if now - self._since >= _KNOWN_AFTER_S:
            self._start_s = min(self._smallest.values())

    @property
    def has_begun(self) -> bool:
        """Whether any audio has come."""
        return self._frames > 0

    @property
    def start_s(self) -> float | None:
        """The time of the first sample; None while it is not known."""
        return self._start_s

    @property
    def guess_s(self) -> float | None:
        """The best estimate of `start_s` so far; None if there is none."""
        return (
            min(self._smallest.values(), default=None) if self._start_s is None else self._start_s
        )


class Stretcher:
    """Makes the blocks of one stream slightly longer or shorter, without audible joints."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._before = b""
        self._stream: Any = None  # made when it is first needed
        self._owed = 0  # frames at the stream's start that were already given

    def stretch(self, block: bytes, error_s: float) -> tuple[bytes, float]:
        """Returns the stretched block, and by how many frames it became longer.

        Args:
            error_s: by how much the track should become longer in the next seconds.
        """
        frames = len(block) // SAMPLE_BYTES
        if self._stream is None:
            if abs(error_s) < _SMALL_S:
                self._before = block
                return block, 0.0
            self._begin()
        import numpy as np

        stretch = min(max(error_s / _LOOP_S, -_MOST_STRETCH), _MOST_STRETCH)
        self._stream.set_io_ratio(1.0, 1.0 + stretch, slew_len=frames)
        made = self._stream.resample_chunk(np.frombuffer(block, "<i2").astype(np.float32))
        owed = min(self._owed, len(made))
        self._owed -= owed
        samples = np.clip(np.rint(made[owed:]), -32768, 32767)
        return samples.astype("<i2").tobytes(), frames * stretch

    def _begin(self) -> None:
        """Begin to resample with the block given last, so that there is no click."""
        import numpy as np
        import soxr

        most = self._rate_hz * (1 + 2 * _MOST_STRETCH)
        self._stream = soxr.ResampleStream(
            most, self._rate_hz, 1, vr=True
        )  # whole numbers would be dithered
        self._stream.set_io_ratio(1.0, 1.0)
        self._owed = len(self._before) // SAMPLE_BYTES
        if self._owed:
            before = np.frombuffer(self._before, "<i2").astype(np.float32)
            self._owed -= len(self._stream.resample_chunk(before))


class TrackPair:
    """Puts the blocks of microphone (0) and system (1) side by side while they arrive."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._given = 0  # frames
        self._clocks = (ArrivalClock(rate_hz), ArrivalClock(rate_hz))
        self._ready = (bytearray(), bytearray())
        self._stretcher = Stretcher(rate_hz)
        self._held = b""  # the system's audio, until its position is known
        self._added: float | None = None  # frames in the system's track beyond those that came
        self._before = 0  # frames of silence before the microphone's first frame
        self._is_guess = False  # the system's position is a guess, since one side has begun late

    def take(self, track: int, block: bytes, now: float | None) -> bytes:
        """Take a block; returns the interleaved s16 that is complete now.

        Args:
            now: when the block arrived, in seconds; None if it says nothing, as for added silence.
        """
        self._clocks[track].arrived(now, len(block) // SAMPLE_BYTES)
        if track == 1:
            block = self._placed(block)
        self._ready[track].extend(block)
        self._go_on_without()
        return self._give(min(map(len, self._ready)) // SAMPLE_BYTES)

    def frames(self, track: int) -> int:
        """The frame of the recording up to which a track has come."""
        held = len(self._held) if track == 1 else 0
        return self._given + (len(self._ready[track]) + held) // SAMPLE_BYTES

    def finish(self) -> bytes:
        """Returns the rest of the microphone's track, with what there is of the system's."""
        return self._give(len(self._ready[0]) // SAMPLE_BYTES)

    def _placed(self, block: bytes) -> bytes:
        """Returns a block of the system, stretched or moved to its position."""
        begins_s, start_s = (clock.start_s for clock in self._clocks)
        if self._added is None:
            self._held += block
        if begins_s is None or start_s is None:
            return b"" if self._added is None else block
        due = (start_s - begins_s) * self._rate_hz + self._before
        if self._added is None:  # the first blocks are placed exactly
            self._added = 0.0
            block, self._held = self._held, b""
            return self._step(round(due), block)
        error_s = (due - self._added) / self._rate_hz
        if abs(error_s) > _STEP_S or self._is_guess:
            self._is_guess = False
            return self._step(round(error_s * self._rate_hz), block)
        block, added = self._stretcher.stretch(block, error_s)
        self._added += added
        return block

    def _go_on_without(self) -> None:
        """If a side has not begun in `_WAIT_S`, record it as silence until it begins."""
        microphone, system = self._ready
        if self._added is None:
            size = max(len(microphone), len(self._held))
            if size < _WAIT_S * self._rate_hz * SAMPLE_BYTES:
                return
            self._is_guess = True
            self._added = 0.0
            block, self._held = self._held, b""
            begins_s, start_s = (clock.guess_s for clock in self._clocks)
            if begins_s is not None and start_s is not None:  # a gap came in the first second
                system += self._step(round((start_s - begins_s) * self._rate_hz), block)
                return
            # Assume that both end now, until their clocks are known.
            system += self._step((size - len(block)) // SAMPLE_BYTES, block)
            self._before = (size - len(microphone)) // SAMPLE_BYTES
            microphone[:0] = bytes(size - len(microphone))
        elif not self._clocks[0].has_begun:
            self._before += (len(system) - len(microphone)) // SAMPLE_BYTES
            microphone.extend(bytes(len(system) - len(microphone)))
        elif not self._clocks[1].has_begun:
            system += self._step((len(microphone) - len(system)) // SAMPLE_BYTES, b"")

    def _step(self, frames: int, block: bytes) -> bytes:
        """Correct an error of `frames` frames at once; returns the audio to add now."""
        assert self._added is not None
        cut = min(max(0, -frames), len(block) // SAMPLE_BYTES)
        pad = max(0, frames)
        self._added += pad - cut
        return bytes(pad * SAMPLE_BYTES) + block[cut * SAMPLE_BYTES :]

    def _give(self, frames: int) -> bytes:
        size = frames * SAMPLE_BYTES
        self._given += frames
        values = array("h", bytes(2 * size))
        for side, ready in enumerate(self._ready):
            values[side::2] = array("h", bytes(ready[:size]).ljust(size, b"\0"))
            del ready[:size]
        return values.tobytes()
