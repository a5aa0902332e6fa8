"""Recordings found by what a person types."""

from pathlib import Path

import pytest

from transcribe_cli.recordings.saved_recordings import find_recording

ID = "2026-06-01-093000-talk"


@pytest.mark.parametrize("name", [ID, f"{ID}/", "2026-06", "latest"])
def test_an_id_may_end_as_a_shell_completes_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / ID).mkdir()
    (tmp_path / ID / "journal.jsonl").write_text("")

    assert find_recording(tmp_path, name).folder.name == ID
