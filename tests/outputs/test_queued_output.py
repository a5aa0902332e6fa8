"""Streams and outputs that threads of their own write to, so that nobody waits for them."""

import io
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.ui.turn_updates import update
from transcribe_cli.outputs import queued_output
from transcribe_cli.outputs.queued_output import QueuedOutput, QueuedStream, queued_stream
from transcribe_cli.outputs.record import Record, turn_record

DEADLINE_S = 10.0
TIME = datetime(2026, 11, 20, tzinfo=UTC)


def end(stream: QueuedStream) -> None:
    """Close it, and see that its thread ends."""
    stream.close()
    stream.close()
    assert stream._thread is not None
    stream._thread.join(DEADLINE_S)
    assert not stream._thread.is_alive()


def test_everything_arrives_in_order() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as raw, os.fdopen(read_end, "rb") as reader:
        stream = QueuedStream(raw)
        for number in range(1000):
            stream.write(b"%d\n" % number)
        stream.drain()
        end(stream)
        raw.close()

        assert reader.read() == b"".join(b"%d\n" % number for number in range(1000))
        assert not stream.busy


def test_reader_that_does_not_read_holds_nobody_up() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as raw, os.fdopen(read_end, "rb") as reader:
        stream = QueuedStream(raw)
        for _ in range(100):
            stream.write(bytes(100_000))  # a pipe holds 64 KiB
            stream.flush()
        assert stream.busy
        drained = threading.Thread(target=stream.drain)
        drained.start()
        assert len(reader.read(10_000_000)) == 10_000_000
        drained.join(DEADLINE_S)

        assert not stream.busy
        end(stream)


def test_reader_that_goes_away_is_told_at_once_and_is_an_error_of_what_comes_next() -> None:
    read_end, write_end = os.pipe()
    failed = threading.Event()
    with os.fdopen(write_end, "wb", buffering=0) as raw:
        stream = QueuedStream(raw, failed.set)
        os.close(read_end)
        stream.write(b"x")

        assert failed.wait(DEADLINE_S)
        for action in (stream.flush, stream.drain, lambda: stream.write(b"y")):
            with pytest.raises(BrokenPipeError):
                action()
        assert not stream.busy  # nobody need look again


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_output, "MOST_WAITING_BYTES", 200_000)
    monkeypatch.setattr(queued_output, "_ROOM_WAIT_S", DEADLINE_S)
    read_end, write_end = os.pipe()
    written: list[int] = []

    def write() -> None:
        for number in range(10):
            stream.write(bytes(100_000))
            written.append(number)

    with os.fdopen(write_end, "wb", buffering=0) as raw, os.fdopen(read_end, "rb") as reader:
        stream = QueuedStream(raw)
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(0.2)
        assert len(written) < 5
        reader.read(1_000_000)
        writer.join(DEADLINE_S)

        assert len(written) == 10
        end(stream)


class Parts(io.RawIOBase):
    """A stream that keeps what it is given at once."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def write(self, data: Any, /) -> int:
        self.taken.append(bytes(data))
        return len(data)


@pytest.mark.parametrize("text", ["é", "€", "😀", "x", "a€😀é"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_no_character_is_cut(before: str, text: str) -> None:
    parts = Parts()
    stream = QueuedStream(parts)
    whole = before + text * 10_000
    stream.write_text(whole, None)
    stream.drain()
    end(stream)

    assert "".join(part.decode() for part in parts.taken) == whole
    assert len(parts.taken) > 1


def test_bytes_that_are_no_characters_arrive_too() -> None:
    parts = Parts()
    stream = QueuedStream(parts)
    stream.write(b"\x80" * 10_000)
    stream.drain()
    end(stream)

    assert b"".join(parts.taken) == b"\x80" * 10_000


def test_text_has_the_line_ends_of_the_system_and_what_its_encoding_has() -> None:
    parts = Parts()
    stream = QueuedStream(parts)
    stream.write_text("é €\n", "latin-1")
    stream.drain()
    end(stream)

    assert b"".join(parts.taken) == b"\xe9 ?" + os.linesep.encode()


def test_file_is_written_to_under_a_number_of_its_own() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader:
        with os.fdopen(write_end, "w", encoding="utf-8") as file:
            file.write("first, ")
            stream, unused = queued_stream(file), queued_stream(file)
        assert stream is not None
        assert unused is not None
        unused.close()
        stream.write(b"then this")
        end(stream)

        assert reader.read() == b"first, then this"  # to the end: nobody else holds it


def test_nobody_waits_for_a_regular_file(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert queued_stream(file) is None
    assert queued_stream(file) is None  # closed
    assert queued_stream(io.StringIO()) is None


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
    monkeypatch.setattr(queued_output, "_STUCK_S", 0.0)
    slow = Slow()
    output = QueuedOutput(slow, patience_s=lambda: None)
    with pytest.raises(OSError, match="nobody reads it"):
        for record in records(*["word " * 100] * 9):
            output.write(record)
    output.close()  # waits for nothing
    slow.let.release(9)
    assert output._thread is not None
    output._thread.join(DEADLINE_S)
    assert slow.closed  # but let go of, once it takes something


def test_stopped_run_does_not_wait_for_a_reader_who_reads_no_more() -> None:
    slow = Slow()
    output = QueuedOutput(slow, patience_s=lambda: 0.0)
    output.write(records("one")[0])
    with pytest.raises(OSError, match="nobody reads it"):
        output.close()
    slow.let.release()
