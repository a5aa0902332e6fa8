"""The fan-out: an output that breaks is dropped, and the others go on."""

import io
from pathlib import Path

import pytest

from tests.outputs.turn_records import WHEN
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.output import FileWrittenLater, Output, Outputs, flush_and_close

MARK = Record(WHEN, "Mark", {})


class Listed:
    """Keeps its records; fails from the record `fails_at` on, and at the end if `fails_at_end`."""

    def __init__(
        self, name: str, fails_at: int | None = None, *, fails_at_end: bool = False
    ) -> None:
        self.name = name
        self.records: list[Record] = []
        self.closed = 0
        self._fails_at = fails_at
        self._fails_at_end = fails_at_end

    def write(self, record: Record) -> None:
        if len(self.records) == self._fails_at:
            raise OSError(28, "No space left on device")
        self.records.append(record)

    def close(self) -> None:
        self.closed += 1
        if self._fails_at_end:
            raise OSError(5, "Input/output error")


def opened(*outputs: Listed) -> tuple[Outputs, list[str]]:
    told: list[str] = []

    def broken(output: Output, e: OSError) -> None:
        told.append(f"{output.name}: {e.strerror}")

    return Outputs(outputs, broken), told


def test_every_output_takes_every_record() -> None:
    one, two = Listed("one"), Listed("two")
    outputs, told = opened(one, two)
    outputs.write(MARK)
    outputs.write(MARK)

    assert one.records == two.records == [MARK, MARK]
    assert told == []


def test_broken_output_is_dropped_and_told_once() -> None:
    one, two, three = Listed("one"), Listed("two", fails_at=1), Listed("three")
    outputs, told = opened(one, two, three)
    for _ in range(4):
        outputs.write(MARK)

    assert told == ["two: No space left on device"]
    assert [len(listed.records) for listed in (one, two, three)] == [4, 1, 4]


def test_broken_output_is_closed_and_what_that_says_is_not_told() -> None:
    broken = Listed("one", fails_at=0, fails_at_end=True)
    outputs, told = opened(broken)
    outputs.write(MARK)
    outputs.close()

    assert broken.closed == 1
    assert told == ["one: No space left on device"]


def test_all_are_closed_also_where_one_fails() -> None:
    one, two, three = Listed("one"), Listed("two", fails_at_end=True), Listed("three")
    outputs, told = opened(one, two, three)
    outputs.close()
    outputs.close()

    assert [listed.closed for listed in (one, two, three)] == [1, 1, 1]
    assert told == ["two: Input/output error"]


def test_nothing_is_written_after_the_end() -> None:
    one = Listed("one")
    outputs, _ = opened(one)
    outputs.close()
    outputs.write(MARK)

    assert one.records == []


class Full(io.BytesIO):
    """A stream whose last bytes do not fit."""

    def flush(self) -> None:
        if not self.closed:
            raise OSError(28, "No space left on device")


def test_stream_that_cannot_be_flushed_is_closed_all_the_same() -> None:
    stream = Full()
    with pytest.raises(OSError, match="No space left"):
        flush_and_close(stream, owned=True)

    assert stream.closed


def test_a_file_that_cannot_be_written_can_be_closed_all_the_same(tmp_path: Path) -> None:
    file = FileWrittenLater.__new__(FileWrittenLater)
    with pytest.raises(OSError, match="Is a directory"):
        file.__init__(tmp_path)  # type: ignore[misc]
    file.close()
    assert file.closed
