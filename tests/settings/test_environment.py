"""The world as one object: what a `.env` is to it."""

import os
from pathlib import Path

import pytest

from transcribe_cli.settings.environment import Environment


def test_no_variable_of_the_process_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("AAI_STREAM_MODEL=whisper-rt\nASSEMBLYAI_API_KEY=k\n")
    before = dict(os.environ)
    environment = Environment.current()

    assert environment.dotenv["AAI_STREAM_MODEL"] == "whisper-rt"
    assert dict(os.environ) == before
