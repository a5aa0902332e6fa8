"""The audio log: the recording on the disk, a WAV whose header is valid at every moment.

Samples that a full disk does not accept are kept in memory for a while.

The recording is the queue. One thread appends; each reader reads at a position of its own, however
far behind. A slow network, a lost connection or a new session changes only a reader's position.
Each append patches the header, so after `kill -9` any player opens the file.
"""

import errno
import os
import tempfile
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import IO, Protocol, Self

from transcribe_cli.audio import wav
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.system.regular_file import open_regular

FileOpener = Callable[[str, int], int]

MOST_UNSAVED_BYTES = 1 << 26  # half an hour in which somebody may free space on a full disk
_CAN_PREAD = hasattr(os, "pread")  # not on Windows


class ReadableLog(Protocol):
    """What a session hears: an audio log, or a view of one."""

    audio: AudioFormat

    @property
    def frames(self) -> int: ...
    @property
    def ended(self) -> bool: ...
    @property
    def first(self) -> int: ...
    def read(self, start: int, count: int) -> bytes: ...
    def consumed(self, frame: int) -> None: ...
    def forget(self, before: int) -> None: ...


class AudioLog:
    """Audio of one recording; safe for one appending thread and any number of readers.

    Attributes:
        audio: the format of its samples.
        frames: how many frames have been appended.
        ended: nothing will be appended any more.
        path: where the file is; None for a temporary one, which vanishes when it is closed.
        unwritable: why the disk accepts no samples now; they are kept in memory meanwhile.
    """

    def __init__(
        self, file: FileIO, audio: AudioFormat, path: Path | None, frames: int = 0
    ) -> None:
        self.audio = audio
        self.path = path
        self.unwritable: OSError | None = None
        self._file = file
        self._frame_bytes = audio.frame_bytes
        self._file_lock = threading.Lock()  # guards the file's position, and the unsaved samples
        self._taken = threading.Condition()  # notified when the reader is near enough
        self._sizes_patch = wav.SizesPatch(audio)
        self.frames = frames
        self.ended = False
        self._consumed = 0
        self._wanted = -1  # a waiting writer is woken when at most this many frames are unread
        self._woken = False  # since the last wait
        self._saved = frames  # the file holds everything before this frame
        self._unsaved = bytearray()  # the samples from there on, while the disk is full
        self._lost: list[tuple[int, int]] = []  # frames that were given up: silence in the file
        self._last = (frames, b"")  # the newest block, for readers that need not read the file
        self._write_all(wav.header(audio, frames * audio.frame_bytes), 0)

    @classmethod
    def open(cls, path: Path, audio: AudioFormat) -> Self:
        """The log of an earlier run, with its header corrected.

        Raises:
            OSError: the file is missing, cannot be written, or is no regular file.
        """
        file = FileIO(path, "r+", opener=open_regular)
        samples = max(0, file.seek(0, os.SEEK_END) - wav.HEADER_BYTES)
        return cls(file, audio, path, samples // audio.frame_bytes)

    @classmethod
    def create(cls, path: Path, audio: AudioFormat, opener: FileOpener | None = None) -> Self:
        """A new log at `path`, which replaces whatever was there.

        `opener`: opens a file in a recording's folder without following a link.

        Raises:
            OSError: the path cannot be written.
        """
        return cls(FileIO(path, "w+", opener=opener), audio, path)

    @classmethod
    def temporary(cls, audio: AudioFormat, folder: Path | None = None) -> Self:
        """A log that leaves nothing behind, also when the process is killed (on POSIX)."""
        opened = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - closed by close()
        # On Windows the temporary file is wrapped in an object that deletes it on close.
        file = getattr(opened, "file", opened)
        log = cls(file, audio, None)
        log._opened = opened
        return log

    _opened: IO[bytes] | None = None  # the wrapper that deletes a temporary file on Windows

    @property
    def seconds(self) -> float:
        """The duration of all that has been appended."""
        return self.audio.seconds(self.frames)

    def append(self, samples: bytes, readable: Callable[[int, bytes], None] | None = None) -> None:
        """Write samples, then the header that counts them.

        `readable` is called with their first frame and the samples as soon as they can be read,
        which is before they are written, so that nobody waits for a slow disk. A disk that is full
        or gone is no error here: the samples can be read nevertheless, and are written as soon as
        the disk accepts them again. `unwritable` says why not yet.
        """
        start = self.frames
        behind = len(self._unsaved) > 0
        if behind:
            with self._file_lock:
                self._unsaved += samples
        self._last = (start, samples)
        self.frames = start + len(samples) // self._frame_bytes
        if readable is not None:
            readable(start, samples)
        with self._file_lock:
            if behind:
                self._save_rest()
            elif (saved := self._save(samples)) < len(samples):
                self._unsaved += samples[saved:]

    def _save(self, samples: bytes) -> int:
        """Write samples behind the saved ones; returns how many bytes the disk accepted."""
        size = self._frame_bytes
        taken = 0
        try:
            taken = self._write_all(samples, wav.HEADER_BYTES + self._saved * size)
            if taken < len(samples):
                taken -= taken % size
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.unwritable = None
        except OSError as e:
            self.unwritable = e.with_traceback(None)  # a traceback would keep the samples alive
        self._saved += taken // size
        try:
            self._write_all(self._sizes_patch(self._saved * size), wav.RIFF_SIZE_AT)
        except OSError as e:  # the header overwrites itself, but some disks write elsewhere first
            self.unwritable = e.with_traceback(None)
        return taken

    def _save_rest(self) -> None:
        """Try again to write the unsaved samples, and limit how many are kept."""
        del self._unsaved[: self._save(bytes(self._unsaved))]
        size = self._frame_bytes
        too_many = (len(self._unsaved) - MOST_UNSAVED_BYTES) // size
        if too_many > 0:
            self._lost.append((self._saved, self._saved + too_many))
            self._saved += too_many
            del self._unsaved[: too_many * size]

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The ranges of frames, each start and end, that the file does not hold."""
        with self._file_lock:
            unsaved = (self._saved, self._saved + len(self._unsaved) // self._frame_bytes)
            return [*self._lost, unsaved] if self._unsaved else list(self._lost)

    first = 0  # the first frame that can be read

    def forget(self, before: int) -> None:
        """Do nothing: frames before `before` will not be read again, but this log keeps all."""

    def consumed(self, frame: int) -> None:
        """A reader has taken everything before `frame`; the appending thread may be waiting."""
        self._consumed = frame
        if self.frames - frame <= self._wanted:
            self.wake()

    def wait_for_reader(self, ahead: int) -> bool:
        """If more than `ahead` frames are unread, wait until at most half of that are.

        Returns False if `wake` came first, also if it was called since the last wait.
        """
        if self.frames - self._consumed <= ahead:
            return True
        with self._taken:
            self._wanted = ahead // 2
            if self.frames - self._consumed > self._wanted and not self._woken:
                self._taken.wait()
            self._wanted = -1
            self._woken = False
        return self.frames - self._consumed <= ahead // 2

    def end(self) -> None:
        """No more samples will be appended."""
        self.ended = True
        self.wake()

    def wake(self) -> None:
        """Make a waiting writer check again whatever else it waits for."""
        with self._taken:
            self._woken = True
            self._taken.notify_all()

    def read(self, start: int, count: int) -> bytes:
        """At most `count` frames from frame `start` on; fewer at the end."""
        size = self._frame_bytes
        newest, samples = self._last
        if start >= newest and count > 0:
            at = (start - newest) * size
            return samples[at : at + count * size]
        count = max(0, min(count, self.frames - start))
        newest, samples = self._last  # again, so that it is as new as the count of frames
        with self._file_lock:
            in_file = max(0, min(count, self._saved - start))
            rest = b""
            if in_file < count:  # the newest block is not written yet, or the disk is full
                unsaved = self._unsaved or samples
                at = max(0, start - (self._saved if self._unsaved else newest)) * size
                rest = bytes(unsaved[at : at + (count - in_file) * size])
            saved = self._read_file(wav.HEADER_BYTES + start * size, in_file * size)
        # Frames given up before anything was written behind them are not yet part of the file.
        return saved + bytes(in_file * size - len(saved)) + rest

    def _read_file(self, at: int, size: int) -> bytes:
        if _CAN_PREAD:
            return os.pread(self._file.fileno(), size, at)
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
        """End the log and close its file; another call does nothing."""
        self.end()
        if not self._file.closed:
            with self._file_lock:
                if self._unsaved:
                    self._save_rest()
            self._file.close()
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_all(self, data: bytes, at: int) -> int:
        """Write data at an offset, in several writes if the file accepts less at a time.

        Returns how many bytes were written: fewer than all if the disk failed after a part.
        """
        done = self._write(data, at)
        if done == len(data):
            return done
        with memoryview(data) as view:
            while done < len(view):
                try:
                    done += self._write(view[done:], at + done)
                except OSError:
                    if not done:
                        raise
                    break
        return done

    def _write(self, data: bytes | memoryview, at: int) -> int:
        if _CAN_PREAD:
            return os.pwrite(self._file.fileno(), data, at)
        self._file.seek(at)
        return self._file.write(data) or 0
