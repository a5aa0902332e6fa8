"""Notices a service that sends far more than anybody can speak. Pure.

A service answers a chunk of 50 ms with one or two partials of at most about 25 kB each: a Turn of
one minute. A rate far above that is no transcript, and would fill the journal and the disk.
"""

from typing import NamedTuple

FRAMES_PER_S = 200
BYTES_PER_S = 1 << 20
WORDS_PER_S = 50  # a word may be final twice, raw and formatted
BURST_S = 10  # the amount of this many seconds may come at once
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
        forgets: an allowance that was not used does not add up. False where audio is sent much
            faster than real time, since its words may then all come at the end.
    """

    def __init__(self, *, forgets: bool) -> None:
        self._least = 0.0 if forgets else float("-inf")
        self._at_s = 0.0
        self._heard = Heard(0, 0)
        self._frames_over = self._bytes_over = 0.0

    def is_to_be_looked_at(self, frames: int, size: int) -> bool:
        """Whether enough has come since the last call of `is_on` to make another one worthwhile."""
        return (
            frames >= self._heard.frames + _LOOK_EVERY_FRAMES
            or size >= self._heard.size + _LOOK_EVERY_BYTES
        )

    def is_on(self, heard: Heard, seconds: float) -> bool:
        """Whether the service sends too much.

        `seconds`: how long the session is open, or how much audio it was sent; the greater of both.
        """
        more_s = max(0.0, seconds - self._at_s)
        self._at_s += more_s
        before, self._heard = self._heard, heard
        self._frames_over = max(self._least, self._frames_over - FRAMES_PER_S * more_s)
        self._frames_over += heard.frames - before.frames
        self._bytes_over = max(self._least, self._bytes_over - BYTES_PER_S * more_s)
        self._bytes_over += heard.size - before.size
        if heard.words > WORDS_PER_S * (BURST_S + self._at_s):
            return True  # the run keeps every word
        return (
            self._frames_over > FRAMES_PER_S * BURST_S or self._bytes_over > BYTES_PER_S * BURST_S
        )
