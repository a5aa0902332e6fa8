"""A journal that another process writes is told once, as it comes."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from transcribe_cli.recordings.followed_journal import FollowedJournal
from transcribe_cli.system.atomic_replace import replace_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def lines(*types: str) -> bytes:
    return b"".join(msgspec.json.encode({"type": kind}) + b"\n" for kind in types)


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
