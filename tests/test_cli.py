"""The ladder from a fault to its exit code, where the fault's own text holds the key."""

from pathlib import Path

import pytest

from transcribe_cli import cli
from transcribe_cli.redaction import keep_secret

KEY = "0123456789abcdef" * 2


def test_no_traceback_holds_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        keep_secret(KEY)
        raise RuntimeError(f"a library says {KEY}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AAI_STREAM_CONFIG", "")
    monkeypatch.setattr("transcribe_cli.commands.mic.mic", fail)
    assert cli.run(["mic", "--verbose"]) == 1

    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "a library says [key]" in shown
    assert KEY not in shown
