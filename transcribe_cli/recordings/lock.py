"""Locks a recording while it runs, so that no other process changes it.

A file in the recording's folder is locked. The system releases the lock when the process ends, also
after `kill -9`; a lock file that is left behind is not locked and means nothing. The file is opened
for writing, because NFS gives no exclusive lock otherwise, and only if it is a regular file. The
owner of the lock may write a note into it for others to read.
"""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from transcribe_cli.errors import UsageError
from transcribe_cli.system.regular_file import is_regular, open_regular

LOCK_FILE = ".lock"
_NOTE_BYTES = 1000
_GLANCE_S = 0.01  # longer than another process holds the lock to check it
_GLANCES = 3


class RecordingIsRunning(UsageError):
    """The recording is locked by another process; `recording` is its id."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The recording {folder.name} is running.", "stop it first")
        self.recording = folder.name


class SaveDirBusy(UsageError):
    """Other processes held the save-dir's lock too long; `why` says so in a few words."""

    why = "others are busy in the same save-dir"

    def __init__(self, save_dir: Path, within_s: float) -> None:
        super().__init__(
            f"Other processes were busy in '{save_dir}' for {within_s:g} s.",
            "try again, or choose another --save-dir",
        )


@contextlib.contextmanager
def locked(folder: Path, note: str = "") -> Iterator[None]:
    """Hold the lock of a recording.

    Args:
        note: what `read_lock_note` returns to other processes.

    Raises:
        UsageError: it is running (`RecordingIsRunning`), or the lock file is not this program's.
    """
    with _held(folder, _GLANCES * _GLANCE_S) as handle:
        if handle is None:
            raise RecordingIsRunning(folder)
        if handle != _UNLOCKED:
            with contextlib.suppress(OSError):  # a full disk
                os.ftruncate(handle, 0)
                os.write(handle, note.encode())
        yield


@contextlib.contextmanager
def save_dir_locked(save_dir: Path, within_s: float = 5.0) -> Iterator[None]:
    """Hold the lock of a save-dir while searching or creating recordings; keep it short.

    Raises:
        UsageError: others hold it for `within_s` (`SaveDirBusy`), or the file is not this
            program's.
    """
    with _held(save_dir, within_s) as handle:
        if handle is None:
            raise SaveDirBusy(save_dir, within_s)
        yield


def is_locked(folder: Path) -> bool:
    """Whether a recording is running. Needs read permission only."""
    handle = _open_to_read(folder)
    if handle is None:
        return False
    try:
        return not _lock(handle, shared=True)
    except OSError:
        return False  # the file system knows no locks
    finally:
        os.close(handle)


def read_lock_note(folder: Path) -> str:
    """The note of the process that holds the lock; "" without one."""
    handle = _open_to_read(folder)
    if handle is None:
        return ""
    try:
        return os.read(handle, _NOTE_BYTES).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(handle)


def refuse_running(folder: Path) -> None:
    """Raise RecordingIsRunning if a recording is running."""
    if is_locked(folder):
        raise RecordingIsRunning(folder)


_UNLOCKED = -1  # the file system has no locks: record without one


@contextlib.contextmanager
def _held(folder: Path, within_s: float) -> Iterator[int | None]:
    """The locked file; `_UNLOCKED`; or None if another process holds it for `within_s`."""
    path = folder / LOCK_FILE
    deadline = time.monotonic() + within_s
    while (handle := _take(path)) is None and time.monotonic() < deadline:
        time.sleep(_GLANCE_S)
    try:
        yield handle
    finally:
        if handle is not None and handle != _UNLOCKED:
            _release(handle, path)


def _take(path: Path) -> int | None:
    """The locked file; None if another process holds it; `_UNLOCKED` if it cannot be locked."""
    try:
        handle = open_regular(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileExistsError:
        return None  # another process has just created it
    except OSError as e:
        foreign = os.path.lexists(path) and not is_regular(path)
        if foreign or e.errno == errno.EMLINK:  # not a file that this program may write
            raise UsageError(
                f"'{path}' is not a plain file.", "it is not of aai-stream: remove it"
            ) from None
        return _UNLOCKED
    try:
        # The former owner may have removed this file, and another one may be at its path by now.
        if _lock(handle, shared=False) and _is_at(handle, path):
            return handle
    except OSError:
        os.close(handle)
        return _UNLOCKED
    os.close(handle)
    return None


def _open_to_read(folder: Path) -> int | None:
    try:
        return open_regular(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return None


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is the one at `path`: not a link's target, not a removed file."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    _BEYOND = 1 << 20  # Windows lets nobody read a locked byte, so it lies behind the note

    def _lock(handle: int, *, shared: bool) -> bool:
        """Lock a file without waiting; False if another process holds the lock."""
        os.lseek(handle, _BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

    def _release(handle: int, path: Path) -> None:
        os.close(handle)  # Windows cannot remove an open file
        with contextlib.suppress(OSError):
            path.unlink()

else:
    import fcntl

    def _lock(handle: int, *, shared: bool) -> bool:
        """Lock a file without waiting; False if another process holds the lock.

        It uses `flock`, which distinguishes two openings within one process. On Linux over NFS the
        kernel makes a byte-range lock of it, which the server keeps for all machines (flock(2)).
        """
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(handle: int, path: Path) -> None:
        with contextlib.suppress(OSError):
            if _is_at(handle, path):  # the folder may have been removed and created again
                path.unlink()
        os.close(handle)
