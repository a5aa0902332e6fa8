"""A file that outlives a full disk: what cannot be written is kept, and written when it can be."""

import os
from collections.abc import Callable
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Any

from transcribe_cli.errors import UsageError
from transcribe_cli.system.regular_file import open_regular

MOST_KEPT_BYTES = 1 << 24  # a day of finals


class RetryingFile(RawIOBase):
    """A recording's file that is only written to, at its end.

    Every write is whole, or waits for the next. It is not written through a link.

    Args:
        say: told when the disk takes nothing any more, and when it does again.
        mode: "wb" for a new file, "ab" to go on with one.

    Raises:
        UsageError: it cannot be opened; found before a word is spoken.
    """

    def __init__(self, path: Path, say: Callable[[str], None], mode: str = "wb") -> None:
        try:
            self._file = FileIO(path, mode, opener=open_regular)
        except OSError as e:
            raise UsageError(
                f"'{path}' cannot be written: {e.strerror or e}.", "choose another path"
            ) from e
        self._path = path
        self._say = say
        self._kept = bytearray()
        self._failing = False

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Write some bytes, after those that are kept.

        Raises:
            OSError: more is kept than should be.
        """
        self._kept += data
        try:
            while self._kept:
                del self._kept[: self._file.write(self._kept) or 0]
        except OSError as e:
            if not self._failing:
                self._failing = True
                self._say(f"'{self._path}' cannot be written: {e.strerror or e}; it waits")
            if len(self._kept) > MOST_KEPT_BYTES:
                raise
        else:
            if self._failing:
                self._failing = False
                self._say(f"'{self._path}' is written again; nothing is missing")
        return len(data)

    def sync(self) -> None:
        """Ask the system to put everything on the disk, so that a power cut keeps it.

        Raises:
            OSError: the disk is full or gone.
        """
        if not self._file.closed:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what is kept, and close; harmless twice.

        Raises:
            OSError: the disk is still full.
        """
        if "_file" not in vars(self) or self._file.closed:
            return  # a file that could not be opened is closed too, when it is forgotten
        try:
            while self._kept:
                del self._kept[: self._file.write(self._kept) or 0]
        finally:
            self._file.close()
            super().close()
