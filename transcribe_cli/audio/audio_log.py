"""The audio log: the recording on the disk, a WAV whose header is valid at every moment.

What a full disk does not take is kept in memory for a while.

The recording is the queue. One thread appends; readers read at positions of their own, each as far
behind as it needs to be. A slow network, a lost connection or a new session is a reader's position
and nothing else. Each append patches the header, so after `kill -9` any player opens the file.
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

Opener = Callable[[str, int], int]

MOST_UNSAVED_BYTES = 1 << 26  # half an hour: for so long a full disk may be cleared in time
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
        path: where it lies; None for one that vanishes when it is closed.
        unwritable: why the disk takes no samples just now; they are kept in memory meanwhile.
    """

    def __init__(
        self, file: FileIO, audio: AudioFormat, path: Path | None, frames: int = 0
    ) -> None:
        self.audio = audio
        self.path = path
        self.unwritable: OSError | None = None
        self._file = file
        self._frame_bytes = audio.frame_bytes
        self._file_lock = threading.Lock()  # guards the file's one position, and what is unsaved
        self._taken = threading.Condition()  # told when the reader is near enough
        self._sizes_patch = wav.SizesPatch(audio)
        self.frames = frames
        self.ended = False
        self._consumed = 0
        self._wanted = -1  # when so few frames are unread, a waiting writer is told
        self._woken = False  # since the last wait
        self._saved = frames  # the file holds everything before this frame
        self._unsaved = bytearray()  # and this everything from there on, while the disk is full
        self._lost: list[tuple[int, int]] = []  # frames that were given up: silence in the file
        self._last = (frames, b"")  # the newest block: who follows closely needs no file
        self._write_all(wav.header(audio, frames * audio.frame_bytes), 0)

    @classmethod
    def open(cls, path: Path, audio: AudioFormat) -> Self:
        """The log of an earlier run, with a header that is right again.

        Raises:
            OSError: it is not there, cannot be written, or is no regular file.
        """
        file = FileIO(path, "r+", opener=open_regular)
        samples = max(0, file.seek(0, os.SEEK_END) - wav.HEADER_BYTES)
        return cls(file, audio, path, samples // audio.frame_bytes)

    @classmethod
    def create(cls, path: Path, audio: AudioFormat, opener: Opener | None = None) -> Self:
        """A log at `path`, in place of whatever was there.

        `opener`: of a file in a recording's folder, where no link is followed.

        Raises:
            OSError: the path cannot be written.
        """
        return cls(FileIO(path, "w+", opener=opener), audio, path)

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
    def seconds(self) -> float:
        """The duration of what has been appended."""
        return self.audio.seconds(self.frames)

    def append(self, samples: bytes, readable: Callable[[int, bytes], None] | None = None) -> None:
        """Write samples, then the header that counts them.

        `readable` gets their first frame and the samples as soon as they can be read, before they
        are written: a slow disk keeps nobody waiting. One that is full or gone is no error here:
        the samples can be read all the same, and are written as soon as it takes them again.
        `unwritable` tells.
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
        """Write samples behind what is saved; how many bytes of them the disk took."""
        size = self._frame_bytes
        taken = 0
        try:
            taken = self._write_all(samples, wav.HEADER_BYTES + self._saved * size)
            if taken < len(samples):
                taken -= taken % size
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.unwritable = None
        except OSError as e:
            self.unwritable = e.with_traceback(None)  # which would hold on to the samples
        self._saved += taken // size
        try:
            self._write_all(self._sizes_patch(self._saved * size), wav.RIFF_SIZE_AT)
        except OSError as e:  # its place is there already, but some disks write to another first
            self.unwritable = e.with_traceback(None)
        return taken

    def _save_rest(self) -> None:
        """Try again to write what is unsaved, and keep the rest of it within bounds."""
        del self._unsaved[: self._save(bytes(self._unsaved))]
        size = self._frame_bytes
        too_many = (len(self._unsaved) - MOST_UNSAVED_BYTES) // size
        if too_many > 0:
            self._lost.append((self._saved, self._saved + too_many))
            self._saved += too_many
            del self._unsaved[: too_many * size]

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The frames, from and to, that the file does not hold."""
        with self._file_lock:
            unsaved = (self._saved, self._saved + len(self._unsaved) // self._frame_bytes)
            return [*self._lost, unsaved] if self._unsaved else list(self._lost)

    first = 0  # the first frame that can be read

    def forget(self, before: int) -> None:
        """Nothing before that frame will be read again; this log keeps it all the same."""

    def consumed(self, frame: int) -> None:
        """A reader has taken everything before `frame`; the appending thread may be waiting."""
        self._consumed = frame
        if self.frames - frame <= self._wanted:
            self.wake()

    def wait_for_reader(self, ahead: int) -> bool:
        """Wait while more than `ahead` frames are unread, and then until half of them are taken.

        False when woken first, also since the last wait.
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
        """Say that nothing more comes."""
        self.ended = True
        self.wake()

    def wake(self) -> None:
        """Make a waiting writer look again at whatever else it waits for."""
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
        newest, samples = self._last  # again: as new as the count of frames is
        with self._file_lock:
            in_file = max(0, min(count, self._saved - start))
            rest = b""
            if in_file < count:  # the newest block is about to be written, or several cannot be
                unsaved = self._unsaved or samples
                at = max(0, start - (self._saved if self._unsaved else newest)) * size
                rest = bytes(unsaved[at : at + (count - in_file) * size])
            saved = self._read_file(wav.HEADER_BYTES + start * size, in_file * size)
        # What was given up before anything came after it is not even a hole of the file yet.
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
        """End it and close the file; harmless when called again."""
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
        """Write data at a place; a raw file may take less than it is given.

        Returns how much was written: less than all only where the disk took a part and then failed.
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
