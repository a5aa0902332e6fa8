"""WAV headers, written and read."""

import io
import struct
import wave

import pytest

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.wav import (
    HEADER_BYTES,
    BadWav,
    WavHeader,
    header,
    read_header,
)

GIB = 1 << 30
GUID = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    length = len(body) if size is None else size
    return name + struct.pack("<I", length) + body + b"\0" * (len(body) % 2)


def fmt(tag: int, channels: int, rate_hz: int, bits: int, extra: bytes = b"") -> bytes:
    frame = channels * bits // 8
    body = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)
    return chunk(b"fmt ", body + extra)


def riff(*chunks: bytes, magic: bytes = b"RIFF") -> io.BytesIO:
    return io.BytesIO(magic + b"\xff\xff\xff\xffWAVE" + b"".join(chunks))


def test_header_is_the_one_that_the_standard_library_reads() -> None:
    data = bytes(4800)

    with wave.open(io.BytesIO(header(AudioFormat(24000, 2), len(data)) + data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 2, 2)
        assert file.readframes(9999) == data


def test_header_has_always_the_same_length() -> None:
    assert {len(header(AudioFormat(), size)) for size in (0, 1, GIB, 9 * GIB)} == {HEADER_BYTES}


@pytest.mark.parametrize(
    ("data_bytes", "riff_field", "data_field"),
    [
        (0, 36, 0),
        (2, 38, 2),
        (4 * GIB - 38, 4 * GIB - 2, 4 * GIB - 38),
        (4 * GIB - 36, 0xFFFFFFFF, 4 * GIB - 36),
        (4 * GIB - 2, 0xFFFFFFFF, 4 * GIB - 2),
        (4 * GIB, 0xFFFFFFFF, 0xFFFFFFFF),
        (40 * GIB, 0xFFFFFFFF, 0xFFFFFFFF),
    ],
)
def test_size_that_does_not_fit_is_written_as_unknown(
    data_bytes: int, riff_field: int, data_field: int
) -> None:
    written = header(AudioFormat(), data_bytes)
    assert struct.unpack_from("<I", written, 4)[0] == riff_field
    assert struct.unpack_from("<I", written, 40)[0] == data_field


def test_header_of_ours_is_read_back() -> None:
    stream = io.BytesIO(header(AudioFormat(48000, 2), 8) + b"12345678")

    assert read_header(stream) == WavHeader(48000, 2, "<i2", 8)
    assert stream.read() == b"12345678"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_size_that_programs_write_to_a_pipe_is_unknown(size: int) -> None:
    found = read_header(riff(fmt(1, 1, 16000, 16), chunk(b"data", b"", size)))

    assert found.data_bytes is None


@pytest.mark.parametrize(
    ("tag", "bits", "encoding"),
    [
        (1, 8, "u1"),
        (1, 16, "<i2"),
        (1, 24, "i24"),
        (1, 32, "<i4"),
        (3, 32, "<f4"),
        (3, 64, "<f8"),
    ],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_encodings(tag: int, bits: int, encoding: str, extensible: bool) -> None:
    extra = b""
    if extensible:
        extra = struct.pack("<HHIH", 22, bits, 3, tag) + GUID
    stream = riff(fmt(0xFFFE if extensible else tag, 2, 44100, bits, extra), chunk(b"data", b"", 8))

    assert read_header(stream) == WavHeader(44100, 2, encoding, 8, 3 if extensible else 0)


def test_chunks_before_the_samples_are_passed_over() -> None:
    stream = riff(
        chunk(b"JUNK", b"x"), fmt(1, 1, 8000, 16), chunk(b"LIST", b"INFO!"), chunk(b"data", b"ab")
    )

    assert read_header(stream) == WavHeader(8000, 1, "<i2", 2)
    assert stream.read() == b"ab"


def test_rf64_has_an_unknown_size() -> None:
    stream = riff(
        chunk(b"ds64", bytes(28)),
        fmt(1, 1, 8000, 16),
        chunk(b"data", b"", 0xFFFFFFFF),
        magic=b"RF64",
    )

    assert read_header(stream).data_bytes is None


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (io.BytesIO(b""), "ends within its header"),
        (io.BytesIO(b"RIFF\0\0\0\0AVI LIST"), "no RIFF WAVE header"),
        (riff(), "ends within its header"),
        (riff(chunk(b"data", b"ab")), "before their description"),
        (riff(chunk(b"fmt ", b"short")), "too short"),
        (riff(fmt(1, 1, 8000, 12)), "not plain PCM or float"),
        (riff(fmt(6, 1, 8000, 8)), "format 6"),
        (riff(fmt(1, 0, 8000, 16)), "no channels"),
        (riff(fmt(1, 1, 0, 16)), "no rate"),
        (riff(fmt(1, 1, 8000, 16), b"LIST\xff\xff\xff\x7f"), "ends within its header"),
    ],
)
def test_what_is_no_wav_says_why(stream: io.BytesIO, reason: str) -> None:
    with pytest.raises(BadWav, match=reason):
        read_header(stream)


def test_header_may_come_byte_by_byte() -> None:
    class Slow(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            return super().read(1)

    stream = Slow(header(AudioFormat(), 2) + b"ab")

    assert read_header(stream) == WavHeader(16000, 1, "<i2", 2)
