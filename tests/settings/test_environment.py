"""The world as one object: what a `.env` holds, and what programs of others get."""

import os
from pathlib import Path

import pytest

from tests.hostile.foreign_recordings import make_fifo
from transcribe_cli.settings.dotenv import settings_in_dotenv
from transcribe_cli.settings.environment import Environment, child_variables, read_dotenv


def test_everything_is_read_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\nASSEMBLYAI_API_KEY='k'\nexport AAI_STREAM_MODEL=whisper-rt\n"
        "OTHER_PROGRAM=1\nAAI_STREAM_BARE\n"
    )
    assert read_dotenv(tmp_path)[0] == {
        "ASSEMBLYAI_API_KEY": "k",
        "AAI_STREAM_MODEL": "whisper-rt",
        "OTHER_PROGRAM": "1",
        "AAI_STREAM_BARE": None,
    }


def test_variables_of_the_process_are_put_into_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "theirs")
    (tmp_path / ".env").write_text(
        "AAI_STREAM_ENDPOINT=wss://x/${AWS_SECRET_ACCESS_KEY}\nA=${AWS_SECRET_ACCESS_KEY:-b}\n"
    )
    assert "theirs" not in str(read_dotenv(tmp_path)[0])


def test_mark_at_the_beginning_of_the_file_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASSEMBLYAI_API_KEY=k\n", encoding="utf-8-sig")
    assert read_dotenv(tmp_path)[0] == {"ASSEMBLYAI_API_KEY": "k"}


def test_other_bytes_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"NAME=caf\xe9\nASSEMBLYAI_API_KEY=k\n")
    assert read_dotenv(tmp_path)[0]["ASSEMBLYAI_API_KEY"] == "k"


@pytest.mark.parametrize("kind", ["none", "folder", "fifo", "huge"])
def test_what_is_no_file_of_settings_sets_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ".env"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        make_fifo(path)
    elif kind == "huge":
        path.write_bytes(b"A=1\n" * 300_000)
    assert read_dotenv(tmp_path) == ({}, [])


def test_lines_that_cannot_be_read_are_told_by_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("A='unclosed\nB=b\nC = d e\nsome words\n")

    environment = Environment.current()
    notes = settings_in_dotenv(environment).notes

    assert environment.dotenv["B"] == "b"
    assert [note.partition(": ")[2] for note in notes] == [
        "lines 1, 4 cannot be read; write NAME=value there"
    ]
    assert capfd.readouterr().err == ""


def test_no_variable_of_the_process_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("AAI_STREAM_MODEL=whisper-rt\nASSEMBLYAI_API_KEY=k\n")
    before = dict(os.environ)
    environment = Environment.current()

    assert environment.dotenv["AAI_STREAM_MODEL"] == "whisper-rt"
    assert dict(os.environ) == before


def test_programs_of_others_get_neither_key_nor_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ASSEMBLYAI_API_KEY", "k"), ("AAI_STREAM_TOKEN", "t"), ("OTHER", "o")):
        monkeypatch.setenv(name, value)

    assert {"k", "t"}.isdisjoint(child_variables().values())
    assert child_variables()["OTHER"] == "o"
