"""Whose a word is, on levels that are made up."""

from typing import Any

import numpy as np
import pytest

from transcribe_cli.audio.call.word_channel import (
    CONTEXT_FRAMES,
    MICROPHONE,
    NOTHING_HEARD,
    SILENT_DB,
    SYSTEM,
    Estimate,
    _percentile,
    channel_of,
    estimate,
    levels,
)

Levels = Any  # arrays of levels in dB

FLOOR, SPEECH = -70.0, -20.0


def spoken(seed: int) -> Levels:
    """A second of speech: syllables that rise and fall, as levels of 20 ms."""
    drawn = np.random.default_rng(seed).uniform(SPEECH - 20, SPEECH, 13)
    return np.interp(np.arange(50), np.linspace(0, 49, 13), drawn).astype(np.float32)


def conversation(
    seconds: int, leak_db: float | None, lag: int = 0, mic_gain_db: float = 0.0
) -> tuple[Levels, Levels]:
    """In the odd seconds the system speaks, in the even ones somebody before the microphone."""
    mic = np.full(50 * seconds, FLOOR, np.float32)
    system = np.full(50 * seconds, SILENT_DB, np.float32)
    for second in range(seconds):
        at = slice(50 * second, 50 * second + 35)
        (system if second % 2 else mic)[at] = spoken(second)[:35]
    if leak_db is not None:
        heard = np.roll(system, lag) + np.float32(leak_db)
        mic = 10 * np.log10(10 ** (mic / 10) + 10 ** (heard / 10))
    return (mic + mic_gain_db).astype(np.float32), system


def channels(mic: Levels, system: Levels, found: Estimate, seconds: range) -> list[int | None]:
    """Of a word in each of these seconds."""
    told = []
    for second in seconds:
        word = slice(50 * second + 10 - CONTEXT_FRAMES, 50 * second + 25)
        told.append(channel_of(mic[word], system[word], found, CONTEXT_FRAMES))
    return told


@pytest.mark.parametrize("leak_db", [None, -30.0, -10.0, 0.0, 10.0])
@pytest.mark.parametrize("mic_gain_db", [-15.0, 0.0, 10.0])
def test_words_are_told_apart_whatever_leaks_and_however_loud_a_side_is(
    leak_db: float | None, mic_gain_db: float
) -> None:
    mic, system = conversation(40, leak_db, lag=3, mic_gain_db=mic_gain_db)
    found = estimate(mic, system)

    assert channels(mic, system, found, range(2, 40)) == [MICROPHONE, SYSTEM] * 19


def test_leak_and_lag_are_found() -> None:
    found = estimate(*conversation(40, leak_db=-8.0, lag=4))

    assert found.lag == 4
    assert found.leak_db == pytest.approx(-8.0, abs=3)  # it is set against the loudest echo


def test_no_leak_is_found_where_the_tracks_have_nothing_in_common() -> None:
    assert estimate(*conversation(40, leak_db=None)).leak_db is None


def test_volume_that_was_turned_up_is_noticed_within_seconds() -> None:
    quiet_mic, system = conversation(60, leak_db=-20.0, lag=2)
    loud_mic, _ = conversation(60, leak_db=0.0, lag=2)
    mic = np.concatenate([quiet_mic[:2500], loud_mic[2500:]])

    before, after = (estimate(mic[:at], system[:at]) for at in (2500, 2900))

    assert before.leak_db is not None
    assert after.leak_db is not None
    assert after.leak_db - before.leak_db == pytest.approx(20.0, abs=2)


def test_side_that_is_silent_says_nothing() -> None:
    mic, system = conversation(40, leak_db=None)
    found = estimate(mic, system)
    mic[:], system[:] = FLOOR, SILENT_DB

    assert channels(mic, system, found, range(2, 4)) == [None, None]


def test_call_that_has_just_begun_is_judged_by_what_there_is() -> None:
    found = estimate(*(track[:60] for track in conversation(2, leak_db=None)))

    assert found.leak_db is None
    assert estimate(*(np.empty(0, np.float32),) * 2) == NOTHING_HEARD


def test_levels_are_those_of_whole_frames() -> None:
    samples = np.concatenate([np.full(320, 3276), np.zeros(320), np.full(100, 9)]).astype("<i2")

    assert levels(samples, 320) == pytest.approx([-20.0, SILENT_DB], abs=0.01)


@pytest.mark.parametrize("count", [1, 2, 7, 6000])
def test_percentiles_are_numpys(count: int) -> None:
    values = np.random.default_rng(count).uniform(-80, 0, count).astype(np.float32)

    for percent in (15, 70, 85, 98):
        expected = np.percentile(values.astype(float), percent)
        assert _percentile(values, percent) == pytest.approx(expected, abs=1e-4)
