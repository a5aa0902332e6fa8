"""Settings of a `.env` file."""

import os
from pathlib import Path

import pytest

from transcribe_cli.environment import child_variables, load_dotenv


@pytest.fixture(autouse=True)
def own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in tuple(os.environ):
        if name.startswith(("ASSEMBLYAI_", "AAI_")):
            del os.environ[name]


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


@pytest.mark.parametrize("name", ["ENDPOINT", "REGION", "CONFIG"])
@pytest.mark.parametrize(
    ("set_before", "text", "taken"),
    [
        ({}, "", False),  # the key may be in the keyring
        ({}, "ASSEMBLYAI_API_KEY=its-own", True),
        ({}, "ASSEMBLYAI_API_KEY=", False),
        ({"ASSEMBLYAI_API_KEY": "k"}, "", False),
        ({"ASSEMBLYAI_API_KEY": "k"}, "ASSEMBLYAI_API_KEY=its-own", False),
        ({"AAI_STREAM_TOKEN": "t"}, "ASSEMBLYAI_API_KEY=its-own", False),
    ],
)
def test_file_says_where_the_service_is_only_to_its_own_key(
    tmp_path: Path, name: str, set_before: dict[str, str], text: str, taken: bool
) -> None:
    os.environ.update(set_before)
    (tmp_path / ".env").write_text(f"AAI_STREAM_{name}=x\n{text}\n")
    load_dotenv(tmp_path)

    assert (os.environ.get(f"AAI_STREAM_{name}") == "x") is taken


def test_programs_of_others_get_neither_key_nor_token() -> None:
    os.environ.update({"ASSEMBLYAI_API_KEY": "k", "AAI_STREAM_TOKEN": "t", "OTHER": "o"})

    assert {"k", "t"}.isdisjoint(child_variables().values())
    assert child_variables()["OTHER"] == "o"
