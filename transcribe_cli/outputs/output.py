"""The Output protocol, and the fan-out to several outputs. One that fails is dropped."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.jsonl_records import Record

FIFO_WAIT_S = 5.0
_POLL_S = 0.05


class Output(Protocol):
    """Takes every record. The constructor opens it.

    Attributes:
        name: its name for the user: a path, or "standard output".
    """

    name: str

    def write(self, record: Record) -> None:
        """Take one record.

        Raises:
            OSError: it cannot be written any more.
        """

    def close(self) -> None:
        """Finish and close. May be called twice.

        Raises:
            OSError: the end could not be written.
        """


@runtime_checkable
class Flushable(Protocol):
    """An output whose stream may fail after `write` has returned."""

    def flush(self) -> None:
        """Check for a failure; waits for nothing.

        Raises:
            OSError: it cannot be written any more.
        """


@contextmanager
def usage_error_if_unwritable(path: Path) -> Iterator[None]:
    """Around the opening of an output: an OSError becomes a UsageError that names the path."""
    try:
        yield
    except OSError as e:
        if isinstance(e, FileNotFoundError) and not path.parent.exists():
            raise UsageError(
                f"'{path}' cannot be written: the folder '{path.parent}' is missing.",
                "make it, or choose another path",
            ) from e
        raise UsageError(
            f"'{path}' cannot be written: {e.strerror or e}.", "choose another path"
        ) from e


def open_with_reader(path: Path, wait_s: float = FIFO_WAIT_S) -> BinaryIO:
    """Open a FIFO or a device for writing; whoever is to read a FIFO has a moment to come.

    Raises:
        UsageError: nobody reads it.
        OSError: it cannot be opened.
    """
    give_up = time.monotonic() + wait_s
    while True:
        try:
            number = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
            break
        except OSError as e:
            if e.errno != errno.ENXIO:
                raise
            if time.monotonic() >= give_up:
                raise UsageError(
                    f"'{path}' is a FIFO that nobody reads.", "start what reads it first"
                ) from e
            time.sleep(_POLL_S)
    os.set_blocking(number, True)
    return os.fdopen(number, "wb")


class FileWrittenLater(RawIOBase):
    """A file that stays as it is until something is written, if only no bytes.

    Raises:
        OSError: it could not be written. Checked here, before anything is recorded.
    """

    def __init__(self, path: Path) -> None:
        self._file: FileIO | None = None  # first: `close` is called also where this fails
        is_new = not path.exists()
        with path.open("ab"):
            pass
        if is_new:
            path.unlink()
        self._path = path

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any, /) -> int:
        """Write all of it; what the file held before is gone then.

        Raises:
            OSError: it cannot be written any more.
        """
        if self._file is None:
            self._file = FileIO(self._path, "wb")
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
        return len(data)

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file is not None:
            self._file.close()
        super().close()


def flush_and_close(stream: BinaryIO | RawIOBase, *, owned: bool) -> None:
    """Flush a stream, and close it if it is owned, even if the flush fails."""
    if stream.closed:
        return
    try:
        stream.flush()
    finally:
        if owned:
            stream.close()


class Outputs:
    """All outputs of a run.

    Args:
        broken: called once for an output that has failed, with the reason.
    """

    def __init__(
        self, outputs: Sequence[Output], broken: Callable[[Output, OSError], None]
    ) -> None:
        self._outputs = list(outputs)
        self._broken = broken

    def put_first(self, outputs: Sequence[Output]) -> None:
        """Add outputs in front of the others."""
        self._outputs = [*outputs, *self._outputs]

    def write(self, record: Record) -> None:
        """Give a record to every output that still works."""
        for output in tuple(self._outputs):
            try:
                output.write(record)
            except OSError as e:
                self._drop(output, e)

    def flush(self) -> None:
        """Drop the outputs that have failed on their own threads."""
        for output in tuple(self._outputs):
            if isinstance(output, Flushable):
                try:
                    output.flush()
                except OSError as e:
                    self._drop(output, e)

    def _drop(self, output: Output, problem: OSError) -> None:
        self._outputs.remove(output)
        with suppress(OSError):
            output.close()
        self._broken(output, problem)

    def close(self) -> None:
        """Close all outputs. May be called twice."""
        while self._outputs:
            output = self._outputs.pop()
            try:
                output.close()
            except OSError as e:
                self._broken(output, e)
