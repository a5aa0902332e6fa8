"""The folder of a recording."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.recordings.folder import create_folder, recording_id

STARTED = datetime(2026, 11, 20, 9, 5, 7)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "2026-11-20-090507"),
        ("Team meeting.wav", "2026-11-20-090507-team-meeting"),
        ("2026.11.20 meeting.wav", "2026-11-20-090507-2026-11-20-meeting"),
        ("../../etc/passwd", "2026-11-20-090507-passwd"),
        ("..", "2026-11-20-090507"),
        ("días & 今天.mp3", "2026-11-20-090507-días-今天"),
        ("___", "2026-11-20-090507"),
        ("a" * 300, "2026-11-20-090507-" + "a" * 40),
        ("caf\udce9.wav", "2026-11-20-090507-caf"),
    ],
)
def test_id_is_the_time_and_the_name(name: str, expected: str) -> None:
    assert recording_id(STARTED, name) == expected


def test_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = create_folder(tmp_path / "new" / "place", "2026-11-20-090507")

    assert folder == tmp_path / "new" / "place" / "2026-11-20-090507"
    assert folder.is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_folder_is_its_owner_s_alone(tmp_path: Path) -> None:
    assert create_folder(tmp_path, "x").stat().st_mode & 0o777 == 0o700


def test_second_recording_of_a_second_gets_a_number(tmp_path: Path) -> None:
    names = [create_folder(tmp_path, "x").name for _ in range(3)]

    assert names == ["x", "x-2", "x-3"]


def test_save_dir_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as refused:
        create_folder(tmp_path / "file", "x")

    assert "--save-dir" in refused.value.hint


def test_file_or_link_in_the_folder_s_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    (tmp_path / "x-2").symlink_to(tmp_path / "nowhere")

    assert create_folder(tmp_path, "x").name == "x-3"


def test_folder_that_its_owner_removes_meanwhile_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.mkdir
    tried: list[str] = []

    def mkdir(path: Path, *arguments: Any, **options: Any) -> None:
        tried.append(path.name)
        if path.name == "x":  # there a moment ago, and gone now
            raise FileExistsError
        really(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert create_folder(tmp_path, "x").name == "x-2"
    assert tried == ["x", "x-2"]
