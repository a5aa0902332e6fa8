"""Words that a lossy codec keeps: word N, 1 to 60, is 60 ms of a pitch of its own and 40 ms of
silence. The ear that reads them decodes Ogg Opus with libsndfile, which the program does not.
"""

import io
from typing import Any

import numpy as np
import soundfile

from tests.counting import RATE, WORD_MS

_SAID_MS = 60
_STEP_HZ = 50
_LOWEST_HZ = 400
_LOUD = 2000  # of a tone of 8000; what a codec leaves between two is far less
_LEAST_MS = 30


def speak_tones(words: int, first: int = 1) -> bytes:
    """s16le mono audio at `RATE` that says the words `first`, `first` + 1, ..."""
    said, silent = RATE * _SAID_MS // 1000, RATE * (WORD_MS - _SAID_MS) // 1000
    time_s = np.arange(said) / RATE
    said_words = []
    for number in range(first, first + words):
        hz = _LOWEST_HZ + _STEP_HZ * number
        said_words += [8000 * np.sin(2 * np.pi * hz * time_s), np.zeros(silent)]
    return np.concatenate(said_words).astype("<i2").tobytes()


class ToneEar:
    """Reads words out of a session's Ogg Opus stream, on the session's clock, in frames."""

    def __init__(self) -> None:
        self.position = 0
        self._stream = b""
        self._told = 0

    def hear(self, data: bytes) -> list[dict[str, Any]]:
        self._stream += data
        words = self._words(ended=False)
        news, self._told = words[self._told :], len(words)
        return news

    def sounding(self) -> list[dict[str, Any]]:
        return self._words(ended=True)[self._told :]

    def _words(self, *, ended: bool) -> list[dict[str, Any]]:
        samples, rate = soundfile.read(io.BytesIO(self._stream), dtype="int16")
        assert rate == RATE
        self.position = len(samples)
        step = RATE // 200  # 5 ms
        loud = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).max(axis=1) > _LOUD
        edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(int), [0]))))
        words = []
        for start, end in edges.reshape(-1, 2):
            whole = end < len(loud) or ended
            if whole and (end - start) * 5 >= _LEAST_MS:
                words.append(_word(samples[start * step : end * step], start * 5, end * 5))
        return words


def _word(tone: Any, start_ms: int, end_ms: int) -> dict[str, Any]:
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), RATE))  # a bin is 1 Hz
    number = round((int(spectrum.argmax()) - _LOWEST_HZ) / _STEP_HZ)
    return {
        "start": int(start_ms),
        "end": int(end_ms),
        "text": f"w{number}",
        "confidence": 0.9,
        "word_is_final": False,
    }
