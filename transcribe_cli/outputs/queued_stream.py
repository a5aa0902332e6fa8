"""A stream that a thread writes to, so that a reader who takes nothing blocks nobody.

One that has gone (`| head`) is told by whoever opened it: `CommandStdout` of `command_outputs.py`.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import RawIOBase
from typing import IO, Any

from transcribe_cli.outputs.write_queue import WriteQueue

MOST_WAITING_BYTES = 1 << 26
"""Days of text. When so much waits and the reader still takes nothing, the stream has failed."""

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
    """Writes to an unbuffered stream on a thread of its own.

    Args:
        raw: the stream; the thread closes it after the last byte.

    Attributes:
        failed: called on the thread when a write has failed.
    """

    def __init__(self, raw: Any, failed: Callable[[], None] = lambda: None) -> None:
        self.failed = failed
        self._raw = raw
        self._queue: WriteQueue[memoryview] = WriteQueue(
            *(self._write_part, self._close_raw),
            size=len,
            most=MOST_WAITING_BYTES,
            gives_up=True,
            failed=lambda: self.failed(),
        )

    @property
    def busy(self) -> bool:
        """Whether something is queued and can still be written."""
        return self._queue.waiting > 0

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any, /) -> int:
        """Queue some bytes.

        Raises:
            OSError: what was queued before could not be written.
        """
        self._queue.put(*_parts(memoryview(bytes(data))))
        return len(data)

    def write_text(self, text: str, encoding: str | None) -> None:
        """Queue text with the system's line ends; characters that `encoding` lacks become `?`.

        Raises:
            OSError: what was queued before could not be written.
        """
        self.write(text.replace("\n", os.linesep).encode(encoding or "utf-8", "replace"))

    def flush(self) -> None:
        """Check for a failure; waits for nothing.

        Raises:
            OSError: what was queued before could not be written.
        """
        if not self.closed:
            self._queue.check()

    def drain(self, patience_s: float | None = None) -> bool:
        """Wait until everything is written. Returns False if the reader took too long.

        Args:
            patience_s: how long the reader may take nothing; None for no limit.

        Raises:
            OSError: it could not be written.
        """
        return self._queue.drain(lambda: patience_s)

    def close(self) -> None:
        """Accept no more; the thread ends after what is queued."""
        if not self.closed:
            with suppress(OSError):  # a failed write has been reported already
                super().close()
            if self._queue.thread.ident is None:
                self._close_raw()
            else:
                self._queue.finish()

    def _write_part(self, part: memoryview) -> None:
        while part:
            part = part[self._raw.write(part) or 0 :]

    def _close_raw(self) -> None:
        with suppress(OSError):
            self._raw.close()


def _parts(data: memoryview) -> Iterator[memoryview]:
    """The data in small parts that end between UTF-8 characters: a Windows console needs that."""
    while len(data) > _PART_BYTES:
        ends = range(_PART_BYTES, _PART_BYTES - 4, -1)  # a character has four bytes at most
        end = next((end for end in ends if not 0x80 <= data[end] < 0xC0), _PART_BYTES)
        yield data[:end]
        data = data[end:]
    if data:
        yield data
