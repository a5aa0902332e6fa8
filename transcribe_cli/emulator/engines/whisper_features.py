"""Whisper's view of audio: the logarithm of its mel spectrum. Pure.

Source: the paper "Robust Speech Recognition via Large-Scale Weak Supervision" and its code: windows
of 25 ms every 10 ms, mel bands up to 8 kHz on Slaney's scale, 8 decades deep.
"""

from functools import cache
from typing import Any

import numpy as np

FRAMES_PER_SECOND = 100
_RATE_HZ = 16000
_HOP = _RATE_HZ // FRAMES_PER_SECOND
_WINDOW = 400
_LINEAR_HZ = 200 / 3  # of a mel, up to 1 kHz
_LINEAR_MELS = 15.0
_LOG_STEP = np.log(6.4) / 27  # of a mel, above


def log_mel(samples: Any, frames: int, bands: int) -> Any:
    """The features of a model: float32 of shape (1, bands, frames).

    Args:
        samples: at 16 kHz, float32 from -1 to 1; silence follows them, or they are cut.
        frames: of 10 ms each.
    """
    padded = np.zeros(frames * _HOP, np.float32)
    padded[: len(samples)] = samples[: len(padded)]
    padded = np.pad(padded, _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:frames]
    hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(windows * hann, axis=1)).astype(np.float32) ** 2
    logs = np.log10(np.maximum(_mel_bands(bands) @ power.T, 1e-10))
    logs = np.maximum(logs, logs.max() - 8)
    return ((logs + 4) / 4).astype(np.float32)[np.newaxis]


@cache
def _mel_bands(bands: int) -> Any:
    """The weight of each frequency in each band; triangles of equal area."""
    top = _mel_of(_RATE_HZ / 2)
    edges = _hz_of(np.linspace(0.0, top, bands + 2))
    slopes = edges[:, np.newaxis] - np.fft.rfftfreq(_WINDOW, 1 / _RATE_HZ)
    widths = np.diff(edges)[:, np.newaxis]
    triangles = np.maximum(0, np.minimum(-slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, np.newaxis]).astype(np.float32)


def _mel_of(hz: float) -> float:
    return float(_LINEAR_MELS + np.log(hz / 1000) / _LOG_STEP) if hz >= 1000 else hz / _LINEAR_HZ


def _hz_of(mels: Any) -> Any:
    above = 1000 * np.exp(_LOG_STEP * (mels - _LINEAR_MELS))
    return np.where(mels >= _LINEAR_MELS, above, _LINEAR_HZ * mels)
