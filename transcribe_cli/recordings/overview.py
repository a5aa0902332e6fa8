"""What a list shows of a recording, without reading all of its journal.

The head and tail of the journal contain what was recorded and how it ended; the transcript begins
with the first words. What only the middle of a journal contains is left to `recordings show`.
"""

import os
import re
from io import BytesIO, FileIO
from pathlib import Path
from typing import NamedTuple

from transcribe_cli.recordings.folder import JOURNAL, TRANSCRIPT
from transcribe_cli.recordings.journal import (
    JournalRecord,
    JournalSummary,
    is_final,
    read_line,
    records_in,
    summarize,
)
from transcribe_cli.recordings.lock import LOCK_FILE, is_locked
from transcribe_cli.recordings.saved_recordings import Recording, load_recording
from transcribe_cli.system.regular_file import open_regular

_HEAD_BYTES = 1 << 12  # a Recording record, unless it has many key terms
_SUMMARY_BYTES = 1 << 11  # a Summary, which comes last
_TAIL_BYTES = 1 << 15  # the last final Turn and the partials after it
_FIRST_WORDS_BYTES = 1 << 10
_MAY_COUNT = re.compile(rb'"Summary"|"final"\s*:\s*true')  # other lines need not be parsed


class Overview(NamedTuple):
    """A recording as a list shows it.

    Attributes:
        recording: its journal is read from head and tail, so it has the last final turn at most.
        first_words: the beginning of its transcript.
        size_bytes: the size of all files in its folder.
    """

    recording: Recording
    first_words: str
    size_bytes: int

    @property
    def turns(self) -> int:
        """The number of the recording's turns."""
        journal = self.recording.journal
        counted = None if journal.summary is None else journal.summary.get("turns")
        return counted if isinstance(counted, int) else journal.next_turn


def overview_of(folder: Path) -> Overview:
    """The overview of one recording. If its journal cannot be read, its `problem` says why."""
    size_bytes, names = 0, set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.add(entry.name)
                size_bytes += entry.stat(follow_symlinks=False).st_size
        with FileIO(f"{folder}{os.sep}{JOURNAL}", "r", opener=open_regular) as file:
            records = _outline(file)
    except OSError as e:
        journal = JournalSummary(problem=f"its journal cannot be read: {e.strerror or e}")
        return Overview(Recording(folder, journal), "", size_bytes)
    running = LOCK_FILE in names and is_locked(folder)
    if records is None:
        recording = load_recording(folder)
    else:
        recording = Recording(folder, summarize(records), running)
    return Overview(recording, _first_words(folder), size_bytes)


def _outline(journal: FileIO) -> list[JournalRecord] | None:
    """The first record, and the last final Turn or Summary; None if all must be read for them."""
    head = journal.read(_HEAD_BYTES) or b""
    first = next(records_in(BytesIO(head)), None)
    if first is None or first["type"] != "Recording":
        return None
    size = journal.seek(0, os.SEEK_END)
    for most in (_SUMMARY_BYTES, _TAIL_BYTES):
        journal.seek(max(0, size - most))
        for line in reversed((journal.read(most) or b"").splitlines()):
            record = read_line(line) if _MAY_COUNT.search(line) else None
            if record is not None and (record["type"] == "Summary" or is_final(record)):
                return [first, record]
    return [first] if size <= _TAIL_BYTES else None


def _first_words(folder: Path) -> str:
    try:
        with FileIO(f"{folder}{os.sep}{TRANSCRIPT}", "r", opener=open_regular) as file:
            text = (file.read(_FIRST_WORDS_BYTES) or b"").decode(errors="replace")
    except OSError:
        return ""
    return text.partition("\n")[0]
