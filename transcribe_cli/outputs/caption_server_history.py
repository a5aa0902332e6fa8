"""What the captions page has been sent, within bounds, from which readers catch up. Pure.

A reader asks for everything after its own position. All of the newest events are kept, so that a
short interruption loses nothing. Older partials are dropped: later versions have replaced them.
"""

from collections import deque
from collections.abc import Hashable
from typing import NamedTuple

RECENT_BYTES = 2 << 20
OLDER_BYTES = 2 << 20


class CaptionEvent(NamedTuple):
    """One record that the captions page is sent.

    Attributes:
        seq: its number, counted up.
        data: the bytes that readers get.
        turn: identifies the turn; None for other records.
        partial: a later event of the same turn replaces it.
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

    def append(self, event: CaptionEvent) -> None:
        """Add the next event."""
        for old in self._recent.append(event):
            if not old.partial:
                self._older.append(old)

    @property
    def last_seq(self) -> int:
        """The number of the newest event; -1 before the first."""
        return self._recent.events[-1].seq if self._recent.events else -1

    def after(self, seq: int) -> list[CaptionEvent]:
        """All kept events later than `seq`."""
        found: list[CaptionEvent] = []
        for events in (self._recent.events, self._older.events):
            for event in reversed(events):
                if event.seq <= seq:
                    return found[::-1]
                found.append(event)
        return found[::-1]

    def current(self) -> list[CaptionEvent]:
        """The events for a new reader: all but partials that a later event replaces."""
        found: list[CaptionEvent] = []
        replaced: set[Hashable] = set()
        for event in reversed(self.after(-1)):
            if not (event.partial and event.turn in replaced):
                found.append(event)
            if event.turn is not None:
                replaced.add(event.turn)
        return found[::-1]


class _Bounded:
    """A queue of bounded size; `append` returns the events dropped. The newest one stays."""

    def __init__(self, most_bytes: int) -> None:
        self.events: deque[CaptionEvent] = deque()
        self._most_bytes = most_bytes
        self._bytes = 0

    def append(self, event: CaptionEvent) -> list[CaptionEvent]:
        self.events.append(event)
        self._bytes += len(event.data)
        dropped = []
        while self._bytes > self._most_bytes and len(self.events) > 1:
            dropped.append(self.events.popleft())
            self._bytes -= len(dropped[-1].data)
        return dropped
