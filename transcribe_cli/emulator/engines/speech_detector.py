"""Detects speech and silence from one voice activity decision per 30 ms. Pure."""

from collections import deque

FRAME_MS = 30
_WINDOW_FRAMES = 10  # 300 ms
_CLICK_FRAMES = 2  # a sound shorter than this does not break a silence


class SpeechDetector:
    """The speech detector of one session.

    Attributes:
        probability: share of speech, 0 to 1, in the last 300 ms.
        silence_ms: length of the silence at the end of what was heard.
    """

    def __init__(self) -> None:
        self._window: deque[bool] = deque(maxlen=_WINDOW_FRAMES)
        self._run = 0
        self.silence_ms = 0

    @property
    def probability(self) -> float:
        return sum(self._window) / _WINDOW_FRAMES

    def hear(self, is_speech: bool) -> None:
        """Take the decision for the next frame."""
        self._window.append(is_speech)
        self._run = self._run + 1 if is_speech else 0
        self.silence_ms = 0 if self._run >= _CLICK_FRAMES else self.silence_ms + FRAME_MS
