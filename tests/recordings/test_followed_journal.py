"""A journal that another process writes is told once, as it comes."""

from io import BufferedReader
from pathlib import Path
from typing import Any

import msgspec
import pytest

from transcribe_cli.recordings import followed_journal
from transcribe_cli.recordings.followed_journal import FollowedJournal
from transcribe_cli.system.atomic_replace import replace_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def lines(*types: str, **fields: Any) -> bytes:
    return b"".join(msgspec.json.encode({"type": kind} | fields) + b"\n" for kind in types)


class StaleAfterALine(BufferedReader):
    """As a file of a network that is gone in the middle."""

    def readline(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError("stale file handle")
        return super().readline(size)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def types(journal: FollowedJournal, **asked: Any) -> list[str]:
    return [record["type"] for record in journal.new_records(**asked)]


def test_each_record_is_told_once_and_half_a_line_when_it_is_whole(path: Path) -> None:
    journal = FollowedJournal(path)
    with pytest.raises(FileNotFoundError):
        types(journal)
    append(path, lines("Recording", "Begin") + lines("Turn")[:5])
    assert types(journal) == ["Recording", "Begin"]
    assert types(journal) == []
    append(path, lines("Turn")[5:])
    assert types(journal) == ["Turn"]


def test_who_goes_on_with_a_recording_and_mends_its_journal_repeats_nothing(path: Path) -> None:
    journal = FollowedJournal(path)
    append(path, lines("Recording", "Turn", "Gap", "Summary"))
    assert types(journal) == ["Recording", "Turn"]
    # As `reopen_outputs` does it: the closing records are not true any more.
    replace_file(path, lines("Recording", "Turn"), follow=False)
    append(path, lines("Turn", "Summary"))
    assert types(journal) == ["Turn"]
    assert types(journal, ended=True) == ["Summary"]


def test_a_gap_that_something_follows_is_told(path: Path) -> None:
    journal = FollowedJournal(path)
    append(path, lines("Recording", "Gap"))
    assert types(journal) == ["Recording"]
    append(path, lines("Turn"))
    assert types(journal) == ["Gap", "Turn"]


def test_an_end_that_was_told_and_is_taken_back_makes_no_record_go_untold(path: Path) -> None:
    journal = FollowedJournal(path)
    failed = lines("Error", exit_code=5)
    append(path, lines("Recording", "Turn") + failed + lines("Termination"))
    assert types(journal) == ["Recording", "Turn", "Error", "Termination"]
    replace_file(path, lines("Recording", "Turn", "Termination"), follow=False)
    append(path, lines("Begin"))
    assert types(journal) == ["Begin"]


@pytest.mark.parametrize("last", ["Turn", "Summary"])
def test_whoever_breaks_off_is_given_the_rest_the_next_time(path: Path, last: str) -> None:
    journal = FollowedJournal(path)
    append(path, lines("Recording", "Gap", "Gap", last))
    told = [next(journal.new_records(ended=True))["type"] for _ in range(4)]
    assert told == ["Recording", "Gap", "Gap", last]
    assert types(journal, ended=True) == []


def test_a_replaced_journal_that_once_cannot_be_read_repeats_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FollowedJournal(path)
    append(path, lines("Recording", "Turn"))
    assert types(journal) == ["Recording", "Turn"]
    replace_file(path, lines("Recording", "Turn"), follow=False)
    append(path, lines("Begin"))
    with monkeypatch.context() as patch:
        patch.setattr(followed_journal, "BufferedReader", StaleAfterALine)
        with pytest.raises(OSError, match="stale"):
            types(journal)
    assert types(journal) == ["Begin"]


@pytest.mark.parametrize("written", [40, 64, 70, 128, 150])
def test_a_line_that_is_too_long_is_left_out_and_what_follows_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    monkeypatch.setattr(followed_journal, "MOST_LINE_BYTES", 64)
    journal = FollowedJournal(path)
    long = lines("Turn", words="w" * 130)
    append(path, lines("Recording") + long[:written])
    assert types(journal) == ["Recording"]
    append(path, long[written:] + lines("Begin"))
    assert types(journal) == ["Begin"]
