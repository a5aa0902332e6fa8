"""What the captions page has been sent, within bounds, from which readers catch up. Pure.

A reader asks for everything after its own position. All of the newest entries are kept, so that a
short interruption loses nothing. Older partials are dropped: later versions have replaced them.
"""

from collections import deque
from collections.abc import Hashable
from typing import NamedTuple

RECENT_BYTES = 2 << 20
OLDER_BYTES = 2 << 20


class CaptionEvent(NamedTuple):
    """One record of the caption feed.

    Attributes:
        seq: its number, counted up.
        data: the bytes that readers get.
        turn: identifies the turn; None for other records.
        partial: a later entry of the same turn replaces it.
    """

    seq: int
    data: bytes
    turn: Hashable = None
    partial: bool = False


class CaptionHistory:
    """Entries in order; bounded to about so many bytes of recent and of older ones."""

    def __init__(self, recent_bytes: int = RECENT_BYTES, older_bytes: int = OLDER_BYTES) -> None:
        self._recent = _Bounded(recent_bytes)
        self._older = _Bounded(older_bytes)

    def append(self, entry: CaptionEvent) -> None:
        """Add the next entry."""
        for old in self._recent.append(entry):
            if not old.partial:
                self._older.append(old)

    @property
    def last_seq(self) -> int:
        """The number of the newest entry; -1 before the first."""
        return self._recent.entries[-1].seq if self._recent.entries else -1

    def after(self, seq: int) -> list[CaptionEvent]:
        """All kept entries later than `seq`."""
        found: list[CaptionEvent] = []
        for entries in (self._recent.entries, self._older.entries):
            for entry in reversed(entries):
                if entry.seq <= seq:
                    return found[::-1]
                found.append(entry)
        return found[::-1]

    def current(self) -> list[CaptionEvent]:
        """The entries for a new reader: all but partials that a later entry replaces."""
        found: list[CaptionEvent] = []
        replaced: set[Hashable] = set()
        for entry in reversed(self.after(-1)):
            if not (entry.partial and entry.turn in replaced):
                found.append(entry)
            if entry.turn is not None:
                replaced.add(entry.turn)
        return found[::-1]


class _Bounded:
    """A queue of bounded size; `append` returns the entries dropped. The newest one stays."""

    def __init__(self, most_bytes: int) -> None:
        self.entries: deque[CaptionEvent] = deque()
        self._most_bytes = most_bytes
        self._bytes = 0

    def append(self, entry: CaptionEvent) -> list[CaptionEvent]:
        self.entries.append(entry)
        self._bytes += len(entry.data)
        dropped = []
        while self._bytes > self._most_bytes and len(self.entries) > 1:
            dropped.append(self.entries.popleft())
            self._bytes -= len(dropped[-1].data)
        return dropped
