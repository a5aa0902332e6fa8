"""An output that a thread writes to, so that slow work on it blocks nobody."""

from collections.abc import Callable
from contextlib import nullcontext, suppress

from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.output import Output
from transcribe_cli.outputs.write_queue import WriteQueue

MOST_WAITING_CHARACTERS = 1 << 25
"""Hours of speech without a break. When so many wait, `write` waits for room."""

_RECORD_SIZE = 100  # characters that a record, or a word, counts for beside its text


class QueuedOutput:
    """Writes records to an output on a thread of its own.

    Args:
        output: only the thread calls it from now on.
        partials: write partials too.
        newest: a queued partial is replaced by the next record.
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
        self._partials = partials
        self._newest = newest
        self._patience_s = patience_s or (lambda: None)
        self._is_closed = False
        self._cancel: Callable[[], None] | None = getattr(output, "cancel", None)
        self._queue: WriteQueue[Record] = WriteQueue(
            *(output.write, output.close),
            size=_size,
            most=MOST_WAITING_CHARACTERS,
            gives_up=patience_s is not None,
            failed=failed,
        )

    def write(self, record: Record) -> None:
        """Queue a record.

        Raises:
            OSError: the output has failed, or the queue is full and its reader takes nothing.
        """
        is_partial = _is_partial(record)
        if self._partials or not is_partial:
            replaces = _is_partial if self._newest and is_partial else None
            self._queue.put(record, replaces=replaces)

    def flush(self) -> None:
        """Check for a failure; waits for nothing.

        Raises:
            OSError: the output has failed.
        """
        self._queue.check()

    def finish(self) -> None:
        """Accept no more; the thread closes the output after what is queued. Does not wait."""
        self._queue.finish()

    def close(self) -> None:
        """Wait until the output has taken everything and is closed. May be called twice.

        Ctrl+C ends the waiting for an output that takes long to close and can be cancelled.

        Raises:
            OSError: it has failed, or its reader took nothing for too long, or it was cancelled.
        """
        if not self._is_closed and not self._queue.given_up:
            self._is_closed = True
            self._queue.finish()
            try:
                is_drained = self._queue.drain(self._patience_s)
            except (KeyboardInterrupt, SystemExit) as e:
                if self._cancel is None:
                    raise
                self._cancel()
                with suppress(OSError) if isinstance(e, SystemExit) else nullcontext():
                    is_drained = self._queue.drain(self._patience_s)
                if isinstance(e, SystemExit):  # as SIGTERM does
                    raise
            if not is_drained:
                self._queue.give_up()

    @property
    def has_ended(self) -> bool:
        """Whether everything was written and the output was closed, without a failure."""
        return self._queue.over and self._queue.error is None


def _is_partial(record: Record) -> bool:
    return record.update is not None and not record.update.final


def _size(record: Record) -> int:
    if record.update is None:
        return _RECORD_SIZE
    message = record.update.message
    return len(message.transcript) + _RECORD_SIZE * (1 + len(message.words))
