"""An audio log for a file, which drops what nobody will read again, because the file is there.

The log is kept in segments of a minute, in one temporary file whose places are reused. So a file of
three hours takes the disk space of a few minutes, and not that of all its decoded audio.
"""

from io import FileIO
from pathlib import Path

from transcribe_cli.audio import wav
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat

SEGMENT_S = 60.0


class TrimmedLog(AudioLog):
    """A temporary log that drops its oldest segments.

    Attributes:
        first: the first frame that can still be read.
    """

    def __init__(
        self, file: FileIO, audio: AudioFormat, path: Path | None = None, frames: int = 0
    ) -> None:
        self.first = 0
        self._segment_bytes = audio.frames(SEGMENT_S) * audio.frame_bytes
        self._places: dict[int, int] = {}  # the place in the file of each segment that is kept
        self._free: list[int] = []
        super().__init__(file, audio, path, frames)

    def forget(self, before: int) -> None:
        """Drop the whole segments that lie before a frame."""
        with self._file_lock:
            segment = before * self.audio.frame_bytes // self._segment_bytes
            first = segment * self._segment_bytes // self.audio.frame_bytes
            if first > self.first:
                self.first = first
                for gone in [number for number in self._places if number < segment]:
                    self._free.append(self._places.pop(gone))

    def _write(self, data: bytes | memoryview, at: int) -> int:
        at -= wav.HEADER_BYTES
        if at < 0:
            return len(data)  # the header is dropped: nobody opens the file as a WAV
        segment, inside = divmod(at, self._segment_bytes)
        data = data[: self._segment_bytes - inside]
        if segment * self._segment_bytes < self.first * self.audio.frame_bytes:
            return len(data)
        if segment not in self._places:
            self._places[segment] = self._free.pop() if self._free else len(self._places)
        return super()._write(data, self._places[segment] * self._segment_bytes + inside)

    def _read_file(self, at: int, size: int) -> bytes:
        at -= wav.HEADER_BYTES
        if size and at < self.first * self.audio.frame_bytes:
            raise ValueError(f"frame {at // self.audio.frame_bytes} has been forgotten")
        segment, inside = divmod(at, self._segment_bytes)
        place = self._places.get(segment)
        if place is not None and inside + size <= self._segment_bytes:  # nearly always
            return super()._read_file(place * self._segment_bytes + inside, size)
        parts = []
        while size > 0:
            segment, inside = divmod(at, self._segment_bytes)
            count = min(size, self._segment_bytes - inside)
            place = self._places.get(segment)
            part = b""
            if place is not None:
                part = super()._read_file(place * self._segment_bytes + inside, count)
            parts.append(part.ljust(count, b"\0"))
            at, size = at + count, size - count
        return b"".join(parts)
