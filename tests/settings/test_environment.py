"""The world as one object: what programs of others get of it."""

import os
from pathlib import Path

import pytest

from transcribe_cli.settings.environment import Environment, child_variables


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
