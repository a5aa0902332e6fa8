"""Mending what a crash may have left of a recording: a torn header, a torn last line."""

import contextlib
import errno
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from transcribe_cli.audio import wav
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.journal import whole_lines
from transcribe_cli.recordings.saved_recordings import Recording
from transcribe_cli.system.atomic_replace import replace_file
from transcribe_cli.system.regular_file import is_regular, open_regular, read_regular


def recover(recording: Recording) -> list[str]:
    """Mend what needs it, and name what was mended; nothing where all is well.

    Raises:
        StreamError: a file cannot be read or written, or is none but a link.
    """
    mended = []
    audio, journal = recording.audio_path, recording.folder / JOURNAL
    if audio is not None:
        with _explained(audio):
            if _mend_header(recording, audio):
                mended.append("the header of audio.wav")
    with _explained(journal):
        lines = whole_lines(read_regular(journal))
    if write_if_changed(journal, join_lines(lines)):
        mended.append("the last line of the journal")
    return mended


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """An error of the system as one that says which file of a recording it is."""
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


def _mend_header(recording: Recording, path: Path) -> bool:
    """Make the header say what the file holds; samples are never touched."""
    audio = recording.journal.audio
    with FileIO(path, "r+", opener=open_regular) as file:
        size = file.seek(0, os.SEEK_END)
        samples = max(0, size - wav.HEADER_BYTES)
        right = wav.header(audio, samples - samples % audio.frame_bytes)
        file.seek(0)
        if file.read(wav.HEADER_BYTES) == right:
            return False
        file.seek(0)
        file.write(right)
    return True


def join_lines(lines: list[bytes]) -> bytes:
    """Lines as a file holds them."""
    return b"".join(line + b"\n" for line in lines)


def write_if_changed(path: Path, data: bytes) -> bool:
    """Replace a file in one step where its content differs; whether it did.

    A link in its place is replaced itself, and what it points to stays as it is.

    Raises:
        StreamError: it cannot be read or written; the old file is still there then.
    """
    with _explained(path):
        if is_regular(path) and read_regular(path) == data:
            return False
        replace_file(path, data, follow=False)
        return True
