"""Who has a recording: while it runs its folder is locked, and nobody else may change it.

The system releases the lock with the process, also after `kill -9`. On POSIX the folder itself is
locked; Windows locks files only, so there a file lies in it for as long as the recording runs.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from transcribe_cli.errors import UsageError

_LOCK_FILE = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others away from a recording.

    Raises:
        UsageError: it is running already.
    """
    handle = _take(folder)
    if handle is None:
        raise _running(folder)
    try:
        yield
    finally:
        _release(handle, folder)


def is_locked(folder: Path) -> bool:
    """Whether a recording is running."""
    handle = _take(folder)
    if handle is not None:
        _release(handle, folder)
    return handle is None


def refuse_running(folder: Path) -> None:
    """Raise UsageError where a recording is running."""
    if is_locked(folder):
        raise _running(folder)


def _running(folder: Path) -> UsageError:
    return UsageError(f"The recording {folder.name} is running.", "stop it first")


_UNLOCKED = -1  # the file system knows no locks: better a recording without one than none

if sys.platform == "win32":
    import msvcrt

    def _take(folder: Path) -> int | None:
        try:
            handle = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT)
        except OSError:
            return _UNLOCKED
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            os.close(handle)
            return None
        return handle

    def _release(handle: int, folder: Path) -> None:
        if handle != _UNLOCKED:
            os.close(handle)
            with contextlib.suppress(OSError):
                (folder / _LOCK_FILE).unlink()

else:
    import fcntl

    def _take(folder: Path) -> int | None:
        try:
            handle = os.open(folder, os.O_RDONLY)
        except OSError:
            return _UNLOCKED
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            return _UNLOCKED
        return handle

    def _release(handle: int, folder: Path) -> None:
        if handle != _UNLOCKED:
            os.close(handle)
