"""The fingerprint of a file: tells the file from others, and recognises it after a move."""

import errno
import os
import stat
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Any

_SAMPLES = 16
_SAMPLE_BYTES = 1 << 12


def stamp_of(path: Path) -> dict[str, Any]:
    """A file's size in bytes, and when it was last changed, in ms since 1970.

    Raises:
        OSError: the file does not exist.
    """
    return _stamp(path.stat())


def fingerprint_of(path: Path) -> dict[str, Any]:
    """The file's stamp with a digest of samples of its content; for a small file, of all of it.

    Size and time alone do not differ between files that a program has written side by side.

    Raises:
        OSError: the file does not exist, or is no regular file.
    """
    with FileIO(path, "r", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        last = max(0, found.st_size - _SAMPLE_BYTES)
        digest = sha256()
        for start in dict.fromkeys(last * part // (_SAMPLES - 1) for part in range(_SAMPLES)):
            file.seek(start)
            digest.update(file.read(_SAMPLE_BYTES))
    return _stamp(found) | {"content": digest.hexdigest()[:32]}


def is_file_of(path: Path, known: object) -> bool:
    """Whether a file has the fingerprint `known`, which lacks the digest in an old journal.

    Raises:
        OSError: the file does not exist, or is no regular file.
    """
    stamp = stamp_of(path)
    if not isinstance(known, dict) or {name: known.get(name) for name in stamp} != stamp:
        return False
    return known == stamp or known == fingerprint_of(path)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting: opening a FIFO would otherwise wait for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _stamp(found: os.stat_result) -> dict[str, Any]:
    return {"bytes": found.st_size, "modified_ms": found.st_mtime_ns // 1_000_000}
