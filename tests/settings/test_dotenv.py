"""How a `.env` is read, what is taken from it, and what is said of the rest."""

import io
from pathlib import Path

import pytest

from tests.hostile.foreign_recordings import make_fifo
from transcribe_cli.settings.dotenv import (
    Dotenv,
    notes_on_variables,
    read_dotenv,
    settings_in_dotenv,
)
from transcribe_cli.settings.environment import Environment


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


def dotenv(file: dict[str, str | None], **variables: str) -> Dotenv:
    """Of a file in a folder of these variables."""
    streams = io.BytesIO(), io.StringIO(), io.StringIO()
    return settings_in_dotenv(Environment(*streams, variables, Path("/folder"), file))


def test_settings_of_recognition_formats_and_limits_are_taken() -> None:
    found = dotenv(
        {
            "AAI_STREAM_MODEL": "whisper-rt",
            "AAI_STREAM_KEYTERM": "Sonny Miller\nRNase",
            "AAI_STREAM_JSONL": "1",
            "AAI_STREAM_MAX_COST": "2",
            "AAI_STREAM_LOCAL": "",
            "AAI_STREAM_TOKEN": " ",
            "AAI_STREAM_OUTPUT": "",
            "AAI_STREAM_BARE_NAME": None,
            "AAI_STREAM_MODLE": "x",
            "OTHER_PROGRAM": "1",
        }
    )
    assert found.options == {
        "model": "whisper-rt",
        "keyterm": "Sonny Miller\nRNase",
        "jsonl": "1",
        "max_cost": "2",
    }
    assert found.notes == [
        "/folder/.env: AAI_STREAM_MODLE is not known; did you mean AAI_STREAM_MODEL?"
    ]


@pytest.mark.parametrize(
    "name",
    "OUTPUT RECORD SAVE_DIR CAPTIONS_FILE CAPTIONS_PORT FROM_LIST NO_SAVE DEVICE PARAM CONFIG "
    "SERVE_KEY".split(),
)
def test_what_may_not_come_from_there_is_named_without_its_value(name: str) -> None:
    found = dotenv({f"AAI_STREAM_{name}": "swordfish"})
    (note,) = found.notes

    assert not found.options
    assert f"AAI_STREAM_{name} is not taken from there" in note
    assert "swordfish" not in note


@pytest.mark.parametrize(
    ("variables", "file", "taken"),
    [
        ({}, {}, False),  # the key may be in the keyring
        ({}, {"ASSEMBLYAI_API_KEY": "its-own"}, True),
        ({"ASSEMBLYAI_API_KEY": " "}, {"ASSEMBLYAI_API_KEY": "its-own"}, True),
        ({}, {"ASSEMBLYAI_API_KEY": " "}, False),
        ({}, {"ASSEMBLYAI_API_KEY": None}, False),
        ({}, {"AAI_STREAM_TOKEN": "its-own"}, False),  # which makes no token: a key would be found
        ({"ASSEMBLYAI_API_KEY": "k"}, {}, False),
        ({"ASSEMBLYAI_API_KEY": "k"}, {"ASSEMBLYAI_API_KEY": "its-own"}, False),
        ({"AAI_STREAM_TOKEN": "t"}, {"ASSEMBLYAI_API_KEY": "its-own"}, False),
    ],
)
def test_file_says_where_the_service_is_only_to_its_own_key(
    variables: dict[str, str], file: dict[str, str | None], taken: bool
) -> None:
    found = dotenv({**file, "AAI_STREAM_ENDPOINT": "wss://x"}, **variables)

    assert ("endpoint" in found.options) is taken
    assert bool(found.notes) is not taken


def test_region_is_the_services_own_and_needs_no_key() -> None:
    assert dotenv({"AAI_STREAM_REGION": "eu"}, ASSEMBLYAI_API_KEY="k").options == {"region": "eu"}


def test_a_variable_of_ours_that_nobody_knows_is_told() -> None:
    variables = {"AAI_STREAM_MODLE": "x", "AAI_STREAM_MODEL": "whisper-rt", "HOME": "/"}

    assert notes_on_variables(variables) == [
        "AAI_STREAM_MODLE is not known; did you mean AAI_STREAM_MODEL?"
    ]
    assert notes_on_variables({"AAI_STREAM_MODEL": "whisper-rt"}) == []
