"""Writes documents: files about a whole recording, rewritten while it goes on."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from transcribe_cli.outputs.atomic_file import AtomicFile, WrittenAtEnd
from transcribe_cli.outputs.document_contents import DocumentContents, RecordingContents
from transcribe_cli.outputs.jsonl_records import Record

# After hours a document has megabytes, so it is rewritten at a bounded rate.
_LEAST_WAIT_S = 1.0
_MOST_BYTES_PER_S = 250_000


class DocumentEncoder(Protocol):
    """Encodes the recordings of a document as a file."""

    def encode(self, contents: Sequence[RecordingContents]) -> bytes:
        """The whole file."""


class DocumentOutput:
    """Writes a document to a file: at once, or a little later when it is large.

    An existing file stays until a recording begins. `close` writes what is missing.

    Args:
        clock: a monotonic clock, in seconds.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path | WrittenAtEnd,
        encoder: DocumentEncoder,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = AtomicFile(path) if isinstance(path, Path) else path
        self.name = self._file.name
        self._encoder = encoder
        self._clock = clock
        self._contents = DocumentContents()
        self._is_behind = False
        self._next_s = float("-inf")

    def write(self, record: Record) -> None:
        """Take a record; it is in the file now, or after a later record."""
        if self._contents.add(record):
            self._is_behind = True
        if self._is_behind and self._clock() >= self._next_s:
            self._put()

    def close(self) -> None:
        """Write what is not written yet. May be called twice."""
        try:
            if self._is_behind:
                self._put()
        finally:
            self._file.close()

    def _put(self) -> None:
        data = self._encoder.encode(self._contents.all)
        self._is_behind = False
        self._file.put(data)
        self._next_s = self._clock() + max(_LEAST_WAIT_S, len(data) / _MOST_BYTES_PER_S)
