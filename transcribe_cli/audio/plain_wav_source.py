"""A WAV whose samples need no decoder: 16-bit mono at the session's rate, in a file without a flaw.

Reading it takes neither libsndfile nor numpy, whose imports are most of a short run. Whatever is
unusual in a header is left to libsndfile, which knows what programs write.
"""

import struct
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

from transcribe_cli.audio.format import SAMPLE_BYTES
from transcribe_cli.audio.source import SourceEvent
from transcribe_cli.errors import AudioError

_HEAD = struct.Struct("<4sI4s4sIHHIIHH")  # RIFF, WAVE and a `fmt ` chunk of 16 bytes
_CHUNK = struct.Struct("<4sI")
_PASSED_OVER = (b"LIST", b"JUNK", b"fact", b"bext")  # texts and padding, before and after samples


class PlainWav:
    """A file source that gives the file's own bytes, from `start` on.

    Args:
        block_frames: the most frames in a block.
    """

    kind = "file"
    live = False
    path: str | None

    def __init__(
        self, file: FileIO, path: Path, rate_hz: int, start: int, size: int, block_frames: int
    ) -> None:
        self.name = path.name
        self.path = str(path.resolve())
        self.length_s: float | None = size // SAMPLE_BYTES / rate_hz
        self._file = file
        self._start = start
        self._size = size
        self._block_bytes = block_frames * SAMPLE_BYTES
        self._stopped = threading.Event()

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The file's audio.

        Raises:
            AudioError: the disk fails.
        """
        left = self._size
        try:
            self._file.seek(self._start)
            while left and not self._stopped.is_set():
                block = self._file.read(min(self._block_bytes, left)) or b""
                left -= len(block)
                if len(block) % SAMPLE_BYTES:  # somebody has cut the file meanwhile
                    block = block[:-1]
                if not block:
                    break
                yield block
        except OSError as e:
            raise AudioError(
                f"'{self.name}' is damaged: {e.strerror or e}.",
                "what came before the damage is transcribed",
            ) from e

    def stop(self) -> None:
        """End `blocks` before the next block."""
        self._stopped.set()

    def close(self) -> None:
        """Close the file."""
        self.stop()
        self._file.close()


def open_plain(path: Path, rate_hz: int, block_frames: int) -> PlainWav | None:
    """A source for a WAV that needs no decoder; None for any other file, which is not open then."""
    try:
        file = FileIO(path)
    except OSError:
        return None
    try:
        found = _find_samples(file, rate_hz)
    except (OSError, struct.error):
        found = None
    if found is None:
        file.close()
        return None
    return PlainWav(file, path, rate_hz, *found, block_frames)


def _find_samples(file: FileIO, rate_hz: int) -> tuple[int, int] | None:
    """Where the samples begin and how many bytes they are; None if anything is unusual.

    Raises:
        struct.error: the file ends within a header.
    """
    length = file.seek(0, 2)
    file.seek(0)
    riff, size, wave, fmt, *described = _HEAD.unpack(file.read(_HEAD.size))
    if (riff, size, wave, fmt) != (b"RIFF", length - 8, b"WAVE", b"fmt "):
        return None
    bits = 8 * SAMPLE_BYTES
    if described != [16, 1, 1, rate_hz, rate_hz * SAMPLE_BYTES, SAMPLE_BYTES, bits]:
        return None
    found: tuple[int, int] | None = None
    at = _HEAD.size
    while at < length:
        file.seek(at)
        name, size = _CHUNK.unpack(file.read(_CHUNK.size))
        at += _CHUNK.size
        if name == b"data" and found is None:
            found = at, size
        elif name not in _PASSED_OVER:
            return None
        if size == 0 or size % 2 or at + size > length:
            return None
        at += size
    return found
