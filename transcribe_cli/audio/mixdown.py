"""Mixes many channels into one without losing speech.

A plain mean loses speech in three ways: channels that are each other's inverse cancel out (some
call recorders write them so), silent channels make the others weaker, and in film sound the speech
is in the centre, which is one channel of six or eight.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

# Bits of a channel mask, from the lowest: ksmedia.h, "SPEAKER_FRONT_LEFT" and those that follow.
_LEFT, _RIGHT, _CENTRE, _BASS = 0x1, 0x2, 0x4, 0x8
_CENTRE_WEIGHT, _FRONT_WEIGHT, _OTHER_WEIGHT = 0.707, 0.354, 0.25

_HEARD_PEAK = 0.001  # -60 dB: a channel below it has had no sound yet
_CANCELLED = 0.1  # of the strongest channel's energy: a mix 10 dB below it has lost speech
_WHOLE_AGAIN = 0.25
_STRONGER = 4.0  # another channel is chosen if it has this many times the energy
_KEPT = 0.8  # the share of earlier energies that counts with each new block
_RAMP_S = 0.01  # the time in which one mix fades into another, to avoid a click
_TOLD_AFTER_S = 0.2

CANCEL_OUT = (
    "the channels cancel each other out: the strongest one is transcribed; "
    "--channels left or right takes one"
)


def layout_weights(channels: int, mask: int) -> list[float] | None:
    """The weight of each channel if the layout has a centre channel; None: all are equal.

    Args:
        mask: which speakers the channels are for, in the order of its bits; 0: unknown.
    """
    bits = [1 << bit for bit in range(32) if mask >> bit & 1]
    if len(bits) != channels or channels < 3 or not mask & _CENTRE:
        return None
    weight_of = {_LEFT: _FRONT_WEIGHT, _RIGHT: _FRONT_WEIGHT, _CENTRE: _CENTRE_WEIGHT, _BASS: 0.0}
    return [weight_of.get(bit, _OTHER_WEIGHT) for bit in bits]


class Mixdown:
    """Mixes the blocks of one stream, depending on what it has heard so far.

    Args:
        rate_hz: the frame rate.
        weights: one for each channel, from `layout_weights`; None: the mean of all heard channels.
        warn: called once if the channels cancel each other out.
    """

    def __init__(
        self,
        channels: int,
        rate_hz: int,
        weights: Sequence[float] | None = None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._rate_hz = rate_hz
        self._weights = weights
        self._warn = warn
        self._heard = [False] * channels
        self._energies = [0.0] * channels
        self._mix_energy = 0.0
        self._only: int | None = None  # the channel that is used alone
        self._gains: Any = None  # those of the last block
        self._cancelled_s: float | None = 0.0

    def mix(self, frames: "Samples") -> "Samples":
        """Mix frames of shape (frames, channels), -1 to 1, into one channel."""
        count, channels = frames.shape
        if channels == 1 or not count:
            mono: Samples = frames[:, 0]
            return mono
        self._listen(frames)
        gains = self._chosen(frames, self._mixing_gains())
        mixed = _sum(frames, gains)
        if self._gains is not None and gains != self._gains:
            _ramp(mixed, _sum(frames, self._gains), round(self._rate_hz * _RAMP_S))
        self._gains = gains
        return mixed

    def _listen(self, frames: "Samples") -> None:
        for channel in range(frames.shape[1]):
            if not self._heard[channel]:
                self._heard[channel] = bool(abs(frames[:, channel]).max() > _HEARD_PEAK)

    def _mixing_gains(self) -> list[float]:
        if self._weights is not None:
            return list(self._weights)
        heard = self._heard if any(self._heard) else [True] * len(self._heard)
        return [float(is_heard) / sum(heard) for is_heard in heard]

    def _chosen(self, frames: "Samples", gains: list[float]) -> list[float]:
        """These gains; or the strongest channel alone, if the mix would lose its speech."""
        now = [_energy(frames[:, channel]) for channel in range(len(gains))]
        mix_now = _energy(_sum(frames, gains))
        self._energies = [_KEPT * old + new for old, new in zip(self._energies, now, strict=True)]
        self._mix_energy = _KEPT * self._mix_energy + mix_now
        loudest = max(now)
        audible = loudest > len(frames) * _HEARD_PEAK**2
        if audible and mix_now < _CANCELLED * loudest:
            self._take_strongest(self._energies)
            self._count(len(frames))
        elif self._mix_energy > _WHOLE_AGAIN * max(self._energies):
            self._only = None
        if self._only is None:
            return gains
        return [float(channel == self._only) for channel in range(len(gains))]

    def _take_strongest(self, energies: list[float]) -> None:
        strongest = max(range(len(energies)), key=energies.__getitem__)
        if self._only is None or energies[strongest] > _STRONGER * energies[self._only]:
            self._only = strongest

    def _count(self, frames: int) -> None:
        if self._cancelled_s is None:
            return
        self._cancelled_s += frames / self._rate_hz
        if self._cancelled_s >= _TOLD_AFTER_S:
            self._cancelled_s = None
            self._warn(CANCEL_OUT)


def _sum(frames: "Samples", gains: Sequence[float]) -> "Samples":
    import numpy as np

    # Channel by channel, because a matrix product over such short rows takes far longer.
    mixed = np.zeros(len(frames), np.float32)
    for channel, gain in enumerate(gains):
        if gain:
            mixed += frames[:, channel] * np.float32(gain)
    return mixed


def _energy(samples: "Samples") -> float:
    import numpy as np

    return float(np.dot(samples, samples))


def _ramp(mixed: "Samples", before: "Samples", frames: int) -> None:
    """Fade the first frames in from the mix before."""
    import numpy as np

    frames = min(frames, len(mixed))
    share = np.linspace(0, 1, frames, endpoint=False, dtype=np.float32)
    mixed[:frames] = before[:frames] + share * (mixed[:frames] - before[:frames])
