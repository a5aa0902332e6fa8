"""Opening what lies in a folder that may be somebody else's: regular files, never through a link.

A symbolic link there would have another file read or written in its place, a FIFO would hold the
program up, a device would be asked for who knows what. A file that has another name elsewhere (a
hard link) is read, and not written.
"""

import errno
import os
import stat
from io import FileIO
from pathlib import Path

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)


def open_regular(path: str | Path, flags: int, mode: int = 0o666) -> int:
    """`os.open` for a regular file alone, also as the `opener` of `FileIO` and `open`.

    It is looked at before, since opening a device or a FIFO does something to it already. Where the
    system cannot be told to follow no link (Windows), what was opened is also held against what was
    looked at, and nothing is cut short before.

    Args:
        mode: the permissions of a new file, before the umask.

    Raises:
        FileExistsError: something came to be there in between, perhaps a link; on Windows alone.
        OSError: it cannot be opened, or is no regular file.
    """
    seen = _look(path)
    if not _NO_LINK and seen is None and flags & os.O_CREAT:
        flags |= os.O_EXCL  # which follows no link that has come there meanwhile
    number = os.open(path, flags & ~os.O_TRUNC | _NO_LINK | _NO_WAITING, mode)
    try:
        opened = os.fstat(number)
        _check(path, opened)
        if not _NO_LINK and seen is not None and not os.path.samestat(seen, opened):
            raise FileExistsError(errno.EEXIST, "another one exists there by now", str(path))
        if flags & (os.O_WRONLY | os.O_RDWR) and opened.st_nlink > 1:
            raise OSError(errno.EMLINK, "it has another name elsewhere", str(path))
        if flags & os.O_TRUNC:
            os.ftruncate(number, 0)
    except BaseException:
        os.close(number)
        raise
    return number


def read_regular(path: Path) -> bytes:
    """All that a regular file holds.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with FileIO(path, "r", opener=open_regular) as file:
        return file.readall()


def is_regular(path: Path) -> bool:
    """Whether there is a regular file, and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _look(path: str | Path) -> os.stat_result | None:
    """What is there; None where nothing is."""
    try:
        seen = os.lstat(path)
    except FileNotFoundError:
        return None
    _check(path, seen)
    return seen


def _check(path: str | Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "it is a symbolic link", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
