"""Follows a journal while another process writes it: each record once, as it comes.

Who goes on with a recording first puts a journal in its place that lacks what is no longer true
(`without_closing_records`). So what may be taken back is held until it is certain.
"""

import os
from collections.abc import Iterator
from io import BufferedReader, FileIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from transcribe_cli.recordings.journal import (
    MOST_LINE_BYTES,
    JournalRecord,
    is_closing,
    read_line,
)
from transcribe_cli.system.regular_file import open_regular


class FollowedJournal:
    """What a journal holds, a part at a time.

    Args:
        path: of the journal; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None  # which file lay there
        self._offset = 0  # of what was read of it, in bytes
        self._told = 0
        self._held: list[JournalRecord] = []  # records of an end, which may not be the last

    def new_records(self, *, ended: bool = False) -> Iterator[JournalRecord]:
        """What has come since the last time.

        Args:
            ended: nobody writes it any more: what was held is told too.

        Raises:
            OSError: it cannot be read.
        """
        with BufferedReader(FileIO(self.path, "r", opener=open_regular)) as file:
            found = os.fstat(file.fileno())
            skip = 0
            if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
                self._file, self._offset = (found.st_dev, found.st_ino), 0
                self._held, skip = [], self._told
            file.seek(self._offset)
            for record in islice(self._settled(file), skip, None):
                self._told += 1
                yield record
        if ended:
            held, self._held = self._held, []
            yield from held

    def _settled(self, file: BinaryIO) -> Iterator[JournalRecord]:
        """The records that no other run takes back."""
        while (line := file.readline(MOST_LINE_BYTES)).endswith(b"\n"):
            self._offset += len(line)
            record = read_line(line)
            if record is None:
                continue
            self._held.append(record)
            if not is_closing(record):
                yield from self._held
                self._held = []
