"""Opens regular files in folders that may belong to somebody else, and never follows a link.

Through a symbolic link another file would be read or written; opening a FIFO would block; opening a
device may have any effect. A file with several hard links is read, but not written.
"""

import errno
import os
import stat
from io import FileIO
from pathlib import Path

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)


def open_regular(path: str | Path, flags: int, mode: int = 0o666) -> int:
    """`os.open` for regular files only; also an `opener` for `FileIO` and `open`.

    The path is checked before it is opened, since opening a device or a FIFO has effects. Windows
    has no O_NOFOLLOW, so there the opened file is also compared with the checked one, and it is not
    truncated before.

    Args:
        mode: the permissions of a new file, before the umask.

    Raises:
        FileExistsError: the path changed between check and opening (Windows only).
        OSError: the path cannot be opened, or is no regular file.
    """
    seen = _look(path)
    if not _NO_LINK and seen is None and flags & os.O_CREAT:
        flags |= os.O_EXCL  # does not follow a link that was created meanwhile
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
    """The content of a regular file.

    Raises:
        OSError: the path cannot be read, or is no regular file.
    """
    with FileIO(path, "r", opener=open_regular) as file:
        return file.readall()


def is_regular(path: Path) -> bool:
    """Whether the path is a regular file, and not a link to one."""
    return regular_size(path) is not None


def regular_size(path: Path) -> int | None:
    """The size of a regular file in bytes; None if the path is something else, or a link."""
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _look(path: str | Path) -> os.stat_result | None:
    """The status of the path; None if nothing is there."""
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
