"""Streams and outputs that may be slow, or take nothing any more: threads write to them.

Main only queues. So a pipe that nobody reads for a while, a terminal that is held with Ctrl+S, or a
turn of a million characters that is cut into captions, holds up neither what is heard nor what is
saved.
"""

import errno
import os
import queue
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import RawIOBase
from typing import IO, Any, NoReturn

from transcribe_cli.outputs.output import Output
from transcribe_cli.outputs.record import Record

MOST_WAITING_BYTES = 1 << 26  # days of text; a reader that then takes nothing is given up

MOST_WAITING_CHARACTERS = 1 << 25  # of records; hours of speech without a break
_RECORD_SIZE = 100  # what a record or a word takes beside its text
_ROOM_WAIT_S = 0.1
_STUCK_S = 5.0
_PART_BYTES = 1 << 12  # a slow reader is seen to take something
_LOOK_S = 0.2


def queued_stream(file: IO[Any]) -> "QueuedStream | None":
    """What writes to a file without waiting for it, under a number of its own.

    None where nobody has to be waited for: a regular file, or none of the system.
    """
    try:
        file.flush()
        number = file.fileno()
        if stat.S_ISREG(os.fstat(number).st_mode):
            return None
        # It finds the right class: a console of Windows has one of its own, which takes UTF-8.
        return QueuedStream(os.fdopen(os.dup(number), "wb", buffering=0))
    except (OSError, ValueError):  # it has no number, or is closed
        return None


class QueuedStream(RawIOBase):
    """Writes to an unbuffered stream on thread `aai-writer`.

    Args:
        raw: the stream; it is closed after the last byte.
        failed: called on that thread when the stream takes nothing any more.
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
        """Whether something waits to be written, and still can be."""
        return self._waiting > 0 and self._error is None

    def writable(self) -> bool:
        """It is."""
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
        """Queue a text, with the system's line ends; what the encoding has not becomes `?`.

        Raises:
            OSError: what was queued before could not be written.
        """
        self.write(text.replace("\n", os.linesep).encode(encoding or "utf-8", "replace"))

    def _wait_for_room(self) -> None:
        """Main waits for a moment only; a reader that takes nothing at all is given up."""
        if self._waiting < MOST_WAITING_BYTES:
            return
        self._changed.wait_for(
            lambda: self._error or self._waiting < MOST_WAITING_BYTES, _ROOM_WAIT_S
        )
        if not self._error and time.monotonic() - self._taken_at > _STUCK_S:
            self._error = OSError(errno.ETIMEDOUT, "nobody reads it")

    def flush(self) -> None:
        """Find out whether all is well so far; waits for nothing.

        Raises:
            OSError: what was queued before could not be written.
        """
        if not self.closed:
            with self._changed:
                self._raise()

    def drain(self, patience_s: float | None = None) -> bool:
        """Wait until everything is written; whether it is.

        Args:
            patience_s: how long the reader may take nothing; None: however long.

        Raises:
            OSError: it could not be written.
        """
        with self._changed:
            waiting, since = self._waiting, time.monotonic()
            # With a time limit, because on some systems a wait without one cannot be interrupted.
            while self._waiting and not self._error:
                self._changed.wait(_LOOK_S)
                if self._waiting != waiting:
                    waiting, since = self._waiting, time.monotonic()
                elif patience_s is not None and time.monotonic() - since >= patience_s:
                    return False
            self._raise()
        return True

    def close(self) -> None:
        """Nothing more is written: the thread ends after what is waiting."""
        if not self.closed:
            with suppress(OSError):  # what could not be written has been told
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


class QueuedOutput:
    """Gives records to an output on thread `aai-output`.

    Args:
        output: takes records, one after the other; only that thread calls it from now on.
        partials: every record; else those of Turns that are not final are left out.
        newest: a partial that waits is replaced by the next one.
        failed: called on that thread when the output takes nothing any more.
        patience_s: of an output whose reader may read no more: asked how long, at the end, that
            may take nothing; it or what it answers is None: however long.
    """

    def __init__(
        self,
        output: Output,
        *,
        partials: bool = False,
        newest: bool = False,
        failed: Callable[[], None] = lambda: None,
        patience_s: Callable[[], float | None] | None = None,
    ) -> None:
        self.name = output.name
        self._output = output
        self._partials = partials
        self._newest = newest
        self._failed = failed
        self._patience_s = patience_s
        self._changed = threading.Condition()  # guards what follows
        self._records: deque[Record] = deque()
        self._waiting = 0  # characters in them, about
        self._taken = 0
        self._taken_at = time.monotonic()
        self._error: OSError | None = None
        self._ending = self._given_up = False
        self._thread: threading.Thread | None = None

    def write(self, record: Record) -> None:
        """Queue a record.

        Raises:
            OSError: the output has failed, or takes nothing while more and more waits.
        """
        if _is_partial(record) and not self._partials:
            return
        with self._changed:
            self._raise()
            if self._newest and _is_partial(record):
                while self._records and _is_partial(self._records[-1]):
                    self._waiting -= _size(self._records.pop())
            self._wait_for_room()
            if not self._records:
                self._taken_at = time.monotonic()
            self._records.append(record)
            self._waiting += _size(record)
            self._changed.notify_all()
        self._start()

    def flush(self) -> None:
        """Find out whether all is well so far; waits for nothing.

        Raises:
            OSError: the output has failed.
        """
        with self._changed:
            self._raise()

    def finish(self) -> None:
        """Nothing more comes: the output is closed after what waits. Waits for nothing."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._start()

    def close(self) -> None:
        """Wait until the output has taken everything and is closed; harmless twice.

        Raises:
            OSError: it has not, or takes nothing any more.
        """
        if self._given_up:
            return
        self.finish()
        assert self._thread is not None
        taken, since = -1, time.monotonic()
        while self._thread.is_alive():
            self._thread.join(_LOOK_S)
            if taken != self._taken:
                taken, since = self._taken, time.monotonic()
            patience_s = None if self._patience_s is None else self._patience_s()
            if patience_s is not None and time.monotonic() - since > patience_s:
                self._give_up()
        error, self._error = self._error, None
        if error is not None:
            raise error

    @property
    def has_ended(self) -> bool:
        """Whether it has taken everything, is closed, and all went well."""
        over = self._ending and self._thread is not None and not self._thread.is_alive()
        return over and self._error is None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="aai-output", daemon=True)
            self._thread.start()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _wait_for_room(self) -> None:
        """Main waits for a moment only; an output that takes nothing at all is given up."""
        if self._waiting < MOST_WAITING_CHARACTERS:
            return
        self._changed.wait_for(lambda: self._waiting < MOST_WAITING_CHARACTERS, _ROOM_WAIT_S)
        self._raise()
        if self._patience_s is not None and time.monotonic() - self._taken_at > _STUCK_S:
            self._give_up()

    def _give_up(self) -> NoReturn:
        """Leave it to its thread, for which nobody waits any more."""
        with self._changed:
            self._given_up = self._ending = True
            self._records.clear()
            self._changed.notify_all()
        raise OSError(errno.ETIMEDOUT, "nobody reads it")

    def _run(self) -> None:
        for step in (self._write_all, self._output.close):
            try:
                step()
            except OSError as e:
                self._fail(e)
            except Exception as e:  # a worker never dies silently: main drops the output
                self._fail(OSError(f"{type(e).__name__}: {e}"))

    def _write_all(self) -> None:
        while (record := self._next()) is not None:
            self._output.write(record)

    def _next(self) -> Record | None:
        """The next record; None at the end."""
        with self._changed:
            self._taken += 1
            self._taken_at = time.monotonic()
            self._changed.wait_for(lambda: self._records or self._ending)
            if not self._records:
                return None
            record = self._records.popleft()
            self._waiting -= _size(record)
            self._changed.notify_all()
            return record

    def _fail(self, e: OSError) -> None:
        """The first fault is the one that is told."""
        with self._changed:
            if self._error is not None:
                return
            self._error = e
            self._records.clear()
            self._waiting = 0
            self._changed.notify_all()
        self._failed()


def _first_part(data: memoryview) -> memoryview:
    """No half of a UTF-8 character at its end, which a console of Windows does not take."""
    if len(data) <= _PART_BYTES:
        return data
    ends = range(_PART_BYTES, _PART_BYTES - 4, -1)  # a character has four bytes at most
    return data[: next((end for end in ends if not 0x80 <= data[end] < 0xC0), _PART_BYTES)]


def _is_partial(record: Record) -> bool:
    return record.update is not None and not record.update.final


def _size(record: Record) -> int:
    if record.update is None:
        return _RECORD_SIZE
    message = record.update.message
    return len(message.transcript) + _RECORD_SIZE * (1 + len(message.words))
