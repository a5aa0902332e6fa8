"""Replacing a file in one step, so that a reader never finds it half written."""

import contextlib
import os
import secrets
import stat
from pathlib import Path


def replace_file(path: Path, data: bytes, *, follow: bool = True) -> None:
    """Put `data` in the place of a file; its permissions stay.

    `follow`: a link stays, and what it points to is replaced; else the link itself is.

    It is not synced: what may end in mid-write is this program, not the machine, and a sync would
    hold the main loop up for as long as the disk likes.

    Raises:
        OSError: it cannot be written; the old file is still there then.
    """
    target = Path(os.path.realpath(path)) if follow else path
    beside = name_beside(target)
    try:
        with beside.open("xb") as file:
            file.write(data)
        with contextlib.suppress(FileNotFoundError):
            if follow or not target.is_symlink():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def name_beside(target: Path) -> Path:
    """A new name in the same folder; not made of the file's own, which may be as long as can be."""
    return target.with_name(f".aai-stream-{secrets.token_hex(6)}.new")
