"""Frames, seconds and milliseconds."""

from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.audio.format import AudioFormat


def test_frame_is_one_sample_for_each_channel() -> None:
    assert AudioFormat(16000, 1).frame_bytes == 2
    assert AudioFormat(48000, 2).frame_bytes == 4


def test_durations_are_converted_both_ways() -> None:
    audio = AudioFormat(16000)

    assert audio.frames(0.05) == 800
    assert audio.seconds(800) == 0.05
    assert audio.ms(800) == 50
    assert audio.frames_before(50) == 800


def test_ms_are_rounded_once() -> None:
    assert [AudioFormat(44100).ms(n) for n in (22, 23, 44100, 10**9)] == [0, 1, 1000, 22675737]


@given(st.sampled_from([8000, 11025, 16000, 44100, 48000]), st.integers(0, 10**8))
def test_frames_before_a_time_lie_wholly_before_it(rate_hz: int, ms: int) -> None:
    frames = AudioFormat(rate_hz).frames_before(ms)

    assert frames * 1000 <= ms * rate_hz < (frames + 1) * 1000
