"""Keeps the two tracks of a call together, though each device has a clock of its own. Pure.

A block can come late, never early. So of the last `WINDOW_S` the smallest (arrival minus samples
over rate) tells when a track's first sample was captured, and the difference of both tells how far
they have drifted apart. A slow loop works that off by stretching the system's track a little; the
microphone's stays sample for sample, and its clock is the recording's.

A device of 100 ppm drifts by 360 ms in an hour; a loop that looks at how full a buffer is would
swing by the size of a block. What a device does not give is silence already (`DeviceTimeline`), and
comes when it comes: such blocks have no time of arrival. A side that has not begun yet is silent
after a few seconds, and is placed when its clock is known.
"""

import math
from array import array
from typing import Any

from transcribe_cli.audio.format import SAMPLE_BYTES

WINDOW_S = 10
_LOOP_S = 10.0  # in which an error is worked off
_MOST_STRETCH = 0.002
_SMALL_S = 0.01  # less is the jitter of arrivals, and samples stay as they are
_STEP_S = 0.2  # more is made up for at once, by silence or by a cut
_WAIT_S = 5.0  # for a side that has not begun; longer than a device takes to open
_KNOWN_AFTER_S = 1.0  # so long blocks are looked at, the first ones and those behind a gap


class ArrivalClock:
    """When the first sample of a stream was captured, on the clock of its blocks' arrivals."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._frames = 0
        self._smallest: dict[int, float] = {}  # by the second of arrival
        self._since = -math.inf
        self._start_s: float | None = None

    def arrived(self, now: float | None, frames: int) -> None:
        """So many frames more are there at `now`, in seconds; None: that says nothing."""
        self._frames += frames
        if now is None:
            self._start_s = self.guess_s  # it may be long until more is known
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
        """Anything has come."""
        return self._frames > 0

    @property
    def start_s(self) -> float | None:
        """The time of the first sample; None while that is not known yet."""
        return self._start_s

    @property
    def guess_s(self) -> float | None:
        """The same as far as it can be told by now."""
        return (
            min(self._smallest.values(), default=None) if self._start_s is None else self._start_s
        )


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
        """Go on with what was given last, so that there is no click."""
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
    """Puts the blocks of microphone (0) and system (1) side by side, as they come."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._given = 0  # frames
        self._clocks = (ArrivalClock(rate_hz), ArrivalClock(rate_hz))
        self._ready = (bytearray(), bytearray())
        self._stretcher = Stretcher(rate_hz)
        self._held = b""  # of the system, until it is known where it belongs
        self._added: float | None = None  # frames of its track beyond those that came
        self._before = 0  # frames of silence in front of the microphone's first
        self._is_guess = False  # where the system lies: one side has begun late

    def take(self, track: int, block: bytes, now: float | None) -> bytes:
        """Take a block; returns interleaved s16 that is complete.

        Args:
            now: when it came, in seconds; None where that says nothing, as of silence put in.
        """
        self._clocks[track].arrived(now, len(block) // SAMPLE_BYTES)
        if track == 1:
            block = self._placed(block)
        self._ready[track].extend(block)
        self._go_on_without()
        return self._give(min(map(len, self._ready)) // SAMPLE_BYTES)

    def frames(self, track: int) -> int:
        """Up to which frame of the recording a track has come."""
        held = len(self._held) if track == 1 else 0
        return self._given + (len(self._ready[track]) + held) // SAMPLE_BYTES

    def finish(self) -> bytes:
        """The rest of the microphone, beside what there is of the system."""
        return self._give(len(self._ready[0]) // SAMPLE_BYTES)

    def _placed(self, block: bytes) -> bytes:
        """A block of the system, stretched or moved to where it belongs."""
        begins_s, start_s = (clock.start_s for clock in self._clocks)
        if self._added is None:
            self._held += block
        if begins_s is None or start_s is None:
            return b"" if self._added is None else block
        due = (start_s - begins_s) * self._rate_hz + self._before
        if self._added is None:  # the first ones are placed to the sample
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
        """A side that has not begun in `_WAIT_S` is silent until it does: the other is recorded."""
        microphone, system = self._ready
        if self._added is None:
            size = max(len(microphone), len(self._held))
            if size < _WAIT_S * self._rate_hz * SAMPLE_BYTES:
                return
            self._is_guess = True
            self._added = 0.0
            block, self._held = self._held, b""
            begins_s, start_s = (clock.guess_s for clock in self._clocks)
            if begins_s is not None and start_s is not None:  # a gap came in their first second
                system += self._step(round((start_s - begins_s) * self._rate_hz), block)
                return
            # Both end now, until their clocks tell better.
            system += self._step((size - len(block)) // SAMPLE_BYTES, block)
            self._before = (size - len(microphone)) // SAMPLE_BYTES
            microphone[:0] = bytes(size - len(microphone))
        elif not self._clocks[0].has_begun:
            self._before += (len(system) - len(microphone)) // SAMPLE_BYTES
            microphone.extend(bytes(len(system) - len(microphone)))
        elif not self._clocks[1].has_begun:
            system += self._step((len(microphone) - len(system)) // SAMPLE_BYTES, b"")

    def _step(self, frames: int, block: bytes) -> bytes:
        """Make up for an error of so many frames; returns what comes now."""
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
