"""Replaces a file atomically, so that a reader never sees it half written."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacement(path: Path, *, follow: bool = True) -> Iterator[Path]:
    """Yields a name for the new content, which replaces the file when the block ends.

    The file keeps its permissions. If the block raises, the old file is unchanged, and the new
    content is removed.

    Args:
        follow: replace the target of a symbolic link, else the link itself.

    Raises:
        OSError: the file cannot be replaced.
    """
    target = Path(os.path.realpath(path)) if follow else path
    beside = name_beside(target)
    try:
        yield beside
        with contextlib.suppress(FileNotFoundError):
            if follow or not target.is_symlink():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def replace_file(path: Path, data: bytes, *, follow: bool = True) -> None:
    """Replace the content of a file; its permissions stay.

    The file is not synced (fsync): this guards against a kill of the program, not against a crash
    of the machine, and a sync could block the main loop for long.

    Args:
        follow: replace the target of a symbolic link, else the link itself.

    Raises:
        OSError: the file cannot be written; the old file is unchanged.
    """
    with replacement(path, follow=follow) as beside, beside.open("xb") as file:
        file.write(data)


def name_beside(target: Path) -> Path:
    """A new name in the same folder. The file's own name may have the maximal length already."""
    return target.with_name(f".aai-stream-{os.urandom(6).hex()}.new")
