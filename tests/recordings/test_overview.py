"""What a list shows of a recording: from head and tail of its files, whatever their length."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.foreign_recordings import ID, make_recording
from tests.program import Home
from tests.recordings.test_journal import TIME, TURN
from transcribe_cli.recordings import overview
from transcribe_cli.recordings.overview import overview_of
from transcribe_cli.recordings.saved_recordings import load_recording

SUMMARY = {"time": TIME, "type": "Summary", "audio_s": 60.0, "turns": 7, "complete": True}


def add(folder: Path, *records: dict[str, Any]) -> None:
    with (folder / "journal.jsonl").open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def folder(home: Home) -> Path:
    return make_recording(home)


def test_the_end_says_how_it_ended(folder: Path) -> None:
    add(folder, TURN, SUMMARY)
    (folder / "transcript.txt").write_text("Good morning.\nShall we begin?\n")
    seen = overview_of(folder)
    assert (seen.recording.state, seen.turns) == ("complete", 7)
    assert seen.first_words == "Good morning."
    assert seen.recording.audio_s == load_recording(folder).audio_s
    assert seen.size_bytes == sum(path.stat().st_size for path in folder.iterdir())


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that were parsed from the end of a journal."""
    parsed: list[bytes] = []

    def parse(line: bytes) -> Any:
        parsed.append(line)
        return json.loads(line)

    monkeypatch.setattr(overview, "load_recording", None)  # which reads all of it
    monkeypatch.setattr(overview, "read_line", parse)
    return parsed


def test_one_that_was_cut_off_has_the_turns_up_to_its_last_one(
    folder: Path, parsed: list[bytes]
) -> None:
    add(folder, *(TURN | {"turn": number} for number in range(5)))
    add(folder, *(TURN | {"turn": 5, "final": False} for _ in range(20)))
    seen = overview_of(folder)
    assert (seen.recording.state, seen.turns) == ("interrupted", 5)
    assert len(parsed) == 1


def test_of_a_long_journal_a_small_part_is_read(folder: Path, parsed: list[bytes]) -> None:
    add(folder, *(TURN | {"turn": number} for number in range(2000)), SUMMARY)
    assert (folder / "journal.jsonl").stat().st_size > 10 * 40_000
    assert overview_of(folder).turns == 7
    assert len(parsed) == 1


def test_a_head_or_a_tail_that_is_too_long_is_no_hindrance(home: Home) -> None:
    terms = {"speech_model": "u3-rt-pro", "keyterms_prompt": ["x" * 50] * 100}
    folder = make_recording(home, parameters=terms)
    add(folder, TURN, TURN | {"final": False, "transcript": "x" * 50_000})
    seen = overview_of(folder)
    assert (seen.recording.state, seen.turns) == ("interrupted", 1)


@pytest.mark.parametrize("kind", ["folder", "fifo", "nothing"])
def test_a_journal_that_is_no_file_is_unreadable(folder: Path, kind: str) -> None:
    journal = folder / "journal.jsonl"
    journal.unlink()
    if kind == "folder":
        journal.mkdir()
    elif kind == "fifo":
        os.mkfifo(journal)
    assert overview_of(folder).recording.state == "unreadable"
    assert folder.name == ID
