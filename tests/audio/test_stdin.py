"""Standard input: raw samples, a WAV of any size field, a compressed file on a pipe."""

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from tests.audio.tones import pcm, similar, taken, tone, values, write
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.source import Source
from transcribe_cli.audio.stdin import open_stdin
from transcribe_cli.audio.wav import header
from transcribe_cli.errors import AudioError

RATE_HZ = 16000
DEADLINE_S = 10.0
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
