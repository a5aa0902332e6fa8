"""An output that a thread writes to, so that slow work on it blocks nobody.

A file on a slow disk, or captions that are cut from a turn of a million characters, take time. Here
`write` only queues the record.
"""

import errno
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from transcribe_cli.outputs.output import Output
from transcribe_cli.outputs.queued_stream import POLL_S, ROOM_WAIT_S, STUCK_AFTER_S
from transcribe_cli.outputs.record import Record

MOST_WAITING_CHARACTERS = 1 << 25
"""Hours of speech without a break. When so many wait, `write` waits for room."""

_RECORD_SIZE = 100  # characters that a record, or a word, counts for beside its text


class QueuedOutput:
    """Writes records to an output on thread `aai-output`.

    Args:
        output: only the thread calls it from now on.
        partials: write partials too.
        newest: a queued partial is replaced by the next one.
        failed: called on the thread when the output has failed.
        patience_s: for an output whose reader may stop reading: called in `close`, returns how many
            seconds the reader may take nothing. None, or a result of None: no limit.
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
        self._waiting = 0  # characters in them, roughly
        self._taken = 0
        self._taken_at = time.monotonic()
        self._error: OSError | None = None
        self._ending = self._given_up = False
        self._thread: threading.Thread | None = None

    def write(self, record: Record) -> None:
        """Queue a record.

        Raises:
            OSError: the output has failed, or the queue is full and its reader takes nothing.
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
        """Check for a failure; waits for nothing.

        Raises:
            OSError: the output has failed.
        """
        with self._changed:
            self._raise()

    def finish(self) -> None:
        """Accept no more; the thread closes the output after what is queued. Does not wait."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._start()

    def close(self) -> None:
        """Wait until the output has taken everything and is closed. May be called twice.

        Raises:
            OSError: it has failed, or its reader took nothing for too long.
        """
        if self._given_up:
            return
        self.finish()
        assert self._thread is not None
        taken, since = -1, time.monotonic()
        while self._thread.is_alive():
            self._thread.join(POLL_S)
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
        """Whether everything was written and the output was closed, without a failure."""
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
        """Wait a moment if the queue is full; give up an output whose reader takes nothing."""
        if self._waiting < MOST_WAITING_CHARACTERS:
            return
        self._changed.wait_for(lambda: self._waiting < MOST_WAITING_CHARACTERS, ROOM_WAIT_S)
        self._raise()
        if self._patience_s is not None and time.monotonic() - self._taken_at > STUCK_AFTER_S:
            self._give_up()

    def _give_up(self) -> NoReturn:
        """Stop waiting for the thread, and drop what is queued."""
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
            except Exception as e:  # never die silently: main then drops the output
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
        """Keep the first failure, and report it."""
        with self._changed:
            if self._error is not None:
                return
            self._error = e
            self._records.clear()
            self._waiting = 0
            self._changed.notify_all()
        self._failed()


def _is_partial(record: Record) -> bool:
    return record.update is not None and not record.update.final


def _size(record: Record) -> int:
    if record.update is None:
        return _RECORD_SIZE
    message = record.update.message
    return len(message.transcript) + _RECORD_SIZE * (1 + len(message.words))
