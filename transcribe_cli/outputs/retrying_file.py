"""A file that survives a full disk: what cannot be written is kept and retried."""

import os
from collections.abc import Callable
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Any

from transcribe_cli.outputs.output import usage_error_if_unwritable
from transcribe_cli.system.regular_file import open_regular

MOST_KEPT_BYTES = 1 << 24  # a day of finals


class RetryingFile(RawIOBase):
    """An append-only file in a recording's folder. It does not follow symbolic links.

    Bytes that cannot be written are kept, and written before those of the next `write`.

    Args:
        say: called with a sentence when writing fails, and when it works again.
        mode: "wb" for a new file, "ab" to append to one.

    Raises:
        UsageError: it cannot be opened. Checked here, before anything is recorded.
    """

    def __init__(self, path: Path, say: Callable[[str], None], mode: str = "wb") -> None:
        with usage_error_if_unwritable(path):
            self._file = FileIO(path, mode, opener=open_regular)
        self._path = path
        self._say = say
        self._kept = bytearray()
        self._failing = False

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any, /) -> int:
        """Write bytes, after those that are kept.

        Raises:
            OSError: more than `MOST_KEPT_BYTES` are kept.
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
        """Sync the file to the disk (fsync), so that it survives a power cut.

        Raises:
            OSError: the disk is full or gone.
        """
        if not self._file.closed:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what is kept, and close. May be called twice.

        Raises:
            OSError: the disk is still full.
        """
        if "_file" not in vars(self) or self._file.closed:
            return  # __del__ calls this too, also after a failed open
        try:
            while self._kept:
                del self._kept[: self._file.write(self._kept) or 0]
        finally:
            self._file.close()
            super().close()
