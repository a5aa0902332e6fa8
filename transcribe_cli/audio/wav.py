"""WAV headers: writing one that is valid at every moment, reading one from a pipe.

Source: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE) and
WAVE_FORMAT_EXTENSIBLE. A size that does not fit 32 bits is written as 0xFFFFFFFF, which players
read as "until the end of the file", as they do the 0 or 0xFFFFFFFF that programs write to a pipe.
"""

import struct
from typing import NamedTuple, Protocol

from transcribe_cli.audio.format import SAMPLE_BYTES, AudioFormat

HEADER_BYTES = 44
RIFF_SIZE_AT = 4
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PATCH = struct.Struct("<I32sI")
_UNKNOWN = 0xFFFFFFFF

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class BadWav(ValueError):
    """The bytes are no WAV that can be read from a pipe; `str()` says why."""


class WavHeader(NamedTuple):
    """What a WAV's samples look like.

    Attributes:
        encoding: a NumPy type string of one sample: `u1`, `<i2`, `i24`, `<i4`, `<f4` or `<f8`.
        data_bytes: how many bytes of samples follow; None when the header does not know.
    """

    rate_hz: int
    channels: int
    encoding: str
    data_bytes: int | None


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


class SizesPatch:
    """What an append writes over a header that stands already, `RIFF_SIZE_AT` bytes into it.

    It runs from the first of the two sizes to the second, so that one write does.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self._between = header(audio, 0)[RIFF_SIZE_AT + 4 : HEADER_BYTES - 4]

    def __call__(self, data_bytes: int) -> bytes:
        """The patch for a header before so many bytes of samples."""
        riff_bytes = data_bytes + HEADER_BYTES - 8
        if riff_bytes > _UNKNOWN:
            riff_bytes, data_bytes = _UNKNOWN, min(data_bytes, _UNKNOWN)
        return _PATCH.pack(riff_bytes, self._between, data_bytes)


def read_header(stream: _Reader) -> WavHeader:
    """Read a header from a stream that cannot seek, up to the first sample.

    Raises:
        BadWav: it ends early, has no samples, or an encoding that is not plain PCM or float.
    """
    riff, _, wave = struct.unpack("<4sI4s", _exactly(stream, 12))
    if riff not in (b"RIFF", b"RF64") or wave != b"WAVE":
        raise BadWav("it has no RIFF WAVE header")
    found: tuple[int, int, str] | None = None
    while True:
        name, size = struct.unpack("<4sI", _exactly(stream, 8))
        if name == b"data":
            if found is None:
                raise BadWav("its samples come before their description")
            known = None if size in (0, _UNKNOWN) else size
            return WavHeader(*found, data_bytes=known)
        body = _exactly(stream, size + size % 2)
        if name == b"fmt ":
            found = _read_fmt(body)


def _read_fmt(body: bytes) -> tuple[int, int, str]:
    if len(body) < 16:
        raise BadWav("its description is too short")
    tag, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack("<H", body[24:26])[0]
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
    return rate_hz, channels, encoding


def _exactly(stream: _Reader, count: int) -> bytes:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            raise BadWav("it ends within its header")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
