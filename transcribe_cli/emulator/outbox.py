"""What a session is still to send: in order, or late, twice or swapped where a fault wants it."""

import time
from collections import deque
from typing import Generic, TypeVar

from transcribe_cli.emulator.actions import Close, Delay, Repeat, Send, Swap, ToClient

MOST_UNSENT = 1000  # messages; a client that reads none is not read either

End = TypeVar("End")


class Outbox(Generic[End]):
    """A queue of what goes to one client, or ends its connection."""

    def __init__(self) -> None:
        # When to send, on the clock of `time.monotonic`, and what; 0.0: at once.
        self._queue: deque[tuple[float, ToClient | End]] = deque()
        self._delay_s = 0.0
        self._disorder: Repeat | Swap | None = None  # of the next message
        self._behind: Send | None = None  # a message that the next one overtakes

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def lets_through(self) -> bool:
        """Whether a message would neither wait in it nor be changed: it need not be put in."""
        return not (self._queue or self._delay_s or self._disorder or self._behind)

    @property
    def is_full(self) -> bool:
        """Whether its client is to wait with more."""
        return len(self._queue) >= MOST_UNSENT

    def take(self, action: ToClient) -> None:
        """Put an action in; one that is about later ones counts from now on."""
        match action:
            case Delay(ms):
                self._delay_s = ms / 1000
            case Repeat() | Swap():
                self._disorder = action
            case Send():
                self._take_message(action)
            case _:
                if isinstance(action, Close) and self._behind is not None:
                    self.put(self._behind)
                self.put(action)

    def _take_message(self, message: Send) -> None:
        """Put a message in: twice, or behind the next one, where that is due."""
        disorder, self._disorder = self._disorder, None
        if isinstance(disorder, Swap):
            self._behind = message
            return
        behind, self._behind = self._behind, None
        for each in (message, message if isinstance(disorder, Repeat) else None, behind):
            if each is not None:
                self.put(each)

    def put(self, action: ToClient | End) -> None:
        """Put it in as it is."""
        due = time.monotonic() + self._delay_s if self._delay_s else 0.0
        self._queue.append((due, action))

    def look(self) -> tuple[float, ToClient | End]:
        """In how many seconds the next one is due, and what it is."""
        due, action = self._queue[0]
        return due - time.monotonic() if due else 0.0, action

    def drop(self) -> None:
        """The next one is done."""
        self._queue.popleft()
