"""A device's audio on the wall's clock, with silence where the device gave none. Pure.

Missing audio is found by how far the audio lies behind the clock, compared with its usual lag. So
no silence is added if a device, or a sound server that was held up, delivers kept audio late. All
of a machine's sleep becomes silence, even if the device does not know that it slept. Losses of less
than a second are filled once they add up to a second.
"""

from msgspec import Struct

from transcribe_cli.audio.source import DeviceBack, DeviceLost, SourceEvent

SILENT_S = 2.0
"""An unplugged device may report no error, and only give no audio."""

JUMP_S = 1.0  # audio this much later than usual was held up, or some is missing before it
LEAST_S = 0.2  # a lag below this is only the time to the next block of the same stream
SETTLE_S = 0.3  # how long new audio is held to measure its lag
WINDOW_S = 10.0  # the usual lag is the least in this much time, because clocks drift
DRIFT = 0.002  # the greatest drift of a clock; a greater change of lag is missing audio
FILL_BEHIND_S = 1.0  # audio that comes back may have begun this long ago
_SILENCE_S = 1.0  # the longest block of silence

Given = bytes | SourceEvent


class _Held(Struct):
    """A block that is held until it is known how much audio is missing before it."""

    samples: bytes
    lag_s: float


class DeviceTimeline:
    """Takes s16le mono samples and events, and returns them with silence added. Times are in s.

    Args:
        rate_hz: the sample rate.

    Attributes:
        is_lost: the device gives no audio now, and this was reported.
    """

    def __init__(self, rate_hz: int) -> None:
        self.is_lost = False
        self._rate_hz = rate_hz
        self._device = ""
        self._covered: float | None = None  # the time up to which there is audio
        self._came_at = 0.0
        self._window_ends = 0.0
        self._least_lag = self._earlier_least_lag = float("inf")  # in this window, in the last one
        self._held: list[_Held] | None = None
        self._is_another = False  # the held blocks come from another stream than earlier ones
        self._judge_at = 0.0

    @property
    def settles(self) -> bool:
        """Whether the lag of new audio is still being measured."""
        return bool(self._held)

    def opened(self, device: str, now: float) -> None:
        """A device was opened: the first one, or another."""
        self._device = device
        self._came_at = now
        if self._covered is not None:
            self._held = []
            self._is_another = True

    def took(self, samples: bytes, now: float) -> list[Given]:
        """Audio came; returns what can be recorded now."""
        self._came_at = now
        seconds = self._seconds(samples)
        if self._covered is None:
            self._covered = now - seconds
        ahead = sum(self._seconds(h.samples) for h in self._held or ())
        lag = now - (self._covered + ahead + seconds)
        if self._held and lag > min(h.lag_s for h in self._held) + JUMP_S:
            return self._release(now) + self.took(samples, now)  # more is missing before this block
        if self._held is None and (self.is_lost or lag > self._usual_lag + JUMP_S):
            self._held = []
        if self._held is not None:
            if not self._held:
                self._judge_at = now + SETTLE_S
            self._held.append(_Held(samples, lag))
            return []
        self._give(seconds, now)
        return [samples]

    def quiet(self, now: float) -> list[Given]:
        """All audio was taken, and no more is there now; returns what can be recorded now."""
        if self._held and now >= self._judge_at:
            return self._release(now)
        if now - self._came_at < SILENT_S:
            return []
        return self._lose()

    def lost(self, now: float) -> list[Given]:
        """The device is gone; returns what can be recorded now."""
        given = self._release(now)
        return given + self._lose()

    def away(self, now: float) -> list[Given]:
        """The device is still gone; returns silence up to `FILL_BEHIND_S` before now."""
        return [] if self._covered is None else self._silence(self._missing(now) - FILL_BEHIND_S)

    def ended(self, now: float) -> list[Given]:
        """Recording was stopped; returns the rest, with silence if the device is gone."""
        given = self._release(now)
        if self.is_lost and self._covered is not None:
            given += self._silence(self._missing(now))
        return given

    def _lose(self) -> list[Given]:
        if self.is_lost:
            return []
        self.is_lost = True
        return [DeviceLost(self._device)]

    def _release(self, now: float) -> list[Given]:
        """Returns the held audio, with silence for what is missing before it."""
        held, self._held = self._held, None
        if not held:
            return []
        missing_s = min(h.lag_s for h in held) - self._usual_lag
        if not self._is_another and missing_s < LEAST_S:
            missing_s = 0.0
        self._is_another = False
        given: list[Given] = self._lose() if missing_s > 0 else []
        given += self._silence(missing_s)
        if self.is_lost:
            self.is_lost = False
            given.append(DeviceBack(self._device))
        rest = b"".join(h.samples for h in held)
        if missing_s < 0:  # the audio of a device overlaps that of the one it replaces
            rest = rest[2 * round(-missing_s * self._rate_hz) :]
        self._give(self._seconds(rest), now)
        return [*given, rest]

    def _missing(self, now: float) -> float:
        assert self._covered is not None
        return now - self._covered - self._usual_lag

    def _silence(self, seconds: float) -> list[Given]:
        assert self._covered is not None
        frames = max(0, round(seconds * self._rate_hz))
        self._covered += frames / self._rate_hz
        most = round(_SILENCE_S * self._rate_hz)
        whole, rest = divmod(frames, most)
        silence: list[Given] = [bytes(2 * most)] * whole  # one object repeated, to save memory
        return [*silence, bytes(2 * rest)] if rest else silence

    def _give(self, seconds: float, now: float) -> None:
        assert self._covered is not None
        self._covered += seconds
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_S
            most = self._usual_lag + DRIFT * WINDOW_S
            self._earlier_least_lag, self._least_lag = min(self._least_lag, most), float("inf")
        self._least_lag = min(self._least_lag, now - self._covered)

    @property
    def _usual_lag(self) -> float:
        least = min(self._least_lag, self._earlier_least_lag)
        return least if least < float("inf") else 0.0

    def _seconds(self, samples: bytes) -> float:
        return len(samples) / 2 / self._rate_hz
