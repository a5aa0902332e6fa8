"""Settings of a `.env` file."""

import os
from pathlib import Path

import pytest

from transcribe_cli.environment import load_dotenv


@pytest.fixture(autouse=True)
def own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in ("ASSEMBLYAI_API_KEY", "AAI_STREAM_TOKEN", "AAI_STREAM_MODEL"):
        os.environ.pop(name, None)


def test_own_names_are_taken_and_others_left(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\nASSEMBLYAI_API_KEY='k'\nexport AAI_STREAM_MODEL=whisper-rt\n"
        "AAI_STREAM_TOKEN=t\nOTHER_PROGRAM=1\nAAI_STREAM_BARE\n"
    )
    load_dotenv(tmp_path)

    assert os.environ["ASSEMBLYAI_API_KEY"] == "k"
    assert os.environ["AAI_STREAM_MODEL"] == "whisper-rt"
    assert os.environ["AAI_STREAM_TOKEN"] == "t"
    assert "OTHER_PROGRAM" not in os.environ


def test_variable_that_is_set_already_wins(tmp_path: Path) -> None:
    os.environ["ASSEMBLYAI_API_KEY"] = "from the shell"
    (tmp_path / ".env").write_text("ASSEMBLYAI_API_KEY=from the file\n")
    load_dotenv(tmp_path)

    assert os.environ["ASSEMBLYAI_API_KEY"] == "from the shell"


def test_mark_at_the_beginning_of_the_file_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASSEMBLYAI_API_KEY=k\n", encoding="utf-8-sig")
    load_dotenv(tmp_path)

    assert os.environ["ASSEMBLYAI_API_KEY"] == "k"


def test_other_bytes_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"NAME=caf\xe9\nASSEMBLYAI_API_KEY=k\n")
    load_dotenv(tmp_path)

    assert os.environ["ASSEMBLYAI_API_KEY"] == "k"


def test_folder_without_the_file_is_fine(tmp_path: Path) -> None:
    before = dict(os.environ)
    load_dotenv(tmp_path)

    assert dict(os.environ) == before
