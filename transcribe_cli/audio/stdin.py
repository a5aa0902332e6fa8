"""Standard input: a container recognised by its header, else raw s16le mono."""

import os
import select
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from transcribe_cli.audio.convert import PcmConverter
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.source import Source, SourceEvent
from transcribe_cli.audio.wav import BadWav, WavHeader, read_header
from transcribe_cli.errors import AudioError

_READ_BYTES = 1 << 16
_POLL_S = 0.2
_HEAD_BYTES = 12

# First bytes of containers that libsndfile or ffmpeg read, and a suffix that tells them which.
_CONTAINERS: tuple[tuple[bytes, str], ...] = (
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"FORM", ".aiff"),
    (b"caff", ".caf"),
    (b".snd", ".au"),
    (b"riff", ".w64"),
    (b"ID3", ".mp3"),
    (b"\xff\xfb", ".mp3"),
    (b"\xff\xf3", ".mp3"),
    (b"\x1aE\xdf\xa3", ".mkv"),
)


def container_suffix(head: bytes) -> str | None:
    """The usual suffix of the container that these first bytes open; None for raw samples.

    >>> container_suffix(b"RIFF\\x24\\x00\\x00\\x00WAVE"), container_suffix(bytes(12))
    ('.wav', None)
    """
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return ".wav"
    if head[4:8] == b"ftyp":
        return ".m4a"
    return next((suffix for magic, suffix in _CONTAINERS if head.startswith(magic)), None)


def open_stdin(stream: IO[bytes], rate_hz: int) -> Source:
    """A source for a binary stream.

    Raises:
        AudioError: it is a terminal, or holds nothing, or a container that cannot be read here.
    """
    if stream.isatty():
        raise AudioError(
            "Standard input is a terminal, not audio.",
            "pipe audio into it: arecord -f S16_LE -r 16000 | aai-stream file -",
        )
    pipe = _Pipe(stream)
    head = pipe.peek(_HEAD_BYTES)
    if not head:
        raise AudioError("Standard input holds no audio.", "check the program before the pipe")
    suffix = container_suffix(head)
    if suffix is None:
        return StdinPcm(pipe, WavHeader(rate_hz, 1, "<i2", None), rate_hz)
    if suffix == ".wav":
        try:
            return StdinPcm(pipe, read_header(pipe), rate_hz)
        except BadWav as e:
            raise AudioError(
                f"Standard input is a WAV that cannot be read: {e}.", "convert it to 16-bit PCM"
            ) from e
    return _Spooled(pipe, suffix, rate_hz)


class _Pipe:
    """Reads of a stream that can be given up, and a look at its first bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._ahead = b""
        self.stopped = threading.Event()

    def peek(self, count: int) -> bytes:
        """The first bytes, which will be read again."""
        while len(self._ahead) < count:
            part = self._read_some(count - len(self._ahead))
            if not part:
                break
            self._ahead += part
        return self._ahead

    def read(self, count: int) -> bytes:
        """At most `count` bytes; empty at the end, and when stopped."""
        if self._ahead:
            part, self._ahead = self._ahead[:count], self._ahead[count:]
            return part
        return self._read_some(count)

    def _read_some(self, count: int) -> bytes:
        fd = self._stream.fileno()
        while not self.stopped.is_set():
            # On Windows select knows sockets only: there a read waits until something comes.
            if sys.platform == "win32" or select.select([fd], [], [], _POLL_S)[0]:
                return os.read(fd, count)
        return b""


class StdinPcm:
    """Samples from a pipe: raw, or behind a WAV header."""

    name = "standard input"
    kind = "stdin"
    live = True
    length_s: float | None = None
    path: str | None = None

    def __init__(self, pipe: _Pipe, source: WavHeader, rate_hz: int) -> None:
        self._pipe = pipe
        self._left = source.data_bytes
        self._converter = PcmConverter(source, rate_hz)

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The samples as they come."""
        while self._left is None or self._left > 0:
            data = self._pipe.read(min(_READ_BYTES, self._left or _READ_BYTES))
            if not data:
                break
            if self._left is not None:
                self._left -= len(data)
            yield self._converter.convert(data)
        yield self._converter.flush()

    def stop(self) -> None:
        """End `blocks` within a fraction of a second."""
        self._pipe.stopped.set()

    def close(self) -> None:
        """Nothing to give back: the stream is the caller's."""
        self.stop()


class _Spooled:
    """A compressed container on a pipe: taken whole into a temporary file, then read as a file."""

    name = "standard input"
    kind = "stdin"
    live = False
    length_s: float | None = None
    path: str | None = None

    def __init__(self, pipe: _Pipe, suffix: str, rate_hz: int) -> None:
        self._pipe = pipe
        self._inner: Source | None = None
        self._folder: Any = tempfile.TemporaryDirectory(prefix="aai-stream-")
        self._path = Path(self._folder.name) / f"stdin{suffix}"
        self._rate_hz = rate_hz

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The decoded audio, after the pipe has ended."""
        with self._path.open("wb") as file:
            while data := self._pipe.read(_READ_BYTES):
                file.write(data)
        if self._pipe.stopped.is_set():
            return
        self._inner = open_file(self._path, self._rate_hz)
        self.length_s = self._inner.length_s
        yield from self._inner.blocks(report)

    def stop(self) -> None:
        """End the spooling or the reading."""
        self._pipe.stopped.set()
        if self._inner is not None:
            self._inner.stop()

    def close(self) -> None:
        """Remove the temporary file."""
        self.stop()
        if self._inner is not None:
            self._inner.close()
        self._folder.cleanup()
