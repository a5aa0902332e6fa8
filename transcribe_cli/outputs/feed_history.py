"""What readers of the feed may still ask for: bounded, and read at a position, as the log is. Pure.

The newest entries are kept as they are, so that a reader who was away for a moment misses nothing.
Of older ones only those are kept that still say something: a partial has been replaced by then.
"""

from collections import deque
from collections.abc import Hashable
from typing import NamedTuple

RECENT_BYTES = 2 << 20
OLDER_BYTES = 2 << 20


class FeedEntry(NamedTuple):
    """One record of the feed.

    Attributes:
        seq: its number; counts up.
        data: as it goes to a reader.
        turn: which turn it is a version of; None for other records.
        partial: a later version of that turn replaces it.
    """

    seq: int
    data: bytes
    turn: Hashable = None
    partial: bool = False


class FeedHistory:
    """Entries in order, at most about so many bytes of recent and of older ones."""

    def __init__(self, recent_bytes: int = RECENT_BYTES, older_bytes: int = OLDER_BYTES) -> None:
        self._recent = _Bounded(recent_bytes)
        self._older = _Bounded(older_bytes)

    def append(self, entry: FeedEntry) -> None:
        """Take the next entry."""
        for old in self._recent.append(entry):
            if not old.partial:
                self._older.append(old)

    @property
    def last_seq(self) -> int:
        """The number of the newest entry; -1 before the first."""
        return self._recent.entries[-1].seq if self._recent.entries else -1

    def after(self, seq: int) -> list[FeedEntry]:
        """Everything later than `seq` that is still here."""
        found: list[FeedEntry] = []
        for entries in (self._recent.entries, self._older.entries):
            for entry in reversed(entries):
                if entry.seq <= seq:
                    return found[::-1]
                found.append(entry)
        return found[::-1]

    def current(self) -> list[FeedEntry]:
        """For a new reader: everything but partials that a later version has replaced."""
        found: list[FeedEntry] = []
        replaced: set[Hashable] = set()
        for entry in reversed(self.after(-1)):
            if not (entry.partial and entry.turn in replaced):
                found.append(entry)
            if entry.turn is not None:
                replaced.add(entry.turn)
        return found[::-1]


class _Bounded:
    """A queue that gives back what there is no more room for; the newest entry always stays."""

    def __init__(self, most_bytes: int) -> None:
        self.entries: deque[FeedEntry] = deque()
        self._most_bytes = most_bytes
        self._bytes = 0

    def append(self, entry: FeedEntry) -> list[FeedEntry]:
        self.entries.append(entry)
        self._bytes += len(entry.data)
        dropped = []
        while self._bytes > self._most_bytes and len(self.entries) > 1:
            dropped.append(self.entries.popleft())
            self._bytes -= len(dropped[-1].data)
        return dropped
