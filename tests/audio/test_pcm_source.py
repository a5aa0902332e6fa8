"""WAV files, whatever their header says of their size; none of them needs libsndfile or numpy."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.audio.tones import pcm, similar, taken, tone, values
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.pcm_source import PcmSource
from transcribe_cli.audio.source import SourceWarning
from transcribe_cli.errors import AudioError

RATE_HZ = 16000
SAMPLES = pcm(*range(-9000, 9000))  # a bit over 1 s: four whole blocks, and a part of one
ENDS_EARLY = [SourceWarning("'a.wav' ends before its header says it does")]


def chunk(name: bytes, body: bytes, size: int | None = None, *, padded: bool = True) -> bytes:
    pad = bytes(len(body) % 2 if padded else 0)
    return name + struct.pack("<I", len(body) if size is None else size) + body + pad


def fmt(channels: int = 1, rate_hz: int = RATE_HZ, bits: int = 16, tag: int = 1) -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)


def wav(*chunks: bytes, size: int | None = None, riff: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return riff + struct.pack("<I", len(body) if size is None else size) + body


def ds64(size: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", size + 72, size, size // 2, 0))


FMT = chunk(b"fmt ", fmt())
DATA = chunk(b"data", SAMPLES)
UNKNOWN = chunk(b"data", SAMPLES, 0xFFFFFFFF)
TEXTS = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 4) + b"tool")
GUID = bytes.fromhex("0100000000001000800000aa00389b71")
EXTENSIBLE = fmt(tag=0xFFFE) + struct.pack("<HHI", 22, 16, 4) + GUID

WHOLE = {
    "as our own log writes it": wav(FMT, DATA),
    "texts before the samples": wav(FMT, TEXTS, DATA),
    "texts after the samples": wav(FMT, DATA, TEXTS),
    "padding before the samples": wav(FMT, chunk(b"JUNK", bytes(28)), DATA),
    "a size of 0": wav(FMT, chunk(b"data", SAMPLES, 0), size=0),
    "an unknown size": wav(FMT, UNKNOWN, size=0xFFFFFFFF),
    "sox's unknown size": wav(FMT, chunk(b"data", SAMPLES, 0x7FFFF000), size=0x7FFFF024),
    "more than its header says": wav(FMT, chunk(b"data", SAMPLES, 8000)),
    "more than its header says, and right sums": wav(FMT, chunk(b"data", SAMPLES[:8000]))
    + SAMPLES[8000:],
    "a tag of MP3 after the samples": wav(FMT, DATA) + b"ID3\x03" + bytes(200),
    "texts of an odd size": wav(FMT, chunk(b"LIST", b"INFOabcde"), DATA),
    "texts of an odd size without padding": wav(FMT, chunk(b"LIST", b"INFOa", padded=False), DATA),
    "extensible": wav(chunk(b"fmt ", EXTENSIBLE), DATA),
    "a longer description": wav(chunk(b"fmt ", fmt() + bytes(2)), DATA),
    "texts before the description": wav(TEXTS, FMT, DATA),
    "an unknown chunk": wav(FMT, chunk(b"zzzz", bytes(6)), DATA),
    "a wrong byte rate": wav(chunk(b"fmt ", fmt()[:8] + bytes(4) + fmt()[12:]), DATA),
    "a wrong whole size": wav(FMT, DATA, size=36),
    "RF64": wav(ds64(len(SAMPLES)), FMT, UNKNOWN, riff=b"RF64"),
    "RF64 that does not know": wav(ds64(0), FMT, UNKNOWN, riff=b"RF64"),
    "RF64 that says less": wav(ds64(8000), FMT, UNKNOWN, riff=b"RF64"),
    "BW64": wav(ds64(len(SAMPLES)), FMT, UNKNOWN, riff=b"BW64"),
}
CUT_OFF = {
    "cut off": (wav(FMT, DATA)[:-1000], SAMPLES[:-1000]),
    "cut off within a sample": (wav(FMT, DATA)[:-1001], SAMPLES[:-1002]),
    "RF64 that says more": (wav(ds64(10**12), FMT, UNKNOWN, riff=b"RF64"), SAMPLES),
}
NONE = {
    "cut off within its header": wav(FMT, DATA)[:41],
    "no samples": wav(FMT, chunk(b"data", b"")),
    "no chunk of samples": wav(FMT, TEXTS),
    "twelve bytes": wav()[:12],
    "empty": b"",
}


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", WHOLE)
def test_all_samples_are_read_whatever_the_header_says(name: str, tmp_path: Path) -> None:
    source = open_file(written(tmp_path, WHOLE[name]), RATE_HZ)

    assert isinstance(source, PcmSource)
    assert source.length_s == pytest.approx(len(SAMPLES) / 32000, abs=0.01)
    audio, reports = taken(source)
    assert audio[: len(SAMPLES)] == SAMPLES
    assert len(audio) == len(SAMPLES)
    assert reports == []


@pytest.mark.parametrize("name", CUT_OFF)
def test_file_that_ends_early_is_read_to_there_and_told(name: str, tmp_path: Path) -> None:
    data, samples = CUT_OFF[name]

    assert taken(open_file(written(tmp_path, data), RATE_HZ)) == (samples, ENDS_EARLY)


@pytest.mark.parametrize("name", NONE)
def test_file_without_samples_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        open_file(written(tmp_path, NONE[name]), RATE_HZ)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
def test_samples_are_those_of_libsndfile(subtype: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(RATE_HZ, 0.5, channels=2), RATE_HZ, subtype, format=kind)
    expected = soundfile.read(path)[0].mean(axis=1)
    source = open_file(path, RATE_HZ)

    assert isinstance(source, PcmSource)
    assert np.abs(values(taken(source)[0]) / 32768 - expected).max() < 0.001


@pytest.mark.parametrize("rate_hz", [0, 1, 999, 4_000_000_000])
def test_rate_that_is_none_is_refused_before_it_takes_memory(rate_hz: int, tmp_path: Path) -> None:
    head = chunk(b"fmt ", fmt()[:4] + struct.pack("<I", rate_hz) + fmt()[8:])

    with pytest.raises(AudioError):
        open_file(written(tmp_path, wav(head, DATA)), RATE_HZ)


def test_block_of_very_many_channels_takes_little_memory(tmp_path: Path) -> None:
    head = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1000, 96000, 192_000_000, 2000, 16))
    frame = pcm(*([0] * 999), 16384)
    source = open_file(written(tmp_path, wav(head, chunk(b"data", 1000 * frame))), RATE_HZ)
    blocks = [len(block) for block in source.blocks(lambda _: None)]
    source.close()

    assert max(blocks) < 2000


def test_film_sound_of_a_wav_keeps_its_centre(tmp_path: Path) -> None:
    mask_5_1 = fmt(6, tag=0xFFFE) + struct.pack("<HHI", 22, 16, 0x3F) + GUID
    frames = np.zeros((RATE_HZ, 6))
    frames[:, 2] = tone(RATE_HZ, 1.0)[:, 0]
    samples = (frames * 32768).astype("<i2").tobytes()
    path = written(tmp_path, wav(chunk(b"fmt ", mask_5_1), chunk(b"data", samples)))

    assert similar(taken(open_file(path, RATE_HZ))[0], 0.707 * tone(RATE_HZ, 1.0)[:, 0])


def test_channels_that_cancel_out_are_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    voice = tone(RATE_HZ, 1.0)[:, 0]
    samples = (np.stack([voice, -voice], axis=1) * 32767).astype("<i2").tobytes()
    path = written(tmp_path, wav(chunk(b"fmt ", fmt(2)), chunk(b"data", samples)))
    audio, reports = taken(open_file(path, RATE_HZ))

    assert similar(audio, voice)
    assert reports == [
        SourceWarning(
            "'a.wav': the channels cancel each other out: the strongest one is transcribed"
        )
    ]


def test_a_file_that_is_cut_while_it_is_read_ends_there(tmp_path: Path) -> None:
    path = written(tmp_path, wav(FMT, DATA))
    source = open_file(path, RATE_HZ)
    reports: list[object] = []
    blocks = source.blocks(reports.append)
    first = next(blocks)
    path.write_bytes(wav(FMT, DATA)[: 44 + 8000 + 3])

    assert [first, *blocks] == [SAMPLES[:8000], SAMPLES[8000:8002]]
    assert reports == ENDS_EARLY
    source.close()


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path, wav(FMT, chunk(b"data", SAMPLES[:16000], 0), size=0))
    source = open_file(path, RATE_HZ)
    blocks = source.blocks(lambda _: None)
    first = next(blocks)
    with path.open("ab") as file:
        file.write(SAMPLES[16000:])

    assert b"".join([first, *blocks]) == SAMPLES
    source.close()


def test_a_plain_file_takes_no_numpy(tmp_path: Path) -> None:
    path = written(tmp_path, wav(FMT, DATA))
    script = (
        "import sys; from pathlib import Path; from transcribe_cli.audio.files import open_file;"
        "source = open_file(Path(sys.argv[1]), 16000); blocks = list(source.blocks(print));"
        "source.close(); print(len(b''.join(blocks)), {'numpy', 'soundfile'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(len(SAMPLES)), "set()"]
