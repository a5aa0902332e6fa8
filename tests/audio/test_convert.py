"""Any samples to 16-bit mono at one rate."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.tones import pcm, similar, tone, values
from transcribe_cli.audio.convert import Converter
from transcribe_cli.audio.pcm_source import PcmConverter
from transcribe_cli.audio.wav import WavHeader


def header(encoding: str, channels: int = 1, rate_hz: int = 16000) -> WavHeader:
    return WavHeader(rate_hz, channels, encoding, None)


def converted(source: WavHeader, data: bytes, to_hz: int = 16000) -> bytes:
    converter = PcmConverter(source, to_hz)
    return converter.convert(data) + converter.flush()


@given(st.binary(max_size=200))
def test_mono_at_the_right_rate_passes_bit_for_bit(data: bytes) -> None:
    assert converted(header("<i2"), data) == data[: len(data) // 2 * 2]


@given(st.lists(st.integers(-32768, 32767), max_size=50))
def test_stereo_of_one_voice_is_that_voice(samples: list[int]) -> None:
    doubled = pcm(*(sample for sample in samples for _ in range(2)))

    assert converted(header("<i2", 2), doubled) == pcm(*samples)


def test_channels_are_averaged() -> None:
    assert converted(header("<i2", 2), pcm(100, 300, -4, 4, 32767, 32767)) == pcm(200, 0, 32767)


@pytest.mark.parametrize(
    ("encoding", "data", "samples"),
    [
        ("u1", bytes([0, 128, 255]), (-32768, 0, 32512)),
        ("i24", b"\x00\x00\x80\x00\x00\x00\xff\xff\x7f\x00\x01\x00", (-32768, 0, 32767, 1)),
        ("<i4", np.array([-(2**31), 0, 2**31 - 1, 65536], "<i4").tobytes(), (-32768, 0, 32767, 1)),
        (
            "<f4",
            np.array([-1, 0, 0.5, 1, 2, -9], "<f4").tobytes(),
            (-32768, 0, 16384, 32767, 32767, -32768),
        ),
        ("<f8", np.array([-1, 0, 0.5], "<f8").tobytes(), (-32768, 0, 16384)),
    ],
)
def test_encodings(encoding: str, data: bytes, samples: tuple[int, ...]) -> None:
    assert converted(header(encoding), data) == pcm(*samples)


def test_nan_is_silence_and_infinity_is_full_scale() -> None:
    data = np.array([np.nan, np.inf, -np.inf, 0.5], "<f4").tobytes()

    assert converted(header("<f4"), data) == pcm(0, 32767, -32768, 16384)


def test_nan_does_not_spread_through_the_resampler() -> None:
    samples = tone(48000, 1.0)[:, 0].astype("<f4")
    samples[24000] = np.nan

    got = converted(header("<f4", rate_hz=48000), samples.tobytes())

    wrong = np.abs(values(got) / 32768 - tone(16000, 1.0)[: len(got) // 2, 0]) > 0.02
    wrong[:200] = wrong[-200:] = False  # the resampler's own beginning and end
    assert wrong.sum() < 50


@given(st.data())
def test_frames_cut_by_the_ends_of_blocks_are_whole_again(data: st.DataObject) -> None:
    encoding, channels = data.draw(
        st.sampled_from([("<i2", 1), ("<i2", 2), ("i24", 2), ("<f4", 3), ("u1", 2)])
    )
    audio = data.draw(st.binary(min_size=0, max_size=300))
    if encoding == "<f4":
        audio = np.frombuffer(audio[: len(audio) // 2 * 2], "<i2").astype("<f4").tobytes()
    source = header(encoding, channels)
    # All channels alike: how others are mixed depends on what was heard so far.
    width = source.frame_bytes // channels
    audio = b"".join(audio[at : at + width] * channels for at in range(0, len(audio), width))
    converter = PcmConverter(source, 16000)
    parts = []
    rest = audio
    while rest:
        count = data.draw(st.integers(1, len(rest)))
        parts.append(converter.convert(rest[:count]))
        rest = rest[count:]

    assert b"".join(parts) + converter.flush() == converted(source, audio)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 48000, 96000])
def test_resampled_tone_is_the_same_tone(rate_hz: int) -> None:
    converter = Converter(rate_hz, 16000)

    got = converter.convert(tone(rate_hz, 1.0)) + converter.flush()

    assert abs(len(got) // 2 - 16000) <= 1
    assert similar(got, tone(16000, 1.0)[:, 0])


def blocks_of(samples: Any, cuts: list[int]) -> list[Any]:
    return np.split(samples, sorted(cut for cut in cuts if cut < len(samples)))


@given(
    rate_hz=st.sampled_from([8000, 22050, 44100, 48000]),
    frames=st.integers(1, 20_000),
    cuts=st.lists(st.integers(1, 20_000), max_size=12),
)
def test_blocks_join_without_a_click(rate_hz: int, frames: int, cuts: list[int]) -> None:
    samples = tone(rate_hz, 1.0, 300)[:, 0][:frames].astype(np.float32)
    whole, split = Converter(rate_hz, 16000), Converter(rate_hz, 16000)

    expected = values(whole.convert(samples) + whole.flush())
    parts = [split.convert(block) for block in blocks_of(samples, cuts)]
    got = values(b"".join(parts) + split.flush())

    assert len(got) == len(expected)
    assert abs(len(got) - len(samples) * 16000 / rate_hz) <= 1
    assert np.abs(got - expected).max(initial=0) <= 1


def test_empty_blocks_are_nothing() -> None:
    converter = PcmConverter(header("<i2", 2, 48000), 16000)

    assert converter.convert(b"") == converter.convert(b"x") == b""
