"""A stream whose reader may be slow, or stop reading: a thread of its own writes to it.

Main only queues. So a pipe that nobody reads for a while, or a terminal that is held with Ctrl+S,
holds up neither what is heard nor what is saved.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from io import RawIOBase
from typing import Any

MOST_WAITING_BYTES = 1 << 26  # days of text; after that main waits, which bounds the memory


class QueuedStream(RawIOBase):
    """Writes to an unbuffered stream on thread `aai-writer`.

    Args:
        raw: the stream; it is not closed.
        failed: called on that thread when the stream takes nothing any more.
    """

    def __init__(self, raw: Any, failed: Callable[[], None] = lambda: None) -> None:
        self.failed = failed
        self._raw = raw
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._changed = threading.Condition()  # guards what follows
        self._waiting = 0
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether something waits to be written."""
        return self._waiting > 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Queue some bytes.

        Raises:
            OSError: what was queued before could not be written.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._error or self._waiting < MOST_WAITING_BYTES)
            self._raise()
            self._waiting += len(data)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="aai-writer", daemon=True)
            self._thread.start()
        self._queue.put(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Find out whether all is well so far; waits for nothing.

        Raises:
            OSError: what was queued before could not be written.
        """
        if not self.closed:
            with self._changed:
                self._raise()

    def drain(self) -> None:
        """Wait until everything is written, however slow the reader is.

        Raises:
            OSError: it could not be.
        """
        with self._changed:
            # With a time limit, because on some systems a wait without one cannot be interrupted.
            while self._waiting and not self._error:
                self._changed.wait(0.2)
            self._raise()

    def close(self) -> None:
        """Nothing more is written: the thread ends after what is waiting."""
        if not self.closed:
            with suppress(OSError):  # what could not be written has been told
                super().close()
            self._queue.put(None)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        while (data := self._queue.get()) is not None:
            view = memoryview(data)
            try:
                while view:
                    view = view[self._raw.write(view) or 0 :]
            except (OSError, ValueError) as e:
                with self._changed:
                    self._error = e if isinstance(e, OSError) else OSError(str(e))
                    self._changed.notify_all()
                self.failed()
                return
            with self._changed:
                self._waiting -= len(data)
                self._changed.notify_all()
