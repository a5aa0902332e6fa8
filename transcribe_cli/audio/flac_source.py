"""FLAC of a file or a pipe: one or more streams in a row, each decoded while it arrives.

libFLAC needs one frame before it decodes; ffmpeg waits for ten, and loses frames between two
streams (tried with 5.1).
"""

import math
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import Protocol

from transcribe_cli.audio import ffmpeg
from transcribe_cli.audio.containers import FLAC
from transcribe_cli.audio.pipe import Pipe
from transcribe_cli.audio.sndfile_source import (
    Damaged,
    SndfileSource,
    behind,
    damaged,
    tell_if_short,
)
from transcribe_cli.audio.source import Source, SourceEvent, SourceWarning
from transcribe_cli.errors import AudioError

_STARTS = (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22")
STREAM_START = re.compile(b"|".join(map(re.escape, _STARTS)))
"""RFC 9639: a stream begins with its STREAMINFO of 34 bytes, which may be its last metadata."""

# RFC 9639, section 8.2: at the end 36 bits for the number of samples, and 16 bytes of MD5.
_STREAMINFO_ENDS = 42
_TOTAL_AT = 21

_TAGS_BYTES = 2048  # tags of at most this size may follow the audio

# RFC 9639, section 9.1.3; libsndfile does not say which speaker a channel is for.
_MASKS = {3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
_READ_BYTES = 1 << 14
_KEPT_BYTES = 1 << 16  # libsndfile reads the beginning more than once
_HEADER_BYTES = 64  # libsndfile wants reads up to this size in full; libFLAC takes what there is
_ENDLESS = 1 << 62


def is_read_here(head: bytes, track: int | None) -> bool:
    """Whether a `FlacSource` can read the wanted track of a file or pipe that begins so."""
    return bool(STREAM_START.match(head)) and track in (None, 1)


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, count: int, /) -> bytes:
        """Returns at most `count` bytes, as soon as there are any; empty at the end."""

    def close(self) -> None: ...


class FlacSource:
    """A source for one or more FLAC streams in a row.

    Args:
        channel: the channel to take, from 0; None: all, mixed; `EACH`: all, side by side.
        alone: no stream follows the first one.
        stop: makes a waiting `read` of the stream end.

    Raises:
        AudioError: libsndfile cannot read the first stream.
    """

    length_s: float | None = None
    path: str | None = None

    def __init__(
        self,
        stream: Readable,
        rate_hz: int,
        channel: int | None = None,
        *,
        name: str,
        kind: str,
        alone: bool = False,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.live = kind != "file"
        self._rate_hz = rate_hz
        self._channel = channel
        self._stream = stream
        self._stop = stop
        self._rest: Source | None = None
        self._stopped = threading.Event()
        self._splitter = _Splitter(stream)
        self.channels = 0  # number of channels in the blocks
        self._given = 0  # bytes of the current stream that were given
        self._part: SndfileSource | None = self._next()
        if alone and self._part is not None:
            self.length_s = self._part.length_s

    def _next(self) -> SndfileSource | None:
        if self._stopped.is_set():
            return None
        part = self._splitter.next()
        if part is None:
            return None
        source = SndfileSource(Path(self.name), self._rate_hz, self._channel, part, _MASKS)
        source.name = self.name
        self._header = part.header
        self.channels = self.channels or source.channels
        if source.channels != self.channels:
            source.close()
            raise AudioError(
                f"'{self.name}' has {self.channels} channels, and then {source.channels}.",
                "what came before is transcribed",
            )
        return source

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The audio of all streams.

        Raises:
            AudioError: a stream is damaged and cannot be read on; raised after the later streams.
        """
        fault: AudioError | None = None
        heard_s = 0.0
        while (part := self._part) is not None and not self._stopped.is_set():
            part.begins_s = heard_s
            self._given = 0
            damage: AudioError | None = None
            try:
                yield from self._counted(part.blocks(report))
            except Damaged as e:
                damage = e
            part.close()
            if damage is not None and not ffmpeg.is_installed():
                fault = fault or damage
            elif damage is not None:
                report(damaged(self.name, heard_s + self._given_s))
                try:
                    yield from self._counted(self._read_on(self._given))
                except AudioError as e:
                    fault = fault or e
                if part.length_s is not None and not self._stopped.is_set():
                    tell_if_short(self.name, self._given_s, part.length_s, report)
            heard_s += self._given_s
            self._part = self._next()
            if (unknown := self._splitter.passed_over) > _TAGS_BYTES and damage is None:
                report(SourceWarning(f"{unknown} bytes behind FLAC audio are no FLAC audio"))
        if fault is not None and not self._stopped.is_set():
            raise fault

    def _counted(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._given += len(block)
            yield block

    @property
    def _given_s(self) -> float:
        return self._given / 2 / self.channels / self._rate_hz

    def _read_on(self, given: int) -> Iterator[bytes]:
        """The audio that ffmpeg decodes of a damaged stream, behind the `given` bytes of audio."""
        from transcribe_cli.audio.piped_media import Streamed

        if begins := self._splitter.rewind():
            ahead = begins
        elif unread := self._splitter.unread():
            ahead, given = self._header + unread, 0
        else:
            return
        pipe = _RestOfPart(self.name, self.kind, ahead, self._splitter)
        self._rest = Streamed(pipe, FLAC, self._rate_hz, None, self._channel)
        with closing(self._rest):
            if self._stopped.is_set():  # `stop` may have come before `_rest` was set
                self._rest.stop()
            yield from behind(given, self._rest)

    def stop(self) -> None:
        """End `blocks` soon."""
        self._stopped.set()
        self._stop()
        for reader in (self._part, self._rest):
            if reader is not None:
                reader.stop()

    def close(self) -> None:
        """Close the stream and its readers."""
        self.stop()
        for reader in (self._part, self._rest):
            if reader is not None:
                reader.close()
        self._stream.close()


class _Splitter:
    """Cuts a stream of bytes where a FLAC stream begins.

    Attributes:
        passed_over: how many bytes of the last FLAC stream were not decoded.
    """

    def __init__(self, stream: Readable) -> None:
        self.passed_over = 0
        self._begun = False
        self._begins = 0
        self._stream = stream
        self._ahead = b""
        self._over = False

    def next(self) -> "_Part | None":
        """The next FLAC stream, once the one before has been read; None at the end."""
        self.passed_over = 0
        while self._begun and (unread := self.read(_READ_BYTES, first=False)):
            self.passed_over += len(unread)
        self._begun = True
        self._fill()
        if isinstance(self._stream, FileIO):
            self._begins = self._stream.tell() - len(self._ahead)
        return _Part(self) if self._ahead else None

    def rewind(self) -> bytes:
        """Go back to the current stream's beginning, and read from there; empty for a pipe."""
        if not isinstance(self._stream, FileIO):
            return b""
        self._stream.seek(self._begins)
        self._ahead, self._over = b"", False
        return self.read(_READ_BYTES, first=True)

    def unread(self) -> bytes:
        """More bytes of the current stream; empty if only tags are left of it."""
        unread = b""
        while len(unread) <= _TAGS_BYTES:
            part = self.read(_READ_BYTES, first=False)
            if not part:
                return b""
            unread += part
        return unread

    def read(self, count: int, *, first: bool) -> bytes:
        """Bytes of the current stream; empty at its end.

        Args:
            first: the bytes are the stream's beginning.
        """
        skip = 1 if first else 0
        while True:
            self._fill()
            start = STREAM_START.search(self._ahead, skip)
            end = start.start() if start else len(self._ahead)
            if not start and not self._over:
                end -= _held_back(self._ahead[skip:])
            if end or self._over or start:
                break
            self._ahead += self._take()
        part, self._ahead = self._ahead[: min(count, end)], self._ahead[min(count, end) :]
        return part

    def _fill(self) -> None:
        if not self._ahead and not self._over:
            self._ahead = self._take()

    def _take(self) -> bytes:
        data = self._stream.read(_READ_BYTES)
        self._over = not data
        return data


def _held_back(data: bytes) -> int:
    """How many of the last bytes may be the first ones of a stream's start.

    >>> _held_back(b"..fLaC"), _held_back(b"..fLa."), _held_back(b"..f")
    (4, 0, 1)
    """
    for size in range(min(len(_STARTS[0]) - 1, len(data)), 0, -1):
        if data.endswith(tuple(start[:size] for start in _STARTS)):
            return size
    return 0


class _RestOfPart(Pipe):
    """A pipe with the given first bytes, and then the rest of one FLAC stream."""

    def __init__(self, name: str, kind: str, begins: bytes, splitter: _Splitter) -> None:
        super().__init__()
        self.name, self.kind = name, kind
        self._splitter = splitter
        self.unread(begins)

    def _read_some(self, count: int) -> bytes:
        return b"" if self.is_stopped else self._splitter.read(count, first=False)

    def _comes_before(self, deadline: float) -> bool:
        return deadline == math.inf


class _Part:
    """One FLAC stream as a file of unknown length, whose beginning can be read again."""

    def __init__(self, splitter: _Splitter) -> None:
        self._splitter = splitter
        self._kept = b""
        self._read = 0  # bytes that were read from the splitter
        self._at = 0

    def read(self, count: int) -> bytes:
        """Returns at most `count` bytes from the current position."""
        if self._at < len(self._kept):
            data = self._kept[self._at : self._at + count]
        elif self._at != self._read:
            return b""
        else:
            data = self._splitter.read(count, first=self._read == 0)
            while len(data) < count <= _HEADER_BYTES:
                more = self._splitter.read(count - len(data), first=False)
                if not more:
                    break
                data += more
            if self._read == len(self._kept) and len(self._kept) < _KEPT_BYTES:
                self._kept += data
            self._read += len(data)
        self._at += len(data)
        return data

    @property
    def header(self) -> bytes:
        """The stream's beginning, changed to an unknown length and no other metadata."""
        begins = bytearray(self._kept[:_STREAMINFO_ENDS])
        begins[4] |= 0x80  # STREAMINFO is the last metadata
        begins[_TOTAL_AT] &= 0xF0
        begins[_TOTAL_AT + 1 :] = bytes(_STREAMINFO_ENDS - _TOTAL_AT - 1)  # no length, no MD5
        return bytes(begins)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position; only kept bytes, and those that come next, can then be read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: _ENDLESS}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """The current position."""
        return self._at

    def write(self, data: bytes) -> int:
        """Raise an error: libsndfile wants this method, and never calls it."""
        raise OSError(f"{len(data)} bytes cannot be written here")
