"""What came with somebody else's folder: recordings, and things in the place of their files."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.counting import RATE, write_wav
from tests.program import Home

KEY = "0123456789abcdef" * 2
TOKEN = "token-of-the-user-0123456789"
ID = "2026-11-01-120000"
WORDS = 3


def make_recording(home: Home, **start: Any) -> Path:
    """A recording that was cut off before its first word; `start` is of its first record."""
    folder = home.recordings / ID
    folder.mkdir(parents=True)
    record = {
        "v": 1,
        "seq": 0,
        "time": "2026-11-01T12:00:00.000Z",
        "type": "Recording",
        "id": ID,
        "source": "stdin",
        "kind": "stdin",
        "path": None,
        "folder": str(folder),
        "audio": {"sample_rate": RATE, "channels": 1, "encoding": "pcm_s16le"},
        "model": "u3-rt-pro",
        "endpoint": "ws://127.0.0.1:9/v3/ws",
        "local": False,
        "parameters": {"speech_model": "u3-rt-pro", "sample_rate": RATE},
    }
    (folder / "journal.jsonl").write_text(json.dumps(record | start) + "\n")
    (folder / "transcript.txt").touch()
    if record["kind"] == "stdin" and "path" not in start:
        write_wav(folder / "audio.wav", WORDS)
    return folder


def put_in_place(path: Path, kind: str, victim: Path) -> None:
    """A link to `victim` or to nothing, a FIFO or a folder, instead of the file at `path`."""
    path.unlink(missing_ok=True)
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling link":
        path.symlink_to(victim.with_name("not-there"))
    elif kind == "fifo":
        make_fifo(path)
    else:
        path.mkdir()


def make_fifo(path: Path) -> None:
    """A FIFO, where the system has them; a test that needs one is skipped elsewhere."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are none here")
    os.mkfifo(path)


@contextmanager
def stranger_listens() -> Iterator[socket.socket]:
    """A port of this machine that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def heard_from_nobody(server: socket.socket) -> bool:
    """Whether no connection came."""
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return True
    return False
