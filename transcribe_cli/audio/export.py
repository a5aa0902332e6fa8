"""Writes a copy of a recording's audio: a WAV, or a FLAC of half the size."""

import contextlib
from pathlib import Path
from typing import IO

from transcribe_cli.audio import wav
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.errors import IncompleteError

_BLOCK_S = 10.0


def export_audio(log: AudioLog, target: Path) -> None:
    """Write everything in the log to `target`, `.flac` or WAV by its suffix.

    Raises:
        IncompleteError: the copy cannot be written; the log itself is untouched.
    """
    try:
        if target.suffix.lower() == ".flac":
            _write_flac(log, target)
        else:
            _write_wav(log, target)
    except OSError as e:
        raise IncompleteError(
            f"'{target}' cannot be written: {e.strerror or e}.", "free some space on the disk"
        ) from e


def _write_wav(log: AudioLog, target: Path) -> None:
    with target.open("wb") as file:
        file.write(wav.header(log.audio, log.frames * log.audio.frame_bytes))
        for start in range(0, log.frames, log.audio.frames(_BLOCK_S)):
            file.write(log.read(start, log.audio.frames(_BLOCK_S)))


def _write_flac(log: AudioLog, target: Path) -> None:
    import soundfile

    with target.open("wb") as opened:
        disk = _Disk(opened)
        # libsndfile raises RuntimeErrors, which do not contain the system's error.
        with contextlib.suppress(RuntimeError):
            with soundfile.SoundFile(
                disk, "w", log.audio.rate_hz, log.audio.channels, "PCM_16", format="FLAC"
            ) as file:
                for start in range(0, log.frames, log.audio.frames(_BLOCK_S)):
                    file.buffer_write(log.read(start, log.audio.frames(_BLOCK_S)), dtype="int16")
            if disk.failed is None:
                return
    raise disk.failed or OSError("libsndfile cannot write it")


class _Disk:
    """A file for libsndfile that remembers a failed write.

    Attributes:
        failed: why the disk did not accept a write; None if none failed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.failed: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, data: bytes) -> int:
        """Write the data; returns the number of bytes written, 0 after an error."""
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as e:
            self.failed = e
            return 0
        return len(data)
