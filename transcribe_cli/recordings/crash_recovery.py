"""Repairs what a crash may leave behind: a wrong WAV header, an incomplete last journal line."""

import contextlib
import errno
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from transcribe_cli.audio.wav import repair_header
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.journal import whole_lines
from transcribe_cli.recordings.saved_recordings import Recording
from transcribe_cli.system.atomic_replace import replace_file
from transcribe_cli.system.regular_file import is_regular, open_regular, read_regular


def recover(recording: Recording) -> list[str]:
    """Repair a recording. Returns what was repaired, in words; empty if nothing was.

    Raises:
        StreamError: a file cannot be read or written, or is a symbolic link.
    """
    mended = []
    audio, journal = recording.audio_path, recording.folder / JOURNAL
    if audio is not None:
        with _explained(audio), FileIO(audio, "r+", opener=open_regular) as file:
            if repair_header(file, recording.journal.audio):
                mended.append("the header of audio.wav")
    with _explained(journal):
        lines = whole_lines(journal)
    if write_if_changed(journal, join_lines(lines)):
        mended.append("the last line of the journal")
    return mended


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an OSError into a StreamError that names the file."""
    try:
        yield
    except OSError as e:
        hint = "nothing there is changed that lies elsewhere too: put a copy in its place"
        raise StreamError(
            f"'{path}' cannot be opened and mended: {e.strerror or e}.",
            hint
            if e.errno in (errno.ELOOP, errno.EMLINK)
            else "see its permissions, and whether the disk is full",
            exit_status=ExitStatus.AUDIO,
        ) from e


def join_lines(lines: list[bytes]) -> bytes:
    """The lines, each with a line feed."""
    return b"".join(line + b"\n" for line in lines)


def write_if_changed(path: Path, data: bytes) -> bool:
    """Replace a file atomically if its content differs. Returns whether it did differ.

    A symbolic link is replaced itself; its target does not change.

    Raises:
        StreamError: the file cannot be read or written; the old file is unchanged.
    """
    with _explained(path):
        is_same_size = is_regular(path) and path.lstat().st_size == len(data)
        if is_same_size and read_regular(path) == data:
            return False
        replace_file(path, data, follow=False)
        return True
