"""A plain WAV goes past libsndfile, and no file may show the difference."""

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audio.tones import pcm, taken
from transcribe_cli.audio import files
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.plain_wav_source import open_plain
from transcribe_cli.errors import AudioError

RATE_HZ = 16000
SAMPLES = pcm(*range(-9000, 9000))  # a bit over 1 s: four whole blocks, and a part of one


def chunk(name: bytes, body: bytes, size: int | None = None, *, padded: bool = True) -> bytes:
    pad = bytes(len(body) % 2 if padded else 0)
    return name + struct.pack("<I", len(body) if size is None else size) + body + pad


def fmt(channels: int = 1, rate_hz: int = RATE_HZ, bits: int = 16, tag: int = 1) -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)


def wav(*chunks: bytes, size: int | None = None, riff: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return riff + struct.pack("<I", len(body) if size is None else size) + body


FMT = chunk(b"fmt ", fmt())
DATA = chunk(b"data", SAMPLES)
TEXTS = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 4) + b"tool")
GUID = bytes.fromhex("0100000000001000800000aa00389b71")
EXTENSIBLE = fmt(tag=0xFFFE) + struct.pack("<HHI", 22, 16, 4) + GUID

PLAIN = {
    "as our own log writes it": wav(FMT, DATA),
    "texts before the samples": wav(FMT, TEXTS, DATA),
    "texts after the samples": wav(FMT, DATA, TEXTS),
    "one sample": wav(FMT, chunk(b"data", SAMPLES[:2])),
    "whole blocks": wav(FMT, chunk(b"data", SAMPLES[:16000])),
    "padding before the samples": wav(FMT, chunk(b"JUNK", bytes(28)), DATA),
}
ODD = {
    "cut off": wav(FMT, DATA)[:-1000],
    "cut off within a sample": wav(FMT, DATA)[:-1001],
    "cut off within its header": wav(FMT, DATA)[:41],
    "a size of 0": wav(FMT, chunk(b"data", SAMPLES, 0), size=0),
    "an unknown size": wav(FMT, chunk(b"data", SAMPLES, 0xFFFFFFFF), size=0xFFFFFFFF),
    "sox's unknown size": wav(FMT, chunk(b"data", SAMPLES, 0x7FFFF000), size=0x7FFFF024),
    "more than its header says": wav(FMT, chunk(b"data", SAMPLES, 8000)),
    "more than its header says, and right sums": wav(FMT, chunk(b"data", SAMPLES[:8000])) + SAMPLES,
    "texts of an odd size": wav(FMT, chunk(b"LIST", b"INFOabcde"), DATA),
    "texts of an odd size without padding": wav(FMT, chunk(b"LIST", b"INFOa", padded=False), DATA),
    "samples of an odd size": wav(FMT, chunk(b"data", SAMPLES[:-1])),
    "extensible": wav(chunk(b"fmt ", EXTENSIBLE), DATA),
    "a longer description": wav(chunk(b"fmt ", fmt() + bytes(2)), DATA),
    "texts before the description": wav(TEXTS, FMT, DATA),
    "no samples": wav(FMT, chunk(b"data", b"")),
    "no chunk of samples": wav(FMT, TEXTS),
    "two chunks of samples": wav(FMT, DATA, DATA),
    "samples before the description": wav(DATA, FMT),
    "an unknown chunk": wav(FMT, chunk(b"zzzz", bytes(6)), DATA),
    "stereo": wav(chunk(b"fmt ", fmt(channels=2)), DATA),
    "eight bits": wav(chunk(b"fmt ", fmt(bits=8)), DATA),
    "another rate": wav(chunk(b"fmt ", fmt(rate_hz=8000)), DATA),
    "a wrong frame size": wav(chunk(b"fmt ", fmt()[:-4] + struct.pack("<HH", 4, 16)), DATA),
    "a wrong byte rate": wav(chunk(b"fmt ", fmt()[:8] + bytes(4) + fmt()[12:]), DATA),
    "a wrong whole size": wav(FMT, DATA, size=36),
    "big-endian": wav(FMT, DATA, riff=b"RIFX"),
    "RF64": wav(FMT, DATA, riff=b"RF64"),
    "empty": b"",
    "twelve bytes": wav()[:12],
}


def is_plain(path: Path) -> bool:
    source = open_plain(path, RATE_HZ, 4000)
    if source is not None:
        source.close()
    return source is not None


def heard(path: Path) -> tuple[Any, ...]:
    """Everything that a run sees of a file: its name, length, blocks and warnings, or its error."""
    try:
        source = open_file(path, RATE_HZ)
        try:
            return (source.name, source.length_s, source.path, *taken(source))
        finally:
            source.close()
    except AudioError as e:
        return (e.message, e.hint)


def decoded(path: Path) -> tuple[Any, ...]:
    """The same by libsndfile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "open_plain", lambda *_: None)
        return heard(path)


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_file_is_what_libsndfile_makes_of_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(PLAIN[name])

    assert is_plain(path)
    assert heard(path) == decoded(path)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_left_to_libsndfile(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(ODD[name])

    assert not is_plain(path)
    assert heard(path) == decoded(path)


@given(
    before=st.lists(st.sampled_from([TEXTS, chunk(b"fact", bytes(4)), b"\0"]), max_size=2),
    samples=st.integers(0, 9000),
    after=st.lists(st.sampled_from([TEXTS, chunk(b"bext", bytes(602)), b"\0"]), max_size=2),
    flipped=st.none() | st.tuples(st.integers(0, 60), st.integers(1, 255)),
    cut=st.integers(0, 60),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_header_whatever_shows_the_difference(
    before: list[bytes],
    samples: int,
    after: list[bytes],
    flipped: tuple[int, int] | None,
    cut: int,
    tmp_path: Path,
) -> None:
    whole = bytearray(wav(FMT, *before, chunk(b"data", SAMPLES[: 2 * samples]), *after))
    if flipped is not None and flipped[0] < len(whole):
        whole[flipped[0]] ^= flipped[1]
    path = tmp_path / "a.wav"
    path.write_bytes(whole[: len(whole) - cut])

    if is_plain(path):
        assert heard(path) == decoded(path)


def test_a_file_that_is_cut_while_it_is_read_ends_there(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(FMT, DATA))
    source = open_file(path, RATE_HZ)
    blocks = source.blocks(lambda _: None)
    first = next(blocks)
    path.write_bytes(wav(FMT, DATA)[: 44 + 8000 + 3])

    assert [first, *blocks] == [SAMPLES[:8000], SAMPLES[8000:8002]]
    source.close()


def test_a_plain_file_is_stopped_between_two_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(FMT, DATA))
    source = open_file(path, RATE_HZ)
    blocks = source.blocks(lambda _: None)
    next(blocks)
    source.stop()

    assert list(blocks) == []
    source.close()


def test_a_plain_file_takes_no_numpy(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(FMT, DATA))
    script = (
        "import sys; from pathlib import Path; from transcribe_cli.audio.files import open_file;"
        "source = open_file(Path(sys.argv[1]), 16000); blocks = list(source.blocks(print));"
        "source.close(); print(len(b''.join(blocks)), {'numpy', 'soundfile'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(len(SAMPLES)), "set()"]
