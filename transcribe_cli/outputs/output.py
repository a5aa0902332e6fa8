"""What an output is, and the fan-out: one that breaks is dropped, and the others go on."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO, Protocol

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


def finish_stream(stream: BinaryIO, *, owned: bool) -> None:
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

    def write(self, record: Record) -> None:
        """Give a record to every output that still works."""
        for output in tuple(self._outputs):
            try:
                output.write(record)
            except OSError as e:
                self._outputs.remove(output)
                with suppress(OSError):
                    output.close()
                self._broken(output, e)

    def close(self) -> None:
        """Close them all; harmless twice."""
        while self._outputs:
            output = self._outputs.pop()
            try:
                output.close()
            except OSError as e:
                self._broken(output, e)
