"""The fingerprint of a file: detects that another file has taken its place."""

from pathlib import Path


def fingerprint_of(path: Path) -> dict[str, int]:
    """A file's size in bytes, and when it was last changed, in ms since 1970.

    Raises:
        OSError: it is not there.
    """
    found = path.stat()
    return {"bytes": found.st_size, "modified_ms": found.st_mtime_ns // 1_000_000}
