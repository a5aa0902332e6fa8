"""What bytes without a header look like."""

import random

import numpy as np
import pytest

from tests.audio.tones import tone
from transcribe_cli.audio.raw_samples import what_is_unlikely
from transcribe_cli.audio.wav import HEADER_BYTES
from transcribe_cli.jobs.sources import SAMPLE

SPEECH = SAMPLE.read_bytes()[HEADER_BYTES:]


def companded(samples: bytes) -> bytes:
    """16-bit samples as mu-law, near enough to ITU-T G.711."""
    values = np.frombuffer(samples, "<i2") / 32768
    levels = (np.log1p(255 * abs(values)) / np.log(256) * 127).astype(np.uint8)
    return bytes(0xFF - levels - np.where(values < 0, 0x80, 0).astype(np.uint8))


def windows(data: bytes) -> list[str | None]:
    return [what_is_unlikely(data[at : at + 4096]) for at in range(0, len(data) - 4096, 1 << 16)]


def test_speech_is_likely_wherever_it_begins() -> None:
    assert set(windows(SPEECH)) == {None}


@pytest.mark.parametrize("before", [b"", b"\xff" * 8000], ids=["at once", "after silence"])
def test_companded_speech_is_no_samples_of_16_bits(before: bytes) -> None:
    assert what_is_unlikely(before + companded(SPEECH[:80_000])) == (
        "looks like samples of 8 or 24 bits (mu-law?), not of 16"
    )


def test_samples_of_8_bits_are_not_of_16() -> None:
    eight = (np.frombuffer(SPEECH, "<i2") // 256 + 128).astype(np.uint8).tobytes()

    assert "8 or 24 bits" in str(what_is_unlikely(eight))


def test_samples_with_their_higher_byte_first_are_found_where_they_are_loud() -> None:
    swapped = np.frombuffer(SPEECH, "<i2").byteswap().tobytes()

    assert any("higher byte first" in str(why) for why in windows(swapped))


@pytest.mark.parametrize("loudness", [0.01, 0.3, 1.0])
def test_music_and_soft_noise_are_likely(loudness: float) -> None:
    chord = sum(tone(16000, 0.2, hz)[:, 0] for hz in (200, 900, 3000)) * 2 / 3
    noise = np.random.default_rng(1).uniform(-0.2, 0.2, 3000)
    for sound in (chord, noise):
        assert what_is_unlikely((sound * loudness * 32767).astype("<i2").tobytes()) is None


def test_few_values_say_nothing() -> None:
    assert what_is_unlikely(b"\x05\x05" * 4000) is None


def test_compressed_data_are_unlikely() -> None:
    assert what_is_unlikely(random.Random(1).randbytes(5000)) == (
        "holds no media known here, nor likely samples"
    )
