"""Takes steady noise out of a piece of speech, as far as that helps a model to understand it.

Spectral subtraction: what the frames without speech have in each band is taken away from all, in
part. More of it is worse: voices then sound of water, which models have not learnt either.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS

FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
_NOISY = 0.2**2  # the power of noise to that of speech
_WINDOW, _HOP = 512, 256  # samples: 32 ms, every 16 ms
_BANDS_AROUND = 9  # of 31 Hz, over which noise is even
_TAKEN = 0.5  # of the noise's power
_LEAST_GAIN = 10 ** (-10 / 20)


def is_noisy(samples: Any, speech: Sequence[bool], silent: int) -> bool:
    """Whether the first frames, so many, which are no speech, are loud beside those that are.

    >>> quiet, loud = np.full(4800, 0.01), np.full(4800, 0.3)
    >>> is_noisy(np.concatenate([quiet, loud]), [False] * 10 + [True] * 10, silent=6)
    False
    >>> is_noisy(np.concatenate([loud / 3, loud]), [False] * 10 + [True] * 10, silent=6)
    True
    """
    level = np.square(samples[: len(speech) * FRAME_SAMPLES].reshape(len(speech), -1)).mean(axis=1)
    return bool(level[:silent].mean() > _NOISY * level[np.array(speech)].mean())


def with_less_noise(samples: Any, speech: Sequence[bool]) -> Any:
    """The samples, float32 at 16 kHz, with less of what is in the frames without speech.

    `speech`: of each 30 ms whether it is speech; some are not.
    """
    shape = np.sqrt(np.hanning(_WINDOW + 1)[:-1]).astype(np.float32)  # twice, it adds up to 1
    padded = np.pad(samples, (_WINDOW, 2 * _WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectra = np.fft.rfft(windows * shape)
    power = np.square(np.abs(spectra))
    middles = np.arange(len(power)) * _HOP + _WINDOW // 2 - _WINDOW
    whole = (middles >= _WINDOW // 2) & (middles < len(samples) - _WINDOW // 2)
    silent = ~np.array(speech)[np.clip(middles // FRAME_SAMPLES, 0, len(speech) - 1)] & whole
    if not silent.any():
        return samples
    noise = _TAKEN * _evened(power[silent].mean(axis=0), _BANDS_AROUND)
    heard = _evened(_evened(power, 3).T, 3).T
    gains = np.maximum(1 - noise / np.maximum(heard, 1e-12), _LEAST_GAIN)
    parts = np.fft.irfft(spectra * gains) * shape
    added = np.zeros((len(parts) + 1, _HOP))
    added[:-1] += parts[:, :_HOP]
    added[1:] += parts[:, _HOP:]
    return added.reshape(-1)[_WINDOW : _WINDOW + len(samples)].astype(np.float32)


def _evened(values: Any, around: int) -> Any:
    """Each value as the mean of so many around it, on the last axis."""
    wide = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(around // 2, around // 2)], "edge")
    return np.lib.stride_tricks.sliding_window_view(wide, around, axis=-1).mean(axis=-1)
