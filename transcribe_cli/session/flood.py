"""Notices a service that sends far more than anybody can speak. Pure.

A service answers a chunk of 50 ms with a partial or two, each of at most about 25 kB: a Turn of a
minute. What stays far above that is no transcript, and would fill journal and disk.
"""

from typing import NamedTuple

FRAMES_PER_S = 200
BYTES_PER_S = 1 << 20
WORDS_PER_S = 50  # which may be final twice, raw and formatted
BURST_S = 10  # so many seconds' worth may come at once
_LOOK_EVERY_FRAMES = 256
_LOOK_EVERY_BYTES = 1 << 16


class Heard(NamedTuple):
    """What a session has received: frames of every kind, bytes, and words of turns that ended."""

    frames: int
    size: int
    words: int = 0


class Flood:
    """Judges how much a session's service sends.

    Args:
        forgets: what was not said in time is not allowed later. Where audio is sent much faster
            than it is spoken, its words may all come at the end.
    """

    def __init__(self, *, forgets: bool) -> None:
        self._least = 0.0 if forgets else float("-inf")
        self._at_s = 0.0
        self._heard = Heard(0, 0)
        self._frames_over = self._bytes_over = 0.0

    def is_to_be_looked_at(self, frames: int, size: int) -> bool:
        """Whether enough has come in since the last look, so that a look is worth its time."""
        return (
            frames >= self._heard.frames + _LOOK_EVERY_FRAMES
            or size >= self._heard.size + _LOOK_EVERY_BYTES
        )

    def is_on(self, heard: Heard, seconds: float) -> bool:
        """Whether that is too much.

        `seconds`: that the session is open, or of audio that it was sent, whichever is more.
        """
        more_s = max(0.0, seconds - self._at_s)
        self._at_s += more_s
        before, self._heard = self._heard, heard
        self._frames_over = max(self._least, self._frames_over - FRAMES_PER_S * more_s)
        self._frames_over += heard.frames - before.frames
        self._bytes_over = max(self._least, self._bytes_over - BYTES_PER_S * more_s)
        self._bytes_over += heard.size - before.size
        if heard.words > WORDS_PER_S * (BURST_S + self._at_s):
            return True  # all of them are kept
        return (
            self._frames_over > FRAMES_PER_S * BURST_S or self._bytes_over > BYTES_PER_S * BURST_S
        )
