"""Writes records as JSON Lines, each flushed at once. The journal is written so too."""

from io import RawIOBase
from typing import BinaryIO

from transcribe_cli.outputs.jsonl_records import Record, encode_record
from transcribe_cli.outputs.output import flush_and_close


class JsonlOutput:
    """Writes records to a binary stream, numbered from 0 in `seq`.

    Args:
        partials: False leaves out Turns that are not final.
        owned: `close` closes the stream.
        first_seq: the number of the first record; above 0 when a journal is continued.
    """

    def __init__(
        self,
        stream: BinaryIO | RawIOBase,
        name: str,
        *,
        partials: bool = True,
        owned: bool = True,
        first_seq: int = 0,
    ) -> None:
        self.name = name
        self._stream = stream
        self._partials = partials
        self._owned = owned
        self._seq = first_seq

    def write(self, record: Record) -> None:
        """Write one line and flush it."""
        if record.update is not None and not (self._partials or record.update.final):
            return
        self._stream.write(encode_record(record, self._seq))
        self._stream.flush()
        self._seq += 1

    def flush(self) -> None:
        """Raise OSError if the stream has failed."""
        self._stream.flush()

    def close(self) -> None:
        """Flush the stream, and close it if it is owned."""
        flush_and_close(self._stream, owned=self._owned)
