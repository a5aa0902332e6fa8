"""A stream that a thread writes to, so that a reader who takes nothing blocks nobody.

A pipe whose reader is slow, or a terminal that is held with Ctrl+S, makes `write` block. Here
`write` only queues the bytes.
"""

import errno
import os
import queue
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from io import RawIOBase
from typing import IO, Any

MOST_WAITING_BYTES = 1 << 26
"""Days of text. When so much waits and the reader still takes nothing, the stream has failed."""

ROOM_WAIT_S = 0.1
"""How long `write` waits for room when the queue is full."""

STUCK_AFTER_S = 5.0
"""A reader that has taken nothing for so long while the queue is full is given up."""

POLL_S = 0.2
"""How often a wait for the thread looks again."""

_PART_BYTES = 1 << 12  # small writes show that a slow reader still takes something


def open_queued_stream(file: IO[Any]) -> "QueuedStream | None":
    """A stream that writes to `file` on a thread, through a file descriptor of its own.

    None where a write never blocks (a regular file), or where `file` has no file descriptor.
    """
    try:
        file.flush()
        number = file.fileno()
        if stat.S_ISREG(os.fstat(number).st_mode):
            return None
        # os.fdopen picks the right class: a Windows console has its own, which takes UTF-8.
        return QueuedStream(os.fdopen(os.dup(number), "wb", buffering=0))
    except (OSError, ValueError):  # it has no number, or is closed
        return None


class QueuedStream(RawIOBase):
    """Writes to an unbuffered stream on thread `aai-writer`.

    Args:
        raw: the stream; the thread closes it after the last byte.
        failed: called on the thread when a write has failed.
    """

    def __init__(self, raw: Any, failed: Callable[[], None] = lambda: None) -> None:
        self.failed = failed
        self._raw = raw
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._changed = threading.Condition()  # guards what follows
        self._waiting = 0
        self._taken_at = time.monotonic()
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is queued and can still be written."""
        return self._waiting > 0 and self._error is None

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any, /) -> int:
        """Queue some bytes.

        Raises:
            OSError: what was queued before could not be written.
        """
        with self._changed:
            self._wait_for_room()
            self._raise()
            if not self._waiting:
                self._taken_at = time.monotonic()
            self._waiting += len(data)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="aai-writer", daemon=True)
            self._thread.start()
        self._queue.put(bytes(data))
        return len(data)

    def write_text(self, text: str, encoding: str | None) -> None:
        """Queue text with the system's line ends; characters that `encoding` lacks become `?`.

        Raises:
            OSError: what was queued before could not be written.
        """
        self.write(text.replace("\n", os.linesep).encode(encoding or "utf-8", "replace"))

    def _wait_for_room(self) -> None:
        """Wait a moment if the queue is full; give up a reader that takes nothing."""
        if self._waiting < MOST_WAITING_BYTES:
            return
        self._changed.wait_for(
            lambda: self._error or self._waiting < MOST_WAITING_BYTES, ROOM_WAIT_S
        )
        if not self._error and time.monotonic() - self._taken_at > STUCK_AFTER_S:
            self._error = OSError(errno.ETIMEDOUT, "nobody reads it")

    def flush(self) -> None:
        """Check for a failure; waits for nothing.

        Raises:
            OSError: what was queued before could not be written.
        """
        if not self.closed:
            with self._changed:
                self._raise()

    def drain(self, patience_s: float | None = None) -> bool:
        """Wait until everything is written. Returns False if the reader took too long.

        Args:
            patience_s: how long the reader may take nothing; None for no limit.

        Raises:
            OSError: it could not be written.
        """
        with self._changed:
            waiting, since = self._waiting, time.monotonic()
            # Timed waits, because on some systems an untimed wait cannot be interrupted.
            while self._waiting and not self._error:
                self._changed.wait(POLL_S)
                if self._waiting != waiting:
                    waiting, since = self._waiting, time.monotonic()
                elif patience_s is not None and time.monotonic() - since >= patience_s:
                    return False
            self._raise()
        return True

    def close(self) -> None:
        """Accept no more; the thread ends after what is queued."""
        if not self.closed:
            with suppress(OSError):  # a failed write has been reported already
                super().close()
            if self._thread is None:
                self._raw.close()
            self._queue.put(None)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        try:
            self._write_all()
        finally:
            with suppress(OSError):
                self._raw.close()

    def _write_all(self) -> None:
        while (data := self._queue.get()) is not None:
            view = memoryview(data)
            try:
                while view:
                    written = self._raw.write(_first_part(view)) or 0
                    view = view[written:]
                    with self._changed:
                        self._waiting -= written
                        self._taken_at = time.monotonic()
                        self._changed.notify_all()
            except (OSError, ValueError) as e:
                with self._changed:
                    self._error = e if isinstance(e, OSError) else OSError(str(e))
                    self._changed.notify_all()
                self.failed()
                return


def _first_part(data: memoryview) -> memoryview:
    """The next part to write. It ends between UTF-8 characters: a Windows console needs that."""
    if len(data) <= _PART_BYTES:
        return data
    ends = range(_PART_BYTES, _PART_BYTES - 4, -1)  # a character has four bytes at most
    return data[: next((end for end in ends if not 0x80 <= data[end] < 0xC0), _PART_BYTES)]
