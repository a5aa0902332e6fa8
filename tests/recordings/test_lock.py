"""The lock of a running recording."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import DEADLINE_S, ROOT
from transcribe_cli.errors import UsageError
from transcribe_cli.recordings.lock import (
    LOCK_FILE,
    RecordingIsRunning,
    SaveDirBusy,
    is_locked,
    locked,
    read_lock_note,
    refuse_running,
    save_dir_locked,
)
from transcribe_cli.system import regular_file

HOLDER = """
import sys, time
from pathlib import Path
from transcribe_cli.recordings.lock import locked
with locked(Path(sys.argv[1]), "of a file"):
    print("locked", flush=True)
    sys.stdin.read()
"""
# Adds 1 to a number in a file, again and again, each time alone.
COUNTER = """
import sys
from pathlib import Path
from transcribe_cli.recordings.lock import save_dir_locked, is_locked
folder, count = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    with save_dir_locked(folder, 50):
        count.write_text(str(int(count.read_text()) + 1))
    is_locked(folder)
"""

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")


@contextlib.contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the recording."""
    process = python(HOLDER, folder)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def python(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_only_one_has_a_recording_and_nothing_is_left(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(UsageError, match="is running"), locked(tmp_path):
            pass
        with pytest.raises(UsageError, match="is running"):
            refuse_running(tmp_path)
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_gone_is_not_locked(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "gone")
    assert read_lock_note(tmp_path / "gone") == ""


def test_another_process_s_recording_is_its_own_until_it_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        assert is_locked(tmp_path)
        assert read_lock_note(tmp_path) == "of a file"
        with pytest.raises(RecordingIsRunning) as e, locked(tmp_path):
            pass
        assert e.value.recording == tmp_path.name
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        process.wait(DEADLINE_S)
        assert not is_locked(tmp_path)
        assert (tmp_path / LOCK_FILE).exists()  # what is left behind holds nobody up
        with locked(tmp_path):
            assert is_locked(tmp_path)
            assert read_lock_note(tmp_path) == ""  # nor is its note believed
    assert list(tmp_path.iterdir()) == []


def test_a_look_at_it_takes_the_lock_from_nobody(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("")
    with (tmp_path / LOCK_FILE).open("rb") as looking:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(looking, fcntl.LOCK_SH)
        assert not is_locked(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_a_folder_that_is_made_anew_is_another_one(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    with locked(folder):
        (folder / LOCK_FILE).unlink()
        folder.rmdir()
        folder.mkdir()
        with locked(folder, "the new one"):
            assert read_lock_note(folder) == "the new one"
    assert list(folder.iterdir()) == []


def test_many_processes_are_alone_one_after_the_other(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    folder = tmp_path / "recordings"
    folder.mkdir()
    processes = [python(COUNTER, folder, count, 100) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=50)
        assert process.returncode == 0
    assert count.read_text() == "400"
    assert list(folder.iterdir()) == []


def test_one_that_does_not_end_is_told(tmp_path: Path) -> None:
    with (
        save_dir_locked(tmp_path),
        pytest.raises(SaveDirBusy) as e,
        save_dir_locked(tmp_path, 0.05),
    ):
        pass
    assert str(e.value) == f"Other processes were busy in '{tmp_path}' for 0.05 s."


def test_a_lock_that_another_one_makes_in_the_same_moment_is_the_other_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system cannot be told to follow no link, it is then there against expectation."""
    monkeypatch.setattr(regular_file, "_NO_LINK", 0)
    with holder(tmp_path), monkeypatch.context() as blind:
        blind.setattr(regular_file, "_look", lambda path: None)
        with pytest.raises(RecordingIsRunning), locked(tmp_path):
            pass


@needs_links
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_followed(tmp_path: Path, there: bool) -> None:
    folder, target = tmp_path / "recording", tmp_path / "of-somebody"
    folder.mkdir()
    if there:
        target.write_text("precious")
    (folder / LOCK_FILE).symlink_to(target)
    for entered in (locked(folder, "note"), save_dir_locked(folder)):
        with pytest.raises(UsageError, match="is not a plain file") as e, entered:
            pass
        assert e.value.hint
    assert not is_locked(folder)
    assert read_lock_note(folder) == ""
    assert target.exists() == there
    if there:
        assert target.read_text() == "precious"


@needs_links
@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_not_even_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / LOCK_FILE
    os.mkfifo(path) if kind == "pipe" else path.mkdir()

    def opening(path: object, *_: object) -> int:
        raise AssertionError(f"{path} is opened")

    monkeypatch.setattr(os, "open", opening)
    with pytest.raises(UsageError, match="is not a plain file"), locked(tmp_path):
        pass
    assert not is_locked(tmp_path)
    assert read_lock_note(tmp_path) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="flock is POSIX")
def test_it_is_locked_as_nfs_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS makes a byte-range lock of it: exclusive only if open for writing, shared for reading."""
    import fcntl

    really = fcntl.flock
    asked = []

    def over_nfs(handle: int, operation: int) -> None:
        mode = fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE
        asked.append(operation)
        if operation & fcntl.LOCK_EX and mode == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if operation & fcntl.LOCK_SH and mode == os.O_WRONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        really(handle, operation)

    monkeypatch.setattr(fcntl, "flock", over_nfs)
    with locked(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(RecordingIsRunning), locked(tmp_path):
            pass
    with save_dir_locked(tmp_path):
        assert is_locked(tmp_path)
    assert asked


@pytest.mark.skipif(sys.platform == "win32", reason="flock is POSIX")
def test_a_file_system_without_locks_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def none(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    with locked(tmp_path), save_dir_locked(tmp_path):
        assert not is_locked(tmp_path)
