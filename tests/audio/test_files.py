"""Audio files of every kind become s16le mono at the session's rate."""

import os
import random
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.audio.media import ffmpeg
from tests.audio.tones import pcm, similar, taken, tone, values, write
from tests.requirements import require_programs
from transcribe_cli.audio.ffmpeg import FfmpegSource
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.flac_source import FlacSource
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.pcm_source import PcmSource
from transcribe_cli.audio.sndfile_source import SndfileSource
from transcribe_cli.audio.source import SourceWarning
from transcribe_cli.audio.wav import header
from transcribe_cli.errors import AudioError

RATE_HZ = 16000


def refusal(path: Path) -> AudioError:
    with pytest.raises(AudioError) as refused:
        open_file(path, RATE_HZ)
    return refused.value


@pytest.fixture
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_sixteen_bit_mono_passes_bit_for_bit(tmp_path: Path) -> None:
    samples = pcm(*range(-20000, 20000, 3))
    path = write(tmp_path / "a.wav", np.frombuffer(samples, "<i2"), RATE_HZ)

    source = open_file(path, RATE_HZ)

    assert (source.name, source.kind, source.live) == ("a.wav", "file", False)
    assert source.length_s == pytest.approx(len(samples) / 32000)
    assert taken(source) == (samples, [])


@pytest.mark.parametrize(
    ("name", "subtype", "rate_hz", "channels"),
    [
        ("a.wav", "PCM_16", 44100, 1),
        ("a.wav", "PCM_16", 16000, 2),
        ("a.wav", "PCM_16", 48000, 8),
        ("a.wav", "PCM_24", 16000, 1),
        ("a.wav", "PCM_U8", 8000, 1),
        ("a.wav", "FLOAT", 16000, 1),
        ("a.wav", "DOUBLE", 22050, 2),
        ("a.wav", "ULAW", 16000, 1),
        ("a.flac", "PCM_16", 16000, 1),
        ("a.flac", "PCM_24", 44100, 2),
        ("a.ogg", "VORBIS", 44100, 2),
        ("a.ogg", "OPUS", 48000, 1),
        ("a.mp3", "MPEG_LAYER_III", 44100, 2),
        ("a.aiff", "PCM_16", 16000, 1),
        ("a.aiff", "PCM_16", 44100, 2),
    ],
)
def test_every_format_sounds_the_same(
    tmp_path: Path, name: str, subtype: str, rate_hz: int, channels: int
) -> None:
    path = write(tmp_path / name, tone(rate_hz, 1.0, channels=channels), rate_hz, subtype)

    source = open_file(path, RATE_HZ)
    audio, reports = taken(source)

    assert isinstance(source, SndfileSource | PcmSource | FlacSource)
    assert reports == []
    assert abs(len(audio) / 32000 - 1.0) < 0.06
    if name == "a.mp3":
        assert np.abs(values(audio)).max() == pytest.approx(16384, rel=0.05)
    else:
        assert similar(audio, tone(RATE_HZ, 1.0)[:, 0], 0.06)


def test_float_file_that_is_too_loud_is_clipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5]), RATE_HZ, "FLOAT")

    assert taken(open_file(path, RATE_HZ))[0] == pcm(32767, -32768, 16384)


def test_blocks_hold_whole_frames_of_a_quarter_of_a_second(tmp_path: Path) -> None:
    source = open_file(write(tmp_path / "a.wav", tone(RATE_HZ, 1.1), RATE_HZ), RATE_HZ)
    lengths = [len(block) for block in source.blocks(lambda _: None)]
    source.close()

    assert lengths == [8000] * 4 + [3200]


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 44100], ids=["as it is", "converted"])
def test_stop_ends_a_file_before_its_next_block(rate_hz: int, tmp_path: Path) -> None:
    source = open_file(write(tmp_path / "a.wav", tone(rate_hz, 5.0), rate_hz), RATE_HZ)
    blocks = source.blocks(lambda _: None)
    next(blocks)
    source.stop()

    assert list(blocks) == []
    source.close()
    source.close()


def test_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(RATE_HZ, 1.0), RATE_HZ)
    path.write_bytes(path.read_bytes()[: 44 + 16000])

    audio, reports = taken(open_file(path, RATE_HZ))

    assert len(audio) == 16000
    assert reports == [SourceWarning("'a.wav' ends before its header says it does")]


@pytest.mark.parametrize(
    "size", [0, 0x7FFFF000, 0x7FFFF000 - 36, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE]
)
def test_size_that_is_unknown_is_no_reason_to_warn(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav", tone(RATE_HZ, 0.5), RATE_HZ)
    data = bytearray(path.read_bytes())
    data[40:44] = size.to_bytes(4, "little")
    path.write_bytes(data)

    audio, reports = taken(open_file(path, RATE_HZ))

    assert len(audio) == 16000
    assert reports == []


def test_wavs_one_after_the_other_are_all_read(tmp_path: Path) -> None:
    samples = pcm(*range(1000))
    one = header(AudioFormat(16000), len(samples)) + samples
    (tmp_path / "a.wav").write_bytes(one * 3)

    source = open_file(tmp_path / "a.wav", 16000)

    assert source.length_s == pytest.approx(3000 / 16000, abs=0.01)
    assert taken(source)[0] == samples * 3


def test_a_wav_of_another_encoding_behind_one_is_told(tmp_path: Path) -> None:
    samples = pcm(*range(1000))
    mulaw = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 7, 1, 16000, 16000, 1, 8)
    mulaw += b"data" + struct.pack("<I", 1000) + bytes(1000)
    head = header(AudioFormat(16000), len(samples))
    (tmp_path / "a.wav").write_bytes(head + samples + mulaw)

    audio, reports = taken(open_file(tmp_path / "a.wav", 16000))

    assert audio == samples
    assert [type(report) for report in reports] == [SourceWarning]


def test_header_alone_is_no_audio(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.zeros(0), RATE_HZ)

    assert "holds no audio" in refusal(path).message


def test_missing_file_is_told(tmp_path: Path) -> None:
    failed = refusal(tmp_path / "none.wav")

    assert failed.message == f"There is no file '{tmp_path / 'none.wav'}'."
    assert failed.hint


def test_directory_is_told(tmp_path: Path) -> None:
    assert "is a directory" in refusal(tmp_path).message


def test_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()

    assert "is empty" in refusal(tmp_path / "a.wav").message


@pytest.mark.parametrize("suffix", ["raw", "pcm", "ulaw"])
def test_a_file_without_a_header_is_told_how_to_give_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(bytes(20_000))

    assert "--raw" in refusal(path).hint


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
def test_pipe_with_a_name_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    failed = refusal(tmp_path / "pipe")

    assert "is no file" in failed.message
    assert "aai-stream file -" in failed.hint


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may read everything")
def test_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(RATE_HZ, 0.1), RATE_HZ)
    path.chmod(0)

    assert "cannot be read" in refusal(path).message


@pytest.mark.usefixtures("no_ffmpeg")
def test_what_is_no_audio_is_told_with_a_hint_at_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(1000))

    failed = refusal(path)

    assert "no audio that is known here" in failed.message
    assert "ffmpeg" in failed.hint


# Through ffmpeg.


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.webm", "a.mkv"])
@pytest.mark.first(1)
def test_media_that_libsndfile_does_not_know_go_through_ffmpeg(tmp_path: Path, name: str) -> None:
    wav = write(tmp_path / "in.wav", tone(44100, 1.0, channels=2), 44100)
    video = ["-f", "lavfi", "-i", "color=s=16x16:d=1"] if name == "a.mp4" else []
    ffmpeg(*video, "-i", wav, tmp_path / name)

    source = open_file(tmp_path / name, RATE_HZ)
    audio, reports = taken(source)

    assert isinstance(source, FfmpegSource)
    assert reports == []
    assert abs(len(audio) / 32000 - 1.0) < 0.15
    assert np.abs(values(audio)).max() == pytest.approx(16384, rel=0.1)


def test_what_ffmpeg_says_of_a_file_without_audio_is_told(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=s=16x16:d=1", tmp_path / "silent.mp4")

    failed = refusal(tmp_path / "silent.mp4")

    assert "has no audio track" in failed.message
    assert failed.hint


def test_text_is_no_audio(tmp_path: Path) -> None:
    require_programs("ffmpeg")
    (tmp_path / "a.txt").write_text("hello\n" * 100)

    assert "no audio that is known here" in refusal(tmp_path / "a.txt").message


def test_file_whose_name_looks_like_an_option_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav = write(tmp_path / "in.wav", tone(16000, 0.5), 16000)
    ffmpeg("-i", wav, tmp_path / "-y.m4a")
    monkeypatch.chdir(tmp_path)

    assert len(taken(open_file(Path("-y.m4a"), RATE_HZ))[0]) > 14000


def test_stopped_ffmpeg_is_ended(tmp_path: Path) -> None:
    wav = write(tmp_path / "in.wav", tone(16000, 30.0), 16000)
    ffmpeg("-i", wav, tmp_path / "a.m4a")
    source = open_file(tmp_path / "a.m4a", RATE_HZ)
    blocks = source.blocks(lambda _: None)
    next(blocks)
    source.stop()

    assert list(blocks) == []
    source.close()
    source.close()


_NOISY_FFMPEG = """#!/bin/sh
cat "$(dirname "$0")/header"
head -c 64000 /dev/zero
i=0; while [ $i -lt 5000 ]; do echo "decode error $i ...................." >&2; i=$((i+1)); done
head -c 64000 /dev/zero
exit 1
"""


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for ffmpeg")
def test_damaged_media_do_not_make_ffmpeg_wait_for_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").write_text(_NOISY_FFMPEG)
    (tmp_path / "bin" / "ffmpeg").chmod(0o755)
    (tmp_path / "bin" / "header").write_bytes(header(AudioFormat(RATE_HZ), 0))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    (tmp_path / "a.m4a").write_bytes(b"damaged")
    source = open_file(tmp_path / "a.m4a", RATE_HZ)
    audio = b""

    with pytest.raises(AudioError) as failed:
        for block in source.blocks(lambda _: None):
            audio += block
    source.close()

    assert len(audio) == 128_000
    assert "decode error 4999" in failed.value.message


def test_what_libmpg123_thinks_of_a_damaged_mp3_is_kept_from_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, np.sin(np.arange(160_000) * 0.05) * 0.5, 16000)
    damaged = bytearray(path.read_bytes())
    for at in range(3000, len(damaged) - 3000, 700):
        damaged[at : at + 80] = random.Random(at).randbytes(80)
    path.write_bytes(damaged)

    source = SndfileSource(path, 16000)
    heard = sum(len(block) for block in source.blocks(lambda _: None))
    source.close()

    assert heard > 5 * 32_000
    assert capfd.readouterr().err == ""


def test_flac_that_was_written_to_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    require_programs("ffmpeg")
    wav = write(tmp_path / "in.wav", tone(16000, 1.0), 16000)
    made = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", wav, "-f", "flac", "-"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (tmp_path / "a.flac").write_bytes(made.stdout)

    source = open_file(tmp_path / "a.flac", RATE_HZ)

    assert source.length_s is None
    assert taken(source)[0] == wav.read_bytes()[44:]
