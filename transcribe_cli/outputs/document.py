"""Documents: files that tell a whole recording, written again and again while it goes on."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from transcribe_cli.outputs.atomic_file import AtomicFile
from transcribe_cli.outputs.document_contents import DocumentContents, RecordingContents
from transcribe_cli.outputs.record import Record

# After hours a document is megabytes: it is written no more often than these allow on average.
_LEAST_WAIT_S = 1.0
_MOST_BYTES_PER_S = 250_000


class DocumentEncoder(Protocol):
    """Makes a file of chapters."""

    def encode(self, contents: Sequence[RecordingContents]) -> bytes:
        """The whole file."""


class DocumentOutput:
    """Writes a document to a file: mostly at once, sometimes a moment behind, at the end all of it.

    What was there before stays until a recording begins.

    Args:
        clock: seconds, only ever forward.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(
        self, path: Path, encoder: DocumentEncoder, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = str(path)
        self._file = AtomicFile(path)
        self._encoder = encoder
        self._clock = clock
        self._contents = DocumentContents()
        self._is_behind = False
        self._next_s = float("-inf")

    def write(self, record: Record) -> None:
        """Take a record; the file says so now, or with a later record."""
        if self._contents.add(record):
            self._is_behind = True
        if self._is_behind and self._clock() >= self._next_s:
            self._put()

    def close(self) -> None:
        """Write what is not written yet; harmless twice."""
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
