"""What a session is still to send: in order, or late, twice or swapped where a fault wants it."""

import asyncio
import time
from typing import Generic, TypeVar

from transcribe_cli.emulator.actions import Close, Delay, Repeat, Send, Swap, ToClient

MOST_UNSENT = 1000  # messages; a client that reads none is not read either

End = TypeVar("End")


class Outbox(Generic[End]):
    """A queue of what goes to one client, or ends its connection; one task takes out of it.

    Attributes:
        has_room: cleared while `MOST_UNSENT` are in it.
    """

    def __init__(self) -> None:
        self.has_room = asyncio.Event()
        self.has_room.set()
        # What to send, and when on the clock of `time.monotonic`.
        self._queue: asyncio.Queue[tuple[float, ToClient | End]] = asyncio.Queue()
        self._delay_s = 0.0
        self._disorder: Repeat | Swap | None = None  # of the next message
        self._behind: Send | None = None  # a message that the next one overtakes

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
        self._queue.put_nowait((time.monotonic() + self._delay_s, action))
        if self._queue.qsize() >= MOST_UNSENT:
            self.has_room.clear()

    async def next(self) -> tuple[float, ToClient | End]:
        """Take the next one out: in how many seconds it is due, and what it is."""
        due, action = await self._queue.get()
        if self._queue.qsize() < MOST_UNSENT:
            self.has_room.set()
        return due - time.monotonic(), action
