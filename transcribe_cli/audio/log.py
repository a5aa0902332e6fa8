"""The audio log: an append-only WAV whose header is valid at every moment.

The recording is the queue. One thread appends; readers read at positions of their own, each as far
behind as it needs to be. A slow network, a lost connection or a new session is a reader's position
and nothing else. Each append patches the header, so after `kill -9` any player opens the file.
"""

import os
import tempfile
import threading
from io import FileIO
from pathlib import Path
from typing import IO, Self

from transcribe_cli.audio import wav
from transcribe_cli.audio.format import AudioFormat

_CAN_PREAD = hasattr(os, "pread")  # not on Windows


class AudioLog:
    """Audio of one recording; safe for one appending thread and any number of readers.

    Attributes:
        audio: the format of its samples.
        path: where it lies; None for one that vanishes when it is closed.
    """

    def __init__(
        self, file: FileIO, audio: AudioFormat, path: Path | None, frames: int = 0
    ) -> None:
        self.audio = audio
        self.path = path
        self._file = file
        self._file_lock = threading.Lock()  # guards the file's one position
        self._grown = threading.Condition()  # guards _frames, _ended, _consumed
        self._frames = frames
        self._ended = False
        self._consumed = 0
        self._put(0, wav.header(audio, frames * audio.frame_bytes))

    @classmethod
    def open(cls, path: Path, audio: AudioFormat) -> Self:
        """The log of an earlier run, with a header that is right again.

        Raises:
            OSError: it is not there, or cannot be written.
        """
        file = FileIO(path, "r+")
        samples = max(0, file.seek(0, os.SEEK_END) - wav.HEADER_BYTES)
        return cls(file, audio, path, samples // audio.frame_bytes)

    @classmethod
    def create(cls, path: Path, audio: AudioFormat) -> Self:
        """A log at `path`, in place of whatever was there.

        Raises:
            OSError: the path cannot be written.
        """
        return cls(FileIO(path, "w+"), audio, path)

    @classmethod
    def temporary(cls, audio: AudioFormat, folder: Path | None = None) -> Self:
        """A log that leaves nothing behind, also when the process is killed (on POSIX)."""
        opened = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - closed by close()
        # On Windows a wrapper that deletes on close stands around the file itself.
        file = getattr(opened, "file", opened)
        log = cls(file, audio, None)
        log._opened = opened
        return log

    _opened: IO[bytes] | None = None  # the wrapper that deletes a temporary file on Windows

    @property
    def frames(self) -> int:
        """How many frames have been appended."""
        return self._frames

    @property
    def ended(self) -> bool:
        """Nothing will be appended any more."""
        return self._ended

    @property
    def seconds(self) -> float:
        """The duration of what has been appended."""
        return self.audio.seconds(self._frames)

    def append(self, samples: bytes) -> None:
        """Write samples, then the header that counts them.

        Raises:
            OSError: the disk is full or gone; what was there before stays valid.
        """
        before = self._frames * self.audio.frame_bytes
        after = before + len(samples)
        with self._file_lock:
            self._put(wav.HEADER_BYTES + before, samples)
            # The sizes at the header's ends and what lies between, in one write.
            self._put(wav.RIFF_SIZE_AT, wav.header(self.audio, after)[wav.RIFF_SIZE_AT :])
        with self._grown:
            self._frames = after // self.audio.frame_bytes
            self._grown.notify_all()

    def consumed(self, frame: int) -> None:
        """A reader has taken everything before `frame`; the appending thread may be waiting."""
        with self._grown:
            self._consumed = frame
            self._grown.notify_all()

    def wait_for_reader(self, ahead: int, timeout_s: float) -> bool:
        """Wait until at most `ahead` frames are unread; false when woken or out of time first."""
        with self._grown:
            if self._frames - self._consumed > ahead:
                self._grown.wait(timeout_s)
            return self._frames - self._consumed <= ahead

    def end(self) -> None:
        """Say that nothing more comes, and wake the readers."""
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def wake(self) -> None:
        """Make every waiting reader look again at whatever else it waits for."""
        with self._grown:
            self._grown.notify_all()

    def wait(self, frames: int, timeout_s: float) -> None:
        """Wait until the log holds that many frames, has ended, is woken, or time is up."""
        with self._grown:
            if self._frames < frames and not self._ended:
                self._grown.wait(timeout_s)

    def read(self, start: int, count: int) -> bytes:
        """At most `count` frames from frame `start` on; fewer at the end."""
        count = max(0, min(count, self._frames - start))
        size = count * self.audio.frame_bytes
        at = wav.HEADER_BYTES + start * self.audio.frame_bytes
        if _CAN_PREAD:
            return os.pread(self._file.fileno(), size, at)
        with self._file_lock:
            self._file.seek(at)
            return self._file.read(size) or b""

    def sync(self) -> None:
        """Ask the system to put everything on the disk, so that a power cut keeps it.

        Raises:
            OSError: the disk is full or gone.
        """
        if self.path is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """End it and close the file; harmless when called again."""
        self.end()
        if not self._file.closed:
            self._file.close()
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put(self, at: int, data: bytes) -> None:
        """Write all of `data` at a place; a raw file may take less than it is given."""
        view = memoryview(data)
        while view:
            written = self._write(view, at)
            at += written
            view = view[written:]

    def _write(self, data: memoryview, at: int) -> int:
        if _CAN_PREAD:
            return os.pwrite(self._file.fileno(), data, at)
        self._file.seek(at)
        return self._file.write(data) or 0
