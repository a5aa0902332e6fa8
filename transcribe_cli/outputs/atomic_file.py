"""A file that is replaced again and again, and is complete at every moment.

A FIFO or a device cannot be replaced: it is written once, at the end.
"""

import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.output import open_with_reader, usage_error_if_unwritable
from transcribe_cli.system.atomic_replace import name_beside, replace_file

__all__ = ["AtomicFile", "replace_file"]


class AtomicFile:
    """A file of which a reader always finds one complete version.

    An existing file stays as it is until the first `put`.

    Raises:
        UsageError: it cannot be written. Checked here, before anything is recorded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self._waiting: bytes | None = None
        with usage_error_if_unwritable(path):
            stream = _open_in_place(path)
        self._in_place = None if stream is None else WrittenAtEnd(stream, self.name)

    def put(self, data: bytes) -> None:
        """Replace the file's content.

        Raises:
            OSError: it cannot be written any more.
        """
        if self._in_place is not None:
            self._in_place.put(data)
            return
        self._waiting = None
        try:
            replace_file(self.path, data)
        except PermissionError:
            if sys.platform != "win32":
                raise
            self._waiting = data  # Windows: a file that is open elsewhere cannot be replaced

    def close(self) -> None:
        """Write what could not be written yet. May be called twice.

        Raises:
            OSError: it cannot be written.
        """
        data, self._waiting = self._waiting, None
        if self._in_place is not None:
            self._in_place.close()
        elif data is not None:
            replace_file(self.path, data)


class WrittenAtEnd:
    """A stream that cannot be replaced: its last version is written, once, when it is closed.

    Args:
        owned: `close` closes the stream, and cuts a file off behind what was written.
    """

    def __init__(self, stream: BinaryIO, name: str, *, owned: bool = True) -> None:
        self.name = name
        self._stream = stream
        self._owned = owned
        self._version: bytes | None = None

    def put(self, data: bytes) -> None:
        """Take another version."""
        self._version = data

    def close(self) -> None:
        """Write the last version. May be called twice.

        Raises:
            OSError: it cannot be written.
        """
        data, self._version = self._version, None
        if not self._owned:
            if data is not None:
                self._stream.write(data)
                self._stream.flush()
        elif not self._stream.closed:
            with self._stream:
                _write_in_place(self._stream, data)


def check_replaceable(path: Path) -> None:
    """Check that another file can take its place, or be put there.

    Raises:
        UsageError: it cannot.
    """
    with usage_error_if_unwritable(path):
        stream = _open_in_place(path)
    if stream is not None:
        stream.close()
        raise UsageError(
            f"'{path}' can be written, but not replaced by another file.", "choose another path"
        )


def _open_in_place(path: Path) -> BinaryIO | None:
    """The open file, if it cannot be replaced and is written in place; None if it can.

    Raises:
        OSError: it cannot be written either way.
    """
    exists = path.exists()
    if exists and not path.is_file():
        return open_with_reader(path)
    if exists:
        with path.open("r+b"):  # a read-only file is not replaced either
            pass
    trial = name_beside(Path(os.path.realpath(path)))
    try:
        with trial.open("xb"):
            pass
    except PermissionError:
        if not exists:
            raise
        return path.open("r+b")  # the folder is read-only, the file is not
    trial.unlink()
    return None


def _write_in_place(stream: BinaryIO, data: bytes | None) -> None:
    if data is None:
        return
    stream.write(data)
    stream.flush()
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.truncate()
