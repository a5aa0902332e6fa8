"""Several recordings at once, one output: nothing is mixed, lost or out of order."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outputs.run_records import recording
from tests.outputs.turn_records import record
from transcribe_cli.outputs import shared_output
from transcribe_cli.outputs.jsonl_records import Record, encode_record
from transcribe_cli.outputs.output import Output
from transcribe_cli.outputs.shared_output import RecordingEntry, SharedOutput


class Kept:
    """An output that keeps what it is told, and may be full."""

    name = "all.txt"

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.full_at: int | None = None
        self.flushed = 0

    def write(self, record: Record) -> None:
        if self.full_at is not None and len(self.records) >= self.full_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.records.append(record)

    def flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        pass

    @property
    def sources(self) -> list[str]:
        return [record.body["source"] for record in self.records]


class Desk:
    def __init__(self) -> None:
        self.output = Kept()
        self.failures: list[tuple[Output, OSError]] = []
        self.turns = SharedOutput(self.output, lambda output, e: self.failures.append((output, e)))

    def enter(self, count: int) -> list[RecordingEntry]:
        return [self.turns.enter() for _ in range(count)]


def said(number: int, step: int, *, final: bool = True) -> Record:
    made = record(f"word{step}", final=final)
    made.body["source"] = f"{number}.wav"
    return made


def test_the_first_writes_at_once_and_the_later_ones_when_it_has_ended() -> None:
    desk = Desk()
    one, two = desk.enter(2)
    two.write(said(2, 0))
    one.write(said(1, 0))
    assert desk.output.sources == ["1.wav"]
    two.write(said(2, 1))
    one.close()
    assert desk.output.sources == ["1.wav", "2.wav", "2.wav"]
    two.write(said(2, 2))
    assert desk.output.sources[-1] == "2.wav"
    assert len(desk.output.records) == 4


steps = st.tuples(st.sampled_from(["enter", "write", "partial", "close"]), st.integers(0, 9))


@given(st.lists(steps, max_size=60))
def test_everything_comes_together_and_in_the_order_of_asking(taken: list[tuple[str, int]]) -> None:
    desk = Desk()
    entries: list[RecordingEntry] = []
    written: list[list[bytes]] = []
    for action, choice in taken:
        running = [number for number, entry in enumerate(entries) if not entry.ended]
        if action == "enter":
            entries += desk.enter(1)
            written.append([])
        elif running:
            number = running[choice % len(running)]
            made = said(number, len(written[number]), final=action == "write")
            if action == "close":
                entries[number].close()
                continue
            entries[number].write(made)
            if action == "write":
                written[number].append(encode_record(made, 0))
    for entry in entries:
        entry.close()
        entry.close()
    told = [encode_record(one, 0) for one in desk.output.records if one.update and one.update.final]
    assert told == [line for lines in written for line in lines]
    assert desk.output.sources == sorted(desk.output.sources, key=lambda name: int(name[:-4]))


def test_what_was_kept_is_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_output, "_IN_MEMORY_BYTES", 100)  # the rest is on the disk
    desk = Desk()
    one, two = desk.enter(2)
    told = [recording("2.wav"), *(said(2, step) for step in range(50))]
    for made in told:
        two.write(made)
    one.close()
    assert [encode_record(one, 7) for one in desk.output.records] == [
        encode_record(one, 7) for one in told
    ]
    updates = [made.update for made in desk.output.records[1:]]
    assert [update.message.transcript for update in updates if update] == [
        f"word{step}" for step in range(50)
    ]


def test_partials_are_told_by_the_first_and_not_kept_of_the_others() -> None:
    desk = Desk()
    one, two = desk.enter(2)
    one.write(said(1, 0, final=False))
    two.write(said(2, 0, final=False))
    two.write(said(2, 1))
    one.close()
    assert desk.output.sources == ["1.wav", "2.wav"]


def test_those_that_ended_before_their_turn_are_told_one_after_the_other() -> None:
    desk = Desk()
    entries = desk.enter(4)
    for number in (3, 1, 2):
        entries[number].write(said(number, 0))
        entries[number].close()
    assert desk.output.records == []
    entries[0].close()
    assert desk.output.sources == ["1.wav", "2.wav", "3.wav"]
    (later,) = desk.enter(1)
    later.write(said(9, 0))
    assert desk.output.sources[-1] == "9.wav"


def test_an_output_that_fails_is_told_once_and_holds_nobody_up() -> None:
    desk = Desk()
    desk.output.full_at = 1
    one, two = desk.enter(2)
    for step in range(3):
        one.write(said(1, step))
        two.write(said(2, step))
    one.close()
    two.close()
    ((output, e),) = desk.failures
    assert output is desk.output
    assert e.errno == errno.ENOSPC
    assert desk.output.sources == ["1.wav"]


def test_one_that_fails_while_what_was_kept_is_written_is_told_once() -> None:
    desk = Desk()
    desk.output.full_at = 2
    one, two = desk.enter(2)
    for step in range(5):
        two.write(said(2, step))
    one.close()
    assert len(desk.failures) == 1
    two.write(said(2, 9))
    assert len(desk.output.records) == 2


def test_a_flush_reaches_an_output_that_has_one() -> None:
    desk = Desk()
    one, two = desk.enter(2)
    one.flush()
    two.flush()
    assert desk.output.flushed == 2
    one.close()
