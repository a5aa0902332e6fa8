"""An output that a thread of its own writes to, so that nobody waits for it."""

import threading
from datetime import UTC, datetime

import pytest

from tests.program import DEADLINE_S
from tests.ui.turn_updates import update
from transcribe_cli.outputs import queued_output, write_queue
from transcribe_cli.outputs.jsonl_records import Record, turn_record
from transcribe_cli.outputs.queued_output import QueuedOutput

TIME = datetime(2026, 11, 20, tzinfo=UTC)


class Slow:
    """An output that takes a record when it is let."""

    name = "slow"

    def __init__(self, problem: OSError | None = None) -> None:
        self.taken: list[Record] = []
        self.let = threading.Semaphore(0)
        self.came = threading.Semaphore(0)
        self.closed = False
        self._problem = problem

    def write(self, record: Record) -> None:
        self.came.release()
        assert self.let.acquire(timeout=DEADLINE_S)
        if self._problem is not None:
            raise self._problem
        self.taken.append(record)

    def close(self) -> None:
        self.closed = True


def records(*texts: str, final: bool = True) -> list[Record]:
    return [turn_record(update(text, final=final), TIME) for text in texts]


def test_output_that_is_slow_holds_nobody_up_and_gets_everything_in_order() -> None:
    slow = Slow()
    output = QueuedOutput(slow)
    told = records("one", "two", "three")
    for record in told:
        output.write(record)
        output.flush()
    slow.let.release(3)
    output.close()
    output.close()

    assert slow.taken == told
    assert slow.closed
    assert output.has_ended


def test_partials_are_for_outputs_that_want_them() -> None:
    plain, eager = Slow(), Slow()
    for slow, partials in ((plain, False), (eager, True)):
        output = QueuedOutput(slow, partials=partials)
        slow.let.release(2)
        for record in [*records("on", final=False), *records("one")]:
            output.write(record)
        output.close()

    assert [len(plain.taken), len(eager.taken)] == [1, 2]


def test_partial_that_waits_is_replaced_by_the_next_one() -> None:
    slow = Slow()
    output = QueuedOutput(slow, partials=True, newest=True)
    first, *rest = records("a", "a b", "a b c", final=False)
    output.write(first)
    assert slow.came.acquire(timeout=DEADLINE_S)
    last = records("a b c d")
    for record in [*rest, *last]:
        output.write(record)
    slow.let.release(9)
    output.close()

    assert slow.taken == [first, rest[-1], *last]


def test_output_that_fails_says_so_at_the_next_look() -> None:
    slow, failed = Slow(OSError(28, "No space left")), threading.Event()
    output = QueuedOutput(slow, failed=failed.set)
    output.write(records("one")[0])
    slow.let.release()

    assert failed.wait(DEADLINE_S)
    with pytest.raises(OSError, match="No space left"):
        output.flush()
    with pytest.raises(OSError, match="No space left"):
        output.close()
    assert slow.closed


def test_fault_of_an_output_is_no_end_of_the_program() -> None:
    class Faulty(Slow):
        def write(self, record: Record) -> None:
            raise IndexError("oops")

    faulty = Faulty()
    output = QueuedOutput(faulty)
    output.write(records("one")[0])
    with pytest.raises(OSError, match="IndexError: oops"):
        output.close()
    assert faulty.closed


def test_fault_of_an_output_at_its_end_is_told() -> None:
    class Faulty(Slow):
        def close(self) -> None:
            raise ValueError("oops")

    failed = threading.Event()
    output = QueuedOutput(Faulty(), failed=failed.set)
    with pytest.raises(OSError, match="ValueError: oops"):
        output.close()
    assert failed.is_set()


def test_first_fault_of_an_output_is_the_one_that_is_told() -> None:
    class Faulty(Slow):
        def close(self) -> None:
            raise OSError("the second")

    faulty = Faulty(OSError("the first"))
    output = QueuedOutput(faulty)
    output.write(records("one")[0])
    faulty.let.release()
    with pytest.raises(OSError, match="the first"):
        output.close()


def test_output_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_output, "MOST_WAITING_CHARACTERS", 1000)
    monkeypatch.setattr(write_queue, "STUCK_AFTER_S", 0.0)
    slow = Slow()
    output = QueuedOutput(slow, patience_s=lambda: None)
    with pytest.raises(OSError, match="nobody reads it"):
        for record in records(*["word " * 100] * 9):
            output.write(record)
    output.close()  # waits for nothing
    slow.let.release(9)
    output._queue.thread.join(DEADLINE_S)
    assert slow.closed  # but let go of, once it takes something


def test_stopped_run_does_not_wait_for_a_reader_who_reads_no_more() -> None:
    slow = Slow()
    output = QueuedOutput(slow, patience_s=lambda: 0.0)
    output.write(records("one")[0])
    with pytest.raises(OSError, match="nobody reads it"):
        output.close()
    slow.let.release()


class Copying(Slow):
    """An output that takes long to close, and can be cancelled; a signal comes meanwhile."""

    def __init__(self, signal: BaseException) -> None:
        super().__init__()
        self._signal: BaseException | None = signal

    def close(self) -> None:
        assert self.let.acquire(timeout=DEADLINE_S)
        raise OSError("its writing was interrupted")

    def cancel(self) -> None:
        self.let.release()

    def patience_s(self) -> None:
        signal, self._signal = self._signal, None
        if signal is not None:
            raise signal


@pytest.mark.parametrize(
    ("signal", "told"), [(KeyboardInterrupt(), OSError), (SystemExit(143), SystemExit)]
)
def test_signal_ends_the_closing_of_what_takes_long(
    signal: BaseException, told: type[BaseException]
) -> None:
    copying = Copying(signal)
    output = QueuedOutput(copying, patience_s=copying.patience_s)

    with pytest.raises(told):
        output.close()
    assert not output.has_ended
