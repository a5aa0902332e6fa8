"""Follows a journal while another process writes it, and returns each record once.

Whoever resumes a recording first replaces its journal by one without the records that are no longer
true (`without_closing_records`). So records that may be removed are held until they are certain.
"""

import os
from collections import deque
from collections.abc import Iterator
from io import BufferedReader, FileIO
from pathlib import Path

from transcribe_cli.recordings.journal import (
    MOST_LINE_BYTES,
    JournalRecord,
    is_closing,
    read_line,
    stays_true,
)
from transcribe_cli.system.regular_file import open_regular


class FollowedJournal:
    """Reads a journal part by part.

    Args:
        path: the journal's path; the file need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None  # device and inode of the file read last
        self._offset = 0  # number of its bytes that were read
        self._in_long_line = False  # a line that is too long to be a record
        self._told = 0  # records returned that stay true if the recording is resumed
        self._skip = 0  # how many records of the present file were returned from an earlier one
        self._settled: deque[JournalRecord] = deque()  # records that no later run removes
        self._held: list[JournalRecord] = []  # closing records, behind which others may come

    def new_records(self, *, ended: bool = False) -> Iterator[JournalRecord]:
        """The records that have come since the last call.

        A caller that takes only some of them gets the others from the next call.

        Args:
            ended: nobody writes the journal any more, so held records are returned too.

        Raises:
            OSError: the journal cannot be read.
        """
        with BufferedReader(FileIO(self.path, "r", opener=open_regular)) as file:
            found = os.fstat(file.fileno())
            if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
                self._file, self._offset = (found.st_dev, found.st_ino), 0
                self._in_long_line = False
                self._held, self._skip = [], self._told
                self._settled.clear()
            file.seek(self._offset)
            yield from self._tell_settled()
            while line := file.readline(MOST_LINE_BYTES):
                is_whole = line.endswith(b"\n")
                if not is_whole and len(line) < MOST_LINE_BYTES:
                    break  # the rest is being written
                self._offset += len(line)
                if is_whole and not self._in_long_line:
                    self._take(read_line(line))
                    yield from self._tell_settled()
                self._in_long_line = not is_whole
        if ended:
            self._settled += self._held
            self._held = []
            yield from self._tell_settled()

    def _take(self, record: JournalRecord | None) -> None:
        """Keep a line's record until it is returned."""
        if record is None:
            return
        self._held.append(record)
        if not is_closing(record):
            self._settled += self._held
            self._held = []

    def _tell_settled(self) -> Iterator[JournalRecord]:
        """Yield the records that are certain, except those yielded from an earlier file."""
        while self._settled:
            record = self._settled.popleft()
            stays = stays_true(record, followed=True)
            if self._skip:
                self._skip -= stays
                continue
            self._told += stays
            yield record
