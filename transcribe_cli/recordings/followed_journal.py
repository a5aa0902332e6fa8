"""Follows a journal while another process writes it: each record once, as it comes.

Who goes on with a recording first puts a journal in its place that lacks what is no longer true
(`without_closing_records`). So what may be taken back is held until it is certain.
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
    """What a journal holds, a part at a time.

    Args:
        path: of the journal; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None  # which file lay there
        self._offset = 0  # of what was read of it, in bytes
        self._in_long_line = False  # which is no record
        self._told = 0  # records that stay true, whoever goes on with the recording
        self._skip = 0  # so many of the file that lies there now were told
        self._settled: deque[JournalRecord] = deque()  # that no other run takes back
        self._held: list[JournalRecord] = []  # records of an end, which may not be the last

    def new_records(self, *, ended: bool = False) -> Iterator[JournalRecord]:
        """What has come since the last time.

        Whoever takes only some of them is given the others the next time.

        Args:
            ended: nobody writes it any more: what was held is told too.

        Raises:
            OSError: it cannot be read.
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
        """Keep a line's record until it is told."""
        if record is None:
            return
        self._held.append(record)
        if not is_closing(record):
            self._settled += self._held
            self._held = []

    def _tell_settled(self) -> Iterator[JournalRecord]:
        """The records that are certain, without those that were told of an earlier file."""
        while self._settled:
            record = self._settled.popleft()
            stays = stays_true(record, followed=True)
            if self._skip:
                self._skip -= stays
                continue
            self._told += stays
            yield record
