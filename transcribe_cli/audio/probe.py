"""Measures a moment of audio: level, speech, clipping, a telephone's band. Pure.

Levels are in dB below full scale.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from transcribe_cli.audio.level import CLIP_AT, decibels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE_HZ = 48000
"""The rate of the samples that are measured: high enough to see a band of any width."""

_FRAME_S = 0.02
_SILENT_DB = -60.0
_SPEECH_DB = 12.0  # above the quietest tenth; speech comes and goes, noise and tones do not
_QUIETEST = 10  # percent
_LEAST_SPEECH = 0.1  # of the time
_LEAST_CLIPPED = 0.0005  # of the samples
_TELEPHONE_HZ = 3900  # a telephone's band ends at 3400 Hz, and 8 kHz audio holds at most 4000
_BEYOND_DB = -50.0  # power above the band, relative to the power in it


class ChannelSound(NamedTuple):
    """What was measured of one channel.

    Attributes:
        level_db: level of its power; peak_db: level of its loudest sample.
        speech: the share of time in which it is much louder than at its quietest.
        clipped: the share of samples at full scale.
        is_narrow: it has sound, but none above a telephone's band.
    """

    level_db: float
    peak_db: float
    speech: float
    clipped: float
    is_narrow: bool

    @property
    def is_silent(self) -> bool:
        """Whether nothing can be heard."""
        return self.peak_db < _SILENT_DB

    @property
    def has_speech(self) -> bool:
        """Whether its sound comes and goes as speech does."""
        return not self.is_silent and self.speech >= _LEAST_SPEECH

    def __str__(self) -> str:
        if self.is_silent:
            return "silent"
        kind = f"speech {self.speech:.0%} of the time" if self.has_speech else "steady sound"
        words = [kind, f"{self.level_db:.0f} dB", f"peak {self.peak_db:.0f} dB"]
        if self.clipped >= _LEAST_CLIPPED:
            words.append(f"clipped: {self.clipped:.1%} of the samples")
        if self.is_narrow:
            words.append("nothing above 4 kHz, as on a telephone")
        return ", ".join(words)


def find_out(samples: bytes) -> ChannelSound:
    """Measure s16le mono samples at `RATE_HZ`.

    >>> str(find_out(bytes(9600)))
    'silent'
    """
    import numpy as np

    values = np.frombuffer(samples, "<i2").astype(np.float64)
    if not len(values):
        return ChannelSound(decibels(0), decibels(0), 0.0, 0.0, False)
    step = round(RATE_HZ * _FRAME_S)
    frames = values[: len(values) // step * step].reshape(-1, step)
    levels = 10 * np.log10(np.maximum((frames**2).mean(axis=1), 1.0) / 32768**2)
    speech = 0.0
    if len(levels):
        quiet = max(float(np.percentile(levels, _QUIETEST)), _SILENT_DB)
        speech = float((levels > quiet + _SPEECH_DB).mean())
    power = float((values**2).mean())
    return ChannelSound(
        decibels(round(power**0.5)),
        decibels(int(abs(values).max())),
        speech,
        float((abs(values) >= CLIP_AT).mean()),
        power > 1.0 and _is_narrow(values),
    )


def advice(channels: Sequence[ChannelSound], mix: ChannelSound) -> str | None:
    """Which channels to take, in words; None if all should be mixed.

    Args:
        mix: what was measured of the plain mean of all channels.
    """
    if len(channels) != 2:
        return None
    names = ("left", "right")
    speaking = [name for name, c in zip(names, channels, strict=True) if c.has_speech]
    if len(speaking) == 1:
        return f"only one side has speech: --channels {speaking[0]}"
    if cancels(channels, mix):
        return "the channels cancel each other out when mixed: --channels left or right"
    return None


def cancels(channels: Sequence[ChannelSound], mix: ChannelSound) -> bool:
    """Whether speech is lost in the mix; arguments as in `advice`."""
    loudest_db = max((channel.level_db for channel in channels), default=mix.level_db)
    return any(c.has_speech for c in channels) and mix.level_db < loudest_db - 10.0


def _is_narrow(values: "NDArray[np.float64]") -> bool:
    import numpy as np

    size = 4096
    if len(values) < size:
        return False
    blocks = values[: len(values) // size * size].reshape(-1, size) * np.hanning(size)
    spectrum = (abs(np.fft.rfft(blocks, axis=1)) ** 2).sum(axis=0)
    edge = round(_TELEPHONE_HZ * size / RATE_HZ)
    # Measure above the slope of a resampler's filter.
    beyond, within = spectrum[round(edge * 1.15) :].sum(), spectrum[:edge].sum()
    return bool(within > 0 and 10 * np.log10(max(beyond, 1e-9) / within) < _BEYOND_DB)
