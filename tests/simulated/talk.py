"""What is said: words that are numbers, laid out in time, and the ear that reads them back.

Word N is 40 ms of the constant sample `BASE` + N, and at least 60 ms of silence follow. Cut in two,
its greater part is still heard, at most 20 ms from its place.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

RATE = 16000
BASE = 1000  # so that no word is quiet beside its neighbours
MOST_WORDS = 31_000
SAID_MS = 40
WORD_MS = 100
SAID = RATE * SAID_MS // 1000
_STEP = RATE * WORD_MS // 1000


class Heard(NamedTuple):
    """A word, and where it lies, in frames."""

    number: int
    start: int
    end: int

    @property
    def is_whole(self) -> bool:
        return self.end - self.start == SAID


class Talk:
    """Words with pauses between them.

    Args:
        lead: frames of silence at the start.
        stretches: how many words come without a pause, and the frames of the pause behind them.
        first: the number of its first word.

    Attributes:
        starts: of each word.
    """

    def __init__(self, lead: int, stretches: Iterable[tuple[int, int]], first: int = 0) -> None:
        self.first = first
        self.starts: list[int] = []
        at = lead
        for words, pause in stretches:
            self.starts += range(at, at + words * _STEP, _STEP)
            at += words * _STEP + pause
        self.frames = at

    def audio(self, start: int, count: int) -> bytes:
        """s16le samples; fewer at the end."""
        count = max(0, min(count, self.frames - start))
        first = max(0, bisect_left(self.starts, start - SAID + 1))
        pieces, at, end = [], start, start + count
        for number in range(first, len(self.starts)):
            begins = self.starts[number]
            if begins >= end:
                break
            pieces.append(bytes(2 * max(0, begins - at)))
            said = min(begins + SAID, end) - max(begins, start)
            pieces.append((BASE + (self.first + number) % MOST_WORDS).to_bytes(2, "little") * said)
            at = max(begins, start) + said
        pieces.append(bytes(2 * (end - at)))
        return b"".join(pieces)


class Ear:
    """Reads words out of audio, whatever the blocks that it comes in.

    Attributes:
        position: frames heard so far.
        sounding: the sample that is heard just now; 0 for silence.
    """

    def __init__(self) -> None:
        self.position = 0
        self.sounding = 0
        self._began = 0

    def hear(self, samples: bytes) -> list[Heard]:
        """The words that have ended."""
        words: list[Heard] = []
        values = np.frombuffer(samples, "<i2")
        if len(values) and (self.sounding or values.any()):
            edges = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
            if values[0] != self.sounding:
                edges.insert(0, 0)
            for edge in edges:
                at = self.position + edge
                words += self._end(at)
                self.sounding, self._began = int(values[edge]), at
        self.position += len(values)
        return words

    def stop(self) -> list[Heard]:
        """The word at the end of the audio, as far as it was said: one or none."""
        words = self._end(self.position)
        self.sounding = 0
        return words

    def _end(self, at: int) -> list[Heard]:
        said = 2 * (at - self._began)
        # Of two halves it is the second that counts, and it is the first thing of its session.
        enough = said > SAID or (said == SAID and self._began == 0)
        return [Heard(self.sounding - BASE, self._began, at)] if self.sounding and enough else []


def words_in(samples: bytes) -> list[Heard]:
    """All words of a recording."""
    ear = Ear()
    return [*ear.hear(samples), *ear.stop()]
