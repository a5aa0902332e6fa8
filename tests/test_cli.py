"""The ladder from a fault to its exit code, where the fault's own text holds the key."""

import errno
import socket
from pathlib import Path

import pytest

from transcribe_cli import __main__ as entry
from transcribe_cli import cli
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.redaction import keep_secret
from transcribe_cli.session.connect_socket import explain

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


@pytest.mark.parametrize("by", ["variable", "config"])
def test_an_error_is_a_record_wherever_json_lines_are_asked_for(
    by: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.toml"
    config.write_text('format = "jsonl"\n' if by == "config" else "")
    monkeypatch.setenv("AAI_STREAM_CONFIG", str(config))
    monkeypatch.setenv("AAI_STREAM_FORMAT", "jsonl" if by == "variable" else "")
    assert cli.run(["file", "missing.wav", "--local"]) == 3

    assert b'"type":"Error"' in capfdbinary.readouterr().out


def test_no_more_open_files_are_no_network_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        explain(socket.gaierror(socket.EAI_AGAIN, "Try again"), "wss://service.invalid", None, 10)


def test_ctrl_c_before_the_program_is_there_is_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as ended:
        entry.main()

    assert ended.value.code == ExitStatus.INTERRUPTED


def test_ctrl_c_after_the_last_line_is_no_more_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[object] = []
    monkeypatch.setattr(cli, "_leave_on_signals", lambda: None)
    monkeypatch.setattr(cli, "_ignore_signals", lambda: ended.append("ignored"))

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cli.main(["mic"])

    assert ended == ["ignored"]
