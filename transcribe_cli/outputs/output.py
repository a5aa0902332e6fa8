"""What an output is, and the fan-out: one that breaks is dropped, and the others go on."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import RawIOBase
from typing import BinaryIO, Protocol, runtime_checkable

from transcribe_cli.outputs.record import Record


class Output(Protocol):
    """Takes every record; opened by its constructor.

    Attributes:
        name: what to call it before a person: a path, or "standard output".
    """

    name: str

    def write(self, record: Record) -> None:
        """Take one record.

        Raises:
            OSError: it cannot be written any more.
        """

    def close(self) -> None:
        """Finish and close; harmless twice.

        Raises:
            OSError: the end could not be written.
        """


@runtime_checkable
class Flushable(Protocol):
    """An output on a stream that may fail later than it is written to."""

    def flush(self) -> None:
        """Find out whether all is well.

        Raises:
            OSError: it cannot be written any more.
        """


def flush_and_close(stream: BinaryIO | RawIOBase, *, owned: bool) -> None:
    """Flush a stream and close it if it is ours; closed also where the flush fails."""
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
        broken: told of an output that failed, once, with the reason.
    """

    def __init__(
        self, outputs: Sequence[Output], broken: Callable[[Output, OSError], None]
    ) -> None:
        self._outputs = list(outputs)
        self._broken = broken

    def put_first(self, outputs: Sequence[Output]) -> None:
        """More of them, for what comes from now on; told before the others."""
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
        """Find out which of those that are written to by a thread of their own have failed."""
        for output in tuple(self._outputs):
            if isinstance(output, Flushable):
                self._try(output, output.flush)

    def close(self) -> None:
        """Close them all; harmless twice."""
        while self._outputs:
            output = self._outputs.pop()
            try:
                output.close()
            except OSError as e:
                self._broken(output, e)
