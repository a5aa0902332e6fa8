"""Marks that wait for the words before them, so that times never run backwards on the screen. Pure.

A person presses a key while a turn is open, or a moment before its first words arrive: that turn
began before the mark, and is committed first.
"""

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import NamedTuple

GRACE_S = 3.0
"""Words arrive within this time; after it a mark waits for open turns only."""


class PendingMark(NamedTuple):
    """A bookmark, a pause or the like.

    Attributes:
        at_ms: its place on the recording's clock.
        words: what it says.
        due: until then words from before it may arrive; monotonic, in seconds.
    """

    at_ms: int
    words: str
    due: float


class PendingMarks:
    """Keeps them in the order of time.

    Args:
        grace_s: for so long words from before a mark may arrive.
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._marks: list[PendingMark] = []
        self._newest_ms = -1  # start of the latest turn that was seen

    def __iter__(self) -> Iterator[PendingMark]:
        return iter(self._marks)

    def __bool__(self) -> bool:
        return bool(self._marks)

    def add(self, at_ms: int, words: str, now: float) -> None:
        """Keep a mark."""
        self._marks.append(PendingMark(at_ms, words, now + self._grace_s))
        self._marks.sort(key=lambda mark: mark.at_ms)

    def put_off(self, now: float) -> None:
        """No session hears the present: words from before the marks may come much later."""
        self._marks = [mark._replace(due=now + self._grace_s) for mark in self._marks]

    def saw(self, start_ms: int) -> None:
        """A turn that starts there has begun."""
        self._newest_ms = max(self._newest_ms, start_ms)

    def before(self, start_ms: int) -> list[PendingMark]:
        """Take those that come before a turn which is about to be committed."""
        return self._take(lambda mark: mark.at_ms < start_ms)

    def ready(self, now: float, open_from_ms: int | None) -> list[PendingMark]:
        """Take those that no turn can come before any more.

        `open_from_ms`: where the earliest turn that is not final starts.
        """

        def is_ready(mark: PendingMark) -> bool:
            if open_from_ms is not None and open_from_ms <= mark.at_ms:
                return False
            return self._newest_ms > mark.at_ms or now >= mark.due

        return self._take(is_ready)

    def all(self) -> list[PendingMark]:
        """Take all."""
        return self._take(lambda _: True)

    def next_due(self, now: float) -> float | None:
        """When the first of them may be ready by time alone; None while none can."""
        return min((mark.due for mark in self._marks if mark.due > now), default=None)

    def _take(self, is_taken: Callable[[PendingMark], bool]) -> list[PendingMark]:
        taken = list(takewhile(is_taken, self._marks))
        del self._marks[: len(taken)]
        return taken
