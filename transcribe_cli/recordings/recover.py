"""Mending what a crash may have left of a recording: a torn header, a torn last line."""

import os
from pathlib import Path

from transcribe_cli.audio import wav
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.journal import whole_lines
from transcribe_cli.recordings.library import Recording
from transcribe_cli.replace import replace_file


def recover(recording: Recording) -> list[str]:
    """Mend what needs it, and name what was mended; nothing where all is well.

    Raises:
        OSError: a file cannot be read or written.
    """
    mended = []
    if recording.audio_path is not None and _mend_header(recording, recording.audio_path):
        mended.append("the header of audio.wav")
    journal = recording.folder / JOURNAL
    if write_whole(journal, join_lines(whole_lines(journal.read_bytes()))):
        mended.append("the last line of the journal")
    return mended


def _mend_header(recording: Recording, path: Path) -> bool:
    """Make the header say what the file holds; samples are never touched."""
    audio = recording.story.audio
    with path.open("r+b") as file:
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


def write_whole(path: Path, data: bytes) -> bool:
    """Replace a file in one step where its content differs; whether it did.

    Raises:
        OSError: it cannot be read or written; the old file is still there then.
    """
    if path.exists() and path.read_bytes() == data:
        return False
    replace_file(path, data)
    return True
