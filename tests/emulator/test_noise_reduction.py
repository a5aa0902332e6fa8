"""Noise before speech is heard, and less of it is given to a model."""

import numpy as np
import pytest

from tests.emulator.protocol_client import meeting
from tests.requirements import needs_package

pytestmark = needs_package("numpy")

FRAME = 480
SPEECH = [False] * 25 + [True] * 90  # of the sample, which is spoken from 0.8 s on


def spoken() -> np.ndarray:
    samples = np.frombuffer(meeting(0, len(SPEECH) * 30), "<i2").astype(np.float32) / 32768
    return samples[: len(SPEECH) * FRAME]


def with_noise(samples: np.ndarray, noise_db: float) -> np.ndarray:
    """The samples and noise of all bands alike, so many dB below their speech."""
    level = np.sqrt(np.square(samples[25 * FRAME :]).mean()) * 10 ** (-noise_db / 20)
    noise = np.random.default_rng(1).normal(0, level, len(samples))
    return (samples + noise).astype(np.float32)


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples).mean()))


@pytest.mark.parametrize(("noise_db", "noisy"), [(10, True), (20, False), (60, False)])
def test_noise_is_noticed_where_it_is_loud_beside_the_speech(noise_db: int, noisy: bool) -> None:
    from transcribe_cli.emulator.engines.noise_reduction import is_noisy

    assert is_noisy(with_noise(spoken(), noise_db), SPEECH, 20) == noisy


def test_noise_becomes_less_and_speech_comes_nearer_to_what_it_was() -> None:
    from transcribe_cli.emulator.engines.noise_reduction import with_less_noise

    clean, noisy = spoken(), with_noise(spoken(), 10)
    less = with_less_noise(noisy, SPEECH)
    assert (len(less), less.dtype) == (len(noisy), np.float32)
    assert level_db(less[: 20 * FRAME]) < level_db(noisy[: 20 * FRAME]) - 2
    assert level_db((less - clean)[25 * FRAME :]) < level_db((noisy - clean)[25 * FRAME :]) - 1


def test_what_has_no_noise_stays_as_it_is() -> None:
    from transcribe_cli.emulator.engines.noise_reduction import with_less_noise

    clean = spoken()
    clean[: 25 * FRAME] = 0
    assert np.allclose(with_less_noise(clean, SPEECH), clean, atol=1e-6)


def test_without_a_whole_moment_of_noise_nothing_is_taken_away() -> None:
    from transcribe_cli.emulator.engines.noise_reduction import with_less_noise

    noisy = with_noise(spoken(), 10)
    assert with_less_noise(noisy, [True] * len(SPEECH)) is noisy
