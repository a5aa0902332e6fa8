"""Standard input: raw samples, a WAV of any size field, a compressed file on a pipe."""

import os
import random
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import soundfile

from tests.audio.media import make_tone
from tests.audio.tones import pcm, similar, taken, tone, values, write
from tests.program import DEADLINE_S
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.source import Source, SourceWarning
from transcribe_cli.audio.stdin import open_stdin
from transcribe_cli.audio.wav import header
from transcribe_cli.errors import AudioError

RATE_HZ = 16000
SAMPLES = pcm(*range(-8000, 8000))


@contextmanager
def piped(*parts: bytes) -> Iterator[IO[bytes]]:
    """A pipe that a thread writes these parts to and then closes."""
    reading, writing = os.pipe()

    def write_all() -> None:
        with os.fdopen(writing, "wb", buffering=0) as file:
            for part in parts:
                file.write(part)

    writer = threading.Thread(target=write_all, name="test-writer")
    writer.start()
    try:
        with os.fdopen(reading, "rb") as stream:
            yield stream
    finally:
        writer.join(DEADLINE_S)


def audio_of(*parts: bytes, rate_hz: int = RATE_HZ) -> bytes:
    with piped(*parts) as stream:
        return taken(open_stdin(stream, rate_hz))[0]


def wav(data: bytes, size: int, trailing: bytes = b"") -> bytes:
    made = bytearray(header(AudioFormat(RATE_HZ), len(data)))
    made[40:44] = struct.pack("<I", size)
    return bytes(made) + data + trailing


def test_raw_samples_pass_bit_for_bit() -> None:
    assert audio_of(SAMPLES) == SAMPLES


def test_samples_may_come_in_any_pieces() -> None:
    assert audio_of(*(SAMPLES[i : i + 7] for i in range(0, len(SAMPLES), 7))) == SAMPLES


def test_odd_byte_at_the_end_is_left_out() -> None:
    assert audio_of(SAMPLES + b"\x01") == SAMPLES


def test_very_short_input_is_audio_too() -> None:
    assert audio_of(pcm(1, 2)) == pcm(1, 2)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, len(SAMPLES)])
def test_wav_is_read_whatever_its_size_field_says(size: int) -> None:
    assert audio_of(wav(SAMPLES, size)) == SAMPLES


def test_chunks_after_the_samples_are_not_heard() -> None:
    assert audio_of(wav(SAMPLES, len(SAMPLES), b"LIST\x04\0\0\0INFO")) == SAMPLES


@pytest.mark.parametrize("between", [b"", b"LIST\x03\0\0\0abc\0"])
def test_several_wavs_one_after_the_other_are_all_heard(between: bytes) -> None:
    one = wav(SAMPLES, len(SAMPLES), trailing=between)

    assert audio_of(one, one, one) == SAMPLES * 3


def test_wav_of_other_samples_behind_the_first_is_told() -> None:
    other = header(AudioFormat(RATE_HZ * 2), len(SAMPLES)) + SAMPLES
    with piped(wav(SAMPLES, len(SAMPLES)), other) as stream:
        heard, told = taken(open_stdin(stream, RATE_HZ))

    assert heard == SAMPLES
    (warning,) = told
    assert isinstance(warning, SourceWarning)
    assert "several files in one" in warning.text


@pytest.mark.parametrize(
    ("head", "kind"), [(b"PK\x03\x04", "ZIP"), (b"%PDF-1.7", "PDF"), (b"\x89PNG\r\n", "picture")]
)
def test_what_is_surely_no_audio_is_not_sent_however_short(head: bytes, kind: str) -> None:
    failed = refusal(head + bytes(range(200)))

    assert kind in failed.message


def test_big_endian_wav_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "big.wav"
    samples = np.frombuffer(SAMPLES, "<i2")
    soundfile.write(path, samples, RATE_HZ, format="WAV", endian="BIG", subtype="PCM_16")
    assert path.read_bytes()[:4] == b"RIFX"

    assert audio_of(path.read_bytes()) == SAMPLES


def test_wav_that_ends_early_is_read_as_far_as_it_goes() -> None:
    assert audio_of(wav(SAMPLES, 2 * len(SAMPLES))) == SAMPLES


def test_wav_of_another_rate_is_resampled() -> None:
    data = (tone(48000, 1.0, channels=2) * 32768).astype("<i2").tobytes()
    made = header(AudioFormat(48000, 2), len(data)) + data

    assert similar(audio_of(made), tone(RATE_HZ, 1.0)[:, 0])


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_compressed_file_on_a_pipe_is_recognised(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, tone(44100, 1.0), 44100)

    with piped(path.read_bytes()) as stream:
        source = open_stdin(stream, RATE_HZ)
        audio, _ = taken(source)

    assert abs(len(audio) / 32000 - 1.0) < 0.06
    assert np.abs(values(audio)).max() == pytest.approx(16384, rel=0.05)


def test_what_a_pipe_was_spooled_to_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.aiff", tone(RATE_HZ, 0.1), RATE_HZ)
    (tmp_path / "spool").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spool"))

    assert audio_of(path.read_bytes())

    assert list((tmp_path / "spool").iterdir()) == []


def test_nothing_is_told() -> None:
    with piped() as stream, pytest.raises(AudioError) as refused:
        open_stdin(stream, RATE_HZ)

    assert refused.value.message == "Standard input holds no audio."


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal is of POSIX")
def test_terminal_is_told() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as stream, pytest.raises(AudioError) as refused:
        open_stdin(stream, RATE_HZ)
    os.close(ours)

    assert "terminal" in refused.value.message


def test_stop_ends_a_pipe_that_says_nothing_more() -> None:
    reading, writing = os.pipe()
    os.write(writing, SAMPLES[:1000])
    blocks: list[bytes] = []
    with os.fdopen(reading, "rb") as stream:
        source = open_stdin(stream, RATE_HZ)
        heard = threading.Event()

        def take(source: Source) -> None:
            for block in source.blocks(lambda _: None):
                blocks.append(block)
                heard.set()

        taker = threading.Thread(target=take, args=(source,), name="test-taker")
        taker.start()
        assert heard.wait(DEADLINE_S)
        source.stop()
        taker.join(DEADLINE_S)

        assert not taker.is_alive()
    os.close(writing)
    assert b"".join(blocks) == SAMPLES[:1000]


STREAMS = {
    "mp3": ["-f", "mp3", "-write_xing", "0", "-id3v2_version", "0"],
    "mp3 with a tag": ["-f", "mp3"],
    "opus": ["-c:a", "libopus", "-f", "ogg", "-page_duration", "100000"],
    "aac": ["-f", "adts"],
    "ts": ["-f", "mpegts"],
    "asf": ["-f", "asf"],
    "flv": ["-f", "flv"],
    "avi": ["-f", "avi"],
    "mkv": ["-f", "matroska", "-cluster_time_limit", "200"],
    "webm": ["-f", "webm", "-cluster_time_limit", "200"],
    "mp4": ["-f", "mp4", "-frag_duration", "200000", "-movflags", "empty_moov+default_base_moof"],
    "flac": ["-f", "flac"],
    "mu-law": ["-c:a", "pcm_mulaw", "-f", "wav"],
    "ima": ["-c:a", "adpcm_ima_wav", "-f", "wav"],
}


@pytest.mark.first(2)
@pytest.mark.parametrize("kind", STREAMS)
def test_compressed_stream_is_decoded_before_it_ends(kind: str, tmp_path: Path) -> None:
    """Most of it is written, and the pipe stays open: what was written is heard."""
    data = make_tone(tmp_path / "stream", *STREAMS[kind], seconds=4).read_bytes()
    reading, writing = os.pipe()
    go_on = threading.Event()

    def feed() -> None:
        with os.fdopen(writing, "wb", buffering=0) as file:
            file.write(data[: len(data) * 9 // 10])
            go_on.wait(DEADLINE_S)
            file.write(data[len(data) * 9 // 10 :])

    feeder = threading.Thread(target=feed, name="test-feeder")
    feeder.start()
    with os.fdopen(reading, "rb") as stream:
        source = open_stdin(stream, RATE_HZ)
        blocks = source.blocks(lambda _: None)
        audio = b""
        while len(audio) < 2 * 32000:  # would never come if the end were waited for
            audio += next(blocks)
        assert not go_on.is_set()
        go_on.set()
        audio += b"".join(blocks)
        source.close()
    feeder.join(DEADLINE_S)

    assert source.live
    assert len(audio) / 32000 == pytest.approx(4, abs=0.2)
    assert np.abs(values(audio[32000:64000])).max() == pytest.approx(16384, rel=0.1)


def test_stop_ends_an_endless_stream_after_what_has_come(tmp_path: Path) -> None:
    data = make_tone(tmp_path / "a.mp3", seconds=4).read_bytes()
    reading, writing = os.pipe()
    os.write(writing, data[: len(data) // 2])
    with os.fdopen(reading, "rb") as stream:
        source = open_stdin(stream, RATE_HZ)
        blocks = source.blocks(lambda _: None)
        audio = next(blocks)
        source.stop()
        audio += b"".join(blocks)
        source.close()
        source.close()
    os.close(writing)

    assert 1 < len(audio) / 32000 < 2.1


def test_mp4_with_its_index_at_the_end_is_waited_for_and_that_is_said(tmp_path: Path) -> None:
    data = make_tone(tmp_path / "a.m4a").read_bytes()
    notes: list[str] = []
    with piped(data) as stream:
        source = open_stdin(stream, RATE_HZ, notes.append)

        assert notes == [
            "standard input is MP4 with its index at the end: nothing is heard before that has come"
        ]
        assert len(taken(source)[0]) / 32000 == pytest.approx(1, abs=0.1)
        assert not source.live


def test_without_ffmpeg_a_stream_is_waited_for_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "a.ogg", tone(RATE_HZ, 1.0), RATE_HZ).read_bytes()
    monkeypatch.setenv("PATH", str(tmp_path))
    notes: list[str] = []
    with piped(data) as stream:
        audio, _ = taken(open_stdin(stream, RATE_HZ, notes.append))

    assert len(audio) == 32000
    assert notes == ["standard input is Ogg: without ffmpeg nothing is heard before its end"]


@pytest.mark.parametrize("size", [8000, 0x7FFFF000, 0x7FFFEFDC])
def test_size_that_is_smaller_than_what_follows_is_not_believed(size: int) -> None:
    assert audio_of(wav(SAMPLES, size)) == SAMPLES


def refusal(data: bytes) -> AudioError:
    with piped(data) as stream, pytest.raises(AudioError) as refused:
        open_stdin(stream, RATE_HZ)
    return refused.value


@pytest.mark.parametrize(
    "data",
    [
        random.Random(1).randbytes(50_000),
        b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(50_000),
        b"<!DOCTYPE html><title>404 Not Found</title>" * 10,
        b"#EXTM3U\n/home/me/secret.ts\n",
    ],
)
def test_what_is_neither_media_nor_likely_samples_is_not_sent_as_noise(data: bytes) -> None:
    failed = refusal(data)

    assert failed.message.startswith("Standard input ")
    assert "--raw" in failed.hint


def test_samples_that_look_like_anything_else_are_read_when_that_is_said() -> None:
    data = random.Random(1).randbytes(50_000)
    with piped(data) as stream:
        assert taken(open_stdin(stream, RATE_HZ, raw=True))[0] == data


@pytest.mark.parametrize("data", [b"\x01", wav(b"", 0)], ids=["one byte", "a header"])
def test_what_is_no_whole_sample_opens_no_session(data: bytes) -> None:
    assert refusal(data).message == "Standard input holds no audio."


def test_stream_without_audio_is_told_before_a_session_is_opened(tmp_path: Path) -> None:
    make_tone(tmp_path / "a.mkv", "-f", "lavfi", "-i", "color=s=16x16:d=1", "-map", "1")

    assert refusal((tmp_path / "a.mkv").read_bytes()).message == (
        "Standard input has no audio track."
    )
