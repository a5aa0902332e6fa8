"""Captions for other programs: what is opened for them, and what is said."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.live_captions import open_live_captions


def silent(text: str) -> None:
    raise AssertionError(f"nothing was to be said: {text}")


@pytest.mark.parametrize("name", ["no/such/folder.txt", "."])
def test_unwritable_file_is_found_before_a_word_is_spoken(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        open_live_captions(str(tmp_path / name), None, silent)


def test_nothing_asked_for_opens_nothing() -> None:
    assert open_live_captions(None, None, silent) == []


def test_address_of_the_page_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    outputs = open_live_captions(str(tmp_path / "c.txt"), 0, said.append)
    names = [output.name for output in outputs]
    for output in outputs:
        output.close()
    assert names == [str(tmp_path / "c.txt"), "captions page"]
    (line,) = said
    assert line.startswith("captions: http://127.0.0.1:")


def test_taken_port_is_explained_and_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)) as failed:
            open_live_captions(str(tmp_path / "c.txt"), port, silent)
    assert "--captions-port" in failed.value.hint
    assert "aai-captions-file" not in [thread.name for thread in threading.enumerate()]


def test_web_server_is_not_loaded_for_a_file_alone() -> None:
    module = "transcribe_cli.outputs.live_captions"
    code = f"import sys, {module}; sys.exit('http.server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
