"""The Output protocol, and the fan-out to several outputs. One that fails is dropped."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.record import Record


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
            self._try(output, partial(output.write, record))

    def _try(self, output: Output, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as e:
            self._outputs.remove(output)
            with suppress(OSError):
                output.close()
            self._broken(output, e)

    def flush(self) -> None:
        """Drop the outputs that have failed on their own threads."""
        for output in tuple(self._outputs):
            if isinstance(output, Flushable):
                self._try(output, output.flush)

    def close(self) -> None:
        """Close all outputs. May be called twice."""
        while self._outputs:
            output = self._outputs.pop()
            try:
                output.close()
            except OSError as e:
                self._broken(output, e)
