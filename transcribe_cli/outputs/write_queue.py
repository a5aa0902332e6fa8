"""A bounded queue that a thread writes from, so that slow writing blocks nobody.

A pipe whose reader is slow, a terminal that is held with Ctrl+S, a file on a slow disk, captions
that are cut from a turn of a million characters: all take time. Here `put` only queues an item.
"""

import errno
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

ROOM_WAIT_S = 0.1
"""How long `put` waits for room when the queue is full."""

STUCK_AFTER_S = 5.0
"""A reader that has taken nothing for so long while the queue is full is given up."""

_POLL_S = 0.2  # how often a wait looks again: on some systems an untimed one cannot be interrupted

Item = TypeVar("Item")


class WriteQueue(Generic[Item]):
    """Writes items in order, on thread `aai-writer`.

    Args:
        write, close: called on the thread for each item, and once in the end.
        size: of an item; when `most` waits, there is no more room.
        gives_up: what is written to has a reader, and fails when that takes nothing for too long.
        failed: called on the thread when `write` or `close` has failed.

    Attributes:
        error: why nothing is written any more.
        waiting: the size of what waits, and of what is being written.
        over: `close` has been called.
        given_up: nobody waits for the reader any more.
    """

    def __init__(
        self,
        write: Callable[[Item], None],
        close: Callable[[], None],
        *,
        size: Callable[[Item], int],
        most: int,
        gives_up: bool,
        failed: Callable[[], None],
    ) -> None:
        self.thread = threading.Thread(target=self._run, name="aai-writer", daemon=True)
        self._write = write
        self._close = close
        self._size = size
        self._most = most
        self._gives_up = gives_up
        self._failed = failed
        self._changed = threading.Condition()  # guards what follows
        self.error: OSError | None = None
        self.waiting = 0
        self.over = self.given_up = False
        self._items: deque[Item] = deque()
        self._taken_at = time.monotonic()
        self._ending = False

    def put(self, *items: Item, replaces: Callable[[Item], bool] | None = None) -> None:
        """Queue some items, in place of the last ones that wait as far as they replace them.

        Raises:
            OSError: as `check`; or the queue is full, and its reader takes nothing.
        """
        with self._changed:
            self.check()
            while replaces is not None and self._items and replaces(self._items[-1]):
                self.waiting -= self._size(self._items.pop())
            self._wait_for_room()
            if not self.waiting:
                self._taken_at = time.monotonic()
            self._items.extend(items)
            self.waiting += sum(map(self._size, items))
            self._wake()

    def check(self) -> None:
        """Look for a failure; waits for nothing.

        Raises:
            OSError: what was queued before could not be written.
        """
        if self.error is not None:
            raise self.error

    def finish(self) -> None:
        """Accept no more; the thread closes after what waits. Does not wait for it."""
        with self._changed:
            self._ending = True
            self._wake()

    def drain(self, patience_s: Callable[[], float | None]) -> bool:
        """Wait until everything is written, and after `finish` until all is over.

        Returns False if the reader took nothing for longer than `patience_s` says; None: no limit.

        Raises:
            OSError: it could not be written.
        """
        since = time.monotonic()
        with self._changed:
            while not self._changed.wait_for(self._is_drained, _POLL_S):
                patient_s = patience_s()
                quiet_s = time.monotonic() - max(since, self._taken_at)
                if patient_s is not None and quiet_s >= patient_s:
                    return False
            self.check()
        return True

    def give_up(self) -> None:
        """Wait no more for the reader, and drop what waits.

        Raises:
            OSError: always; so does `check` from now on.
        """
        with self._changed:
            self.given_up = self.over = self._ending = True
            self._fail(OSError(errno.ETIMEDOUT, "nobody reads it"))
        self.check()

    def _is_drained(self) -> bool:
        return not self.waiting and (self.over or not self._ending)

    def _wait_for_room(self) -> None:
        """Wait a moment if the queue is full; give up a reader that takes nothing."""
        if self.waiting >= self._most:
            self._changed.wait_for(lambda: self.waiting < self._most, ROOM_WAIT_S)
            self.check()
            if self._gives_up and time.monotonic() - self._taken_at > STUCK_AFTER_S:
                self.give_up()

    def _wake(self) -> None:
        self._changed.notify_all()
        if self.thread.ident is None:
            self.thread.start()

    def _fail(self, error: OSError) -> bool:
        """Keep the first failure, and drop what waits. Returns whether it is the first."""
        with self._changed:
            is_first = self.error is None
            self.error = self.error or error
            self._items.clear()
            self.waiting = 0
            self._changed.notify_all()
        return is_first

    # On the thread.

    def _run(self) -> None:
        for step in (self._write_all, self._close):
            try:
                step()
            except Exception as e:  # never die silently: main then drops what is written to
                if self._fail(e if isinstance(e, OSError) else OSError(f"{type(e).__name__}: {e}")):
                    self._failed()
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ending)
                if not self._items:
                    return
                item = self._items.popleft()
            self._write(item)
            with self._changed:
                self._taken_at = time.monotonic()
                if self.error is None:
                    self.waiting -= self._size(item)
                self._changed.notify_all()
