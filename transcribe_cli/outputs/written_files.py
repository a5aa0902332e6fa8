"""What becomes of the files that outputs write: refused where they are there, told at the end."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.formats import is_fifo_or_device

MOST_NAMED = 5
"""More files than this are told by their number."""


def check_not_there(paths: Iterable[Path]) -> None:
    """Refuse to replace a file; a FIFO or a device is not replaced.

    Raises:
        UsageError: one of them is there.
    """
    for path in paths:
        if os.path.lexists(path) and not is_fifo_or_device(path):
            raise UsageError(
                f"'{path}' is there already.", "choose another path, or leave out --no-clobber"
            )


class WrittenFiles:
    """Remembers files as they were before outputs opened them."""

    def __init__(self) -> None:
        self._before: dict[Path, object] = {}

    def add(self, path: Path) -> None:
        """Remember a file that is going to be opened for writing."""
        self._before.setdefault(path, _version(path))

    def lines(self, given_up: Collection[str] = ()) -> list[str]:
        """What was written, and what was replaced; to be asked when everything is closed.

        A file that an output opened and never wrote is neither.

        Args:
            given_up: the names of those that could not be written to their end.
        """
        written: list[Path] = []
        replaced: list[Path] = []
        for path, before in self._before.items():
            if str(path) in given_up:
                continue
            if is_fifo_or_device(path):
                written.append(path)
            elif _version(path) != before:
                (written if before is None else replaced).append(path)
        return [*_told("written", written), *_told("replaced", replaced)]


def _version(path: Path) -> object:
    """What another content of a file differs in; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _told(verb: str, paths: list[Path]) -> list[str]:
    if len(paths) > MOST_NAMED:
        return [f"{verb}: {len(paths)} files, the last of them {paths[-1]}"]
    return [f"{verb}: {path}" for path in paths]
