"""Replaces a file atomically, so that a reader never sees it half written."""

import contextlib
import os
import stat
from pathlib import Path


def replace_file(path: Path, data: bytes, *, follow: bool = True) -> None:
    """Replace the content of a file; its permissions stay.

    `follow`: replace the target of a symbolic link, else replace the link itself.

    The file is not synced (fsync): this guards against a kill of the program, not against a crash
    of the machine, and a sync could block the main loop for long.

    Raises:
        OSError: it cannot be written; the old file is unchanged.
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
    """A new name in the same folder. The file's own name may have the maximal length already."""
    return target.with_name(f".aai-stream-{os.urandom(6).hex()}.new")
