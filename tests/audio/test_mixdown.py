"""Many channels to one: what was said on any of them is heard."""

from typing import Any

import numpy as np
import pytest

from tests.audio.tones import tone
from transcribe_cli.audio.mixdown import CANCEL_OUT, Mixdown, layout_weights

RATE_HZ = 16000
BLOCK = 4000
VOICE = tone(RATE_HZ, 2.0)[:, 0].astype("float32")
FILM_5_1 = 0x3F  # left, right, centre, bass, and two behind


def mixed(*channels: Any, mask: int = 0) -> tuple[Any, list[str]]:
    """The mix of the channels, block by block, and what was told."""
    frames = np.stack(channels, axis=1).astype("float32")
    told: list[str] = []
    weights = layout_weights(len(channels), mask)
    mixdown = Mixdown(len(channels), RATE_HZ, weights, told.append)
    blocks = [mixdown.mix(frames[at : at + BLOCK]) for at in range(0, len(frames), BLOCK)]
    return np.concatenate(blocks), told


def level(samples: Any) -> float:
    """In dB below the voice."""
    return float(10 * np.log10(np.mean(samples**2) / np.mean(VOICE**2)))


def test_one_voice_on_both_channels_is_that_voice() -> None:
    mono, told = mixed(VOICE, VOICE)

    assert np.array_equal(mono, VOICE)
    assert told == []


def test_two_voices_are_both_heard() -> None:
    other = tone(RATE_HZ, 2.0, hz=1000)[:, 0]
    mono, told = mixed(VOICE, other)

    assert np.allclose(mono, (VOICE + other) / 2, atol=1e-6)
    assert told == []


@pytest.mark.parametrize("gain", [-1.0, -0.9, -0.6])
def test_inverse_channels_do_not_cancel_out_and_it_is_told_once(gain: float) -> None:
    mono, told = mixed(VOICE, gain * VOICE)

    assert np.array_equal(mono, VOICE)
    assert told == [CANCEL_OUT]


def test_the_strongest_is_taken_wherever_it_is() -> None:
    mono, _ = mixed(-0.7 * VOICE, VOICE)

    assert np.array_equal(mono, VOICE)


def test_channels_that_are_inverse_only_for_a_while_lose_nothing() -> None:
    sign = np.ones(len(VOICE))
    sign[2 * BLOCK : 5 * BLOCK] = -1
    mono, told = mixed(VOICE, sign * VOICE)

    for at in range(0, len(VOICE), BLOCK):
        assert level(mono[at : at + BLOCK]) == pytest.approx(0, abs=0.5)
    assert len(told) == 1


def test_mix_is_taken_again_when_the_channels_agree_again() -> None:
    other = tone(RATE_HZ, 2.0, hz=1000)[:, 0]
    silence = np.zeros(1)
    left = np.concatenate([VOICE, *(8 * [VOICE]), silence])
    right = np.concatenate([-VOICE, *(8 * [other]), silence])
    mono, _ = mixed(left, right)

    assert np.allclose(mono[-9000:], (left[-9000:] + right[-9000:]) / 2, atol=1e-6)


def test_no_click_is_heard_where_the_mix_changes() -> None:
    sign = np.ones(len(VOICE))
    sign[4 * BLOCK :] = -1
    mono, _ = mixed(0.8 * VOICE, sign * VOICE)

    assert np.abs(np.diff(mono)).max() < 1.3 * np.abs(np.diff(VOICE)).max()


def test_channel_without_a_sound_takes_nothing_from_the_others() -> None:
    for silent in range(2):
        channels = [VOICE, VOICE]
        channels[silent] = np.zeros(len(VOICE))
        mono, told = mixed(*channels)

        assert np.array_equal(mono, VOICE)
        assert told == []


@pytest.mark.parametrize("count", [4, 8, 16])
def test_one_microphone_of_many_is_heard_in_full(count: int) -> None:
    channels = [np.zeros(len(VOICE)) for _ in range(count)]
    channels[count // 2] = VOICE

    assert level(mixed(*channels)[0]) == pytest.approx(0, abs=0.1)


def test_speech_in_the_centre_of_film_sound_counts() -> None:
    music = 0.2 * tone(RATE_HZ, 2.0, hz=3000)[:, 0]
    mono, _ = mixed(music, music, VOICE, music, music, music, mask=FILM_5_1)
    spectrum = np.abs(np.fft.rfft(mono))
    speech_db = 20 * np.log10(spectrum[880] / np.abs(np.fft.rfft(VOICE))[880])

    assert speech_db == pytest.approx(-3, abs=0.1)  # a mean would be -15.6


def test_film_sound_that_is_not_in_the_centre_is_heard_too() -> None:
    nothing = np.zeros(len(VOICE))
    for place in (0, 1, 2, 4, 5):
        channels = [nothing] * 6
        channels[place] = VOICE

        assert level(mixed(*channels, mask=FILM_5_1)[0]) > -9.1


@pytest.mark.parametrize(
    ("channels", "mask", "weights"),
    [
        (2, 0x3, None),
        (6, 0, None),  # six microphones
        (4, 0x33, None),  # no centre
        (6, 0xFF, None),  # a mask that fits not
        (6, 0x3F, [0.354, 0.354, 0.707, 0.0, 0.25, 0.25]),
        (3, 0x7, [0.354, 0.354, 0.707]),
    ],
)
def test_layout_says_how_much_a_channel_counts(
    channels: int, mask: int, weights: list[float] | None
) -> None:
    assert layout_weights(channels, mask) == weights


def test_block_without_frames_is_a_mix_of_nothing() -> None:
    assert len(Mixdown(2, RATE_HZ).mix(np.zeros((0, 2), np.float32))) == 0
