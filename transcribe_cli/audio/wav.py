"""WAV headers as bytes: written, patched while a file grows (`audio_log.py`), repaired, read.

Source: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE) and
WAVE_FORMAT_EXTENSIBLE. A size that does not fit 32 bits is written as 0xFFFFFFFF, which players
read as "until the end of the file", as they do the 0 or 0xFFFFFFFF that programs write to a pipe.
"""

import os
import struct
from typing import BinaryIO, NamedTuple, Protocol

from transcribe_cli.audio.format import SAMPLE_BYTES, AudioFormat

HEADER_BYTES = 44
RIFF_SIZE_AT = 4
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PATCH = struct.Struct("<I32sI")
_UNKNOWN = 0xFFFFFFFF

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_STARTS = (b"RIFF", b"RF64", b"BW64")
_MOST_FMT_BYTES = 1 << 10
_MOST_BYTES = 1 << 50
# The bytes after the format number in a sub-format's GUID: those of ksmedia.h, and of Ambisonics.
_KNOWN_GUIDS = (
    bytes.fromhex("000000001000800000aa00389b71"),
    bytes.fromhex("00002107d3118644c8c1ca000000"),
)


class BadWav(ValueError):
    """The bytes are not a WAV that can be read from a pipe; `str()` says why."""


class WavHeader(NamedTuple):
    """The format of a WAV's samples.

    Attributes:
        encoding: a NumPy type string of one sample: `u1`, `<i2`, `i24`, `<i4`, `<f4` or `<f8`.
        data_bytes: how many bytes of samples follow; None if the header does not say.
        mask: which speakers the channels are for, as in WAVE_FORMAT_EXTENSIBLE; 0: unknown.
    """

    rate_hz: int
    channels: int
    encoding: str
    data_bytes: int | None
    mask: int = 0

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        width = {"u1": 1, "i24": 3}.get(self.encoding) or int(self.encoding[-1])
        return width * self.channels


class _Reader(Protocol):
    def read(self, count: int, /) -> bytes: ...


def header(audio: AudioFormat, data_bytes: int) -> bytes:
    """The 44 bytes before `data_bytes` of samples."""
    return _HEADER.pack(
        b"RIFF",
        min(data_bytes + HEADER_BYTES - 8, _UNKNOWN),
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        audio.channels,
        audio.rate_hz,
        audio.rate_hz * audio.frame_bytes,
        audio.frame_bytes,
        8 * SAMPLE_BYTES,
        b"data",
        min(data_bytes, _UNKNOWN),
    )


def repair_header(file: BinaryIO, audio: AudioFormat) -> bool:
    """Correct the lengths in a header that this program wrote; samples are not changed. Returns
    whether any was wrong.

    Args:
        file: open for reading and writing; it holds only a header and samples.
    """
    samples = max(0, file.seek(0, os.SEEK_END) - HEADER_BYTES)
    right = header(audio, samples - samples % audio.frame_bytes)
    file.seek(0)
    if file.read(HEADER_BYTES) == right:
        return False
    file.seek(0)
    file.write(right)
    return True


class SizesPatch:
    """The bytes that an append writes over an existing header, from `RIFF_SIZE_AT` on.

    They reach from the first of the two sizes to the second, so that one write is enough.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self._between = header(audio, 0)[RIFF_SIZE_AT + 4 : HEADER_BYTES - 4]

    def __call__(self, data_bytes: int) -> bytes:
        """The patch for a header in front of `data_bytes` bytes of samples."""
        riff_bytes = data_bytes + HEADER_BYTES - 8
        if riff_bytes > _UNKNOWN:
            riff_bytes, data_bytes = _UNKNOWN, min(data_bytes, _UNKNOWN)
        return _PATCH.pack(riff_bytes, self._between, data_bytes)


def read_header(stream: _Reader) -> WavHeader:
    """Read a header from a stream that cannot seek, up to the first sample.

    Raises:
        BadWav: the header ends early, or the samples are missing or not plain PCM or float.
    """
    riff, _, wave = struct.unpack("<4sI4s", _exactly(stream, 12))
    if riff not in _STARTS or wave != b"WAVE":
        raise BadWav("it has no RIFF WAVE header")
    found: WavHeader | None = None
    long_size: int | None = None
    name, size = struct.unpack("<4sI", _exactly(stream, 8))
    while name != b"data":
        body = _exactly(stream, min(size, _MOST_FMT_BYTES))
        _pass_over(stream, size - len(body))
        if name == b"fmt ":
            found = _read_fmt(body)
        elif name == b"ds64" and len(body) >= 16:
            long_size = struct.unpack("<Q", body[8:16])[0]
        # A byte 0 pads an odd size. Some programs leave it out.
        pad = _exactly(stream, 1) if size % 2 else b""
        start = b"" if pad == b"\0" else pad
        name, size = struct.unpack("<4sI", start + _exactly(stream, 8 - len(start)))
    if found is None:
        raise BadWav("its samples come before their description")
    if size == _UNKNOWN and long_size is not None:
        return found._replace(data_bytes=long_size if 0 < long_size < _MOST_BYTES else None)
    return found._replace(data_bytes=None if _is_placeholder(size) else size)


def _is_placeholder(size: int) -> bool:
    """Whether programs write this for an unknown size: sox 0x7FFFF000, others the maximum."""
    return size == 0 or 0x7FFFEF00 <= size <= 0x80000000 or size >= _UNKNOWN - 0xFF


def _read_fmt(body: bytes) -> WavHeader:
    if len(body) < 16:
        raise BadWav("its description is too short")
    tag, channels, rate_hz, _, frame_bytes, bits = struct.unpack("<HHIIHH", body[:16])
    mask = 0
    if tag == _EXTENSIBLE and len(body) >= 40:
        mask = struct.unpack("<I", body[20:24])[0]
        tag = struct.unpack("<H", body[24:26])[0] if body[26:40] in _KNOWN_GUIDS else tag
    encodings = {
        (_PCM, 8): "u1",
        (_PCM, 16): "<i2",
        (_PCM, 24): "i24",
        (_PCM, 32): "<i4",
        (_FLOAT, 32): "<f4",
        (_FLOAT, 64): "<f8",
    }
    encoding = encodings.get((tag, bits))
    if encoding is None:
        raise BadWav(f"its encoding (format {tag}, {bits} bits) is not plain PCM or float")
    if not channels or not rate_hz:
        raise BadWav("it has no channels or no rate")
    header = WavHeader(rate_hz, channels, encoding, None, mask)
    if frame_bytes not in (0, header.frame_bytes):
        raise BadWav("its frames have an odd size")
    return header


class WavSamples:
    """The samples behind a header, up to their real end.

    A size that is a placeholder, or smaller than what follows, is ignored: programs that write to a
    pipe, or more than 4 GB, cannot write the right one. A WAV that follows this one (`cat a.wav
    b.wav`) is read as well.

    Attributes:
        has_other: a WAV follows that cannot be read on, because its samples have another format.
    """

    def __init__(self, stream: _Reader, header: WavHeader) -> None:
        self.has_other = False
        self._stream = stream
        self._header = header
        self._size = header.data_bytes
        self._left = self._size

    @property
    def missing_bytes(self) -> int:
        """How many of the promised bytes have not been read."""
        return self._left or 0

    def read(self, count: int, /) -> bytes:
        """Returns at most `count` bytes of samples; empty at their end."""
        while self._left == 0:
            assert self._size is not None
            after = _up_to(self._stream, 8 + self._size % 2)
            if not ends_samples(after, self._size):
                self._left = None
                return after
            if not self._find_next(after):
                return b""
        if self._left is None:
            return self._stream.read(count)
        data = self._stream.read(min(count, self._left))
        self._left -= len(data)
        return data

    def _find_next(self, after: bytes) -> bool:
        """Go to the first sample of a WAV that follows, also behind other chunks."""
        stream = _Unread(after, self._stream)
        if (self._size or 0) % 2 and after[:1] == b"\0":  # the padding of an odd size
            stream.read(1)
        try:
            while (head := _exactly(stream, 8))[:4] not in _STARTS:
                size = int.from_bytes(head[4:], "little")
                _pass_over(stream, size + size % 2)
        except BadWav:
            return False
        try:
            found = read_header(_Unread(head, stream))
        except BadWav:  # its encoding cannot be read here
            self.has_other = True
            return False
        is_alike = found._replace(data_bytes=None) == self._header._replace(data_bytes=None)
        self.has_other = not is_alike or (self._size or 0) % found.frame_bytes != 0
        self._size = self._left = found.data_bytes
        return not self.has_other


class _Unread:
    """A stream with some bytes put back in front."""

    def __init__(self, read: bytes, stream: _Reader) -> None:
        self._read = read
        self._stream = stream

    def read(self, count: int, /) -> bytes:
        """Returns at most `count` bytes."""
        if not self._read:
            return self._stream.read(count)
        data, self._read = self._read[:count], self._read[count:]
        return data


def ends_samples(after: bytes, size: int) -> bool:
    """Whether the samples end here, as their size says: a chunk follows, or nothing."""
    return len(after) < 8 or any(_begins_chunk(after[at:]) for at in range(1 + size % 2))


def begins_wav(after: bytes, size: int) -> bool:
    """Whether another WAV follows after `size` bytes of samples.

    >>> begins_wav(b"RIFF....", 2), begins_wav(b"LIST....", 2)
    (True, False)
    """
    return any(after[at : at + 4] in _STARTS for at in range(1 + size % 2))


def _begins_chunk(after: bytes) -> bool:
    """Whether these bytes are a chunk's name and size, or a tag, and no samples."""
    name = after[:4]
    return (name.isascii() and name.decode("ascii").isprintable()) or name[:3] == b"ID3"


def _pass_over(stream: _Reader, count: int) -> None:
    while count:
        count -= len(_exactly(stream, min(count, 1 << 16)))


def _exactly(stream: _Reader, count: int) -> bytes:
    data = _up_to(stream, count)
    if len(data) < count:
        raise BadWav("it ends within its header")
    return data


def _up_to(stream: _Reader, count: int) -> bytes:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
