"""How loud a block is."""

import pytest

from tests.audio.tones import pcm
from transcribe_cli.audio.level import SILENT_DB, decibels, peak


@pytest.mark.parametrize(
    ("samples", "loudest"),
    [
        (b"", 0),
        (pcm(0, 0), 0),
        (pcm(3, -5, 4), 5),
        (pcm(-32768), 32768),
        (pcm(32767, -1), 32767),
        (pcm(-7), 7),
    ],
)
def test_peak_is_the_greatest_sample_of_either_sign(samples: bytes, loudest: int) -> None:
    assert peak(samples) == loudest


def test_full_scale_is_zero_decibels() -> None:
    assert decibels(32768) == 0
    assert decibels(16384) == pytest.approx(-6.02, abs=0.01)


def test_silence_has_a_level_too() -> None:
    assert decibels(0) == SILENT_DB
