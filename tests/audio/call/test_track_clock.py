"""Two devices with clocks of their own, in one recording."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from transcribe_cli.audio.call.track_clock import TrackPair

RATE = 1000
BLOCK = RATE // 10
EVERY_S = 7.0
STARTS_S = (0.0, 0.123)  # the system is opened a little later


def blocks(side: int, ppm: float, seconds: float, seed: int) -> Iterator[tuple[float, int, bytes]]:
    """Blocks with their arrivals: each device's clock is off by so much; a click every 7 s."""
    chance = random.Random(seed + side)
    true_hz = RATE * (1 + ppm * 1e-6)
    samples = np.zeros(int(seconds * true_hz), np.int16)
    clicks = ((np.arange(EVERY_S, seconds - 1, EVERY_S) - STARTS_S[side]) * true_hz).round()
    for beside in (-1, 0, 1):
        samples[clicks.astype(int) + beside] = 8000 if beside else 20000
    last = 0.0
    for start in range(0, len(samples) - BLOCK + 1, BLOCK):
        captured = STARTS_S[side] + (start + BLOCK) / true_hz
        late = 0.01 + chance.expovariate(1 / 0.004) + 0.1 * (chance.random() < 0.003)
        last = max(last, captured + late)
        yield last, side, samples[start : start + BLOCK].tobytes()


def recorded(pair: TrackPair, came: list[tuple[float, int, bytes]]) -> Any:
    parts = [pair.take(side, block, at) for at, side, block in sorted(came, key=lambda b: b[0])]
    return np.frombuffer(b"".join([*parts, pair.finish()]), "<i2").reshape(-1, 2)


def clicks_in(track: Any) -> Any:
    loud = np.flatnonzero(track > 9000)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > RATE) + 1)
    return np.array([group[np.argmax(track[group])] for group in groups])


def worst_ms(minutes: float, mic_ppm: float, system_ppm: float, seed: int = 1) -> float:
    """How far apart the clicks of both tracks come to lie."""
    seconds = 60 * minutes
    both = [
        *blocks(0, mic_ppm, seconds, seed),
        *blocks(1, system_ppm, seconds, seed),
    ]
    tracks = recorded(TrackPair(RATE), both)
    mic, system = clicks_in(tracks[:, 0]), clicks_in(tracks[:, 1])
    assert len(mic) == len(system) == len(np.arange(EVERY_S, seconds - 1, EVERY_S))
    return float(abs(mic - system).max() * 1000 / RATE)


@pytest.mark.parametrize(("mic_ppm", "system_ppm"), [(0, 300), (0, -300), (150, -150)])
def test_clocks_that_differ_are_kept_together(mic_ppm: float, system_ppm: float) -> None:
    assert worst_ms(2, mic_ppm, system_ppm) < 20  # it would be 36


@pytest.mark.long
def test_hour_at_100_ppm_stays_within_20_ms_and_drops_nothing() -> None:
    assert worst_ms(60, 0, 100) < 20  # it would be 360


def test_microphone_stays_sample_for_sample() -> None:
    came = list(blocks(0, 0, 20, 1))
    tracks = recorded(TrackPair(RATE), [*came, *blocks(1, 300, 20, 1)])

    assert tracks[:, 0].tobytes() == b"".join(block for _, _, block in came)


def with_gap(came: list[tuple[float, int, bytes]]) -> list[Any]:
    """The device is gone from 10 to 40 s: silence for it comes late, and all of the rest at once,
    with the first that it gives again.
    """
    told: list[Any] = []
    for at, side, block in came:
        if not 10 < at < 40:
            told.append((at, at, side, block))
        else:
            late = min(at + 1.5, 40.0) if at < 38 else 40.0
            told.append((late, None, side, bytes(len(block))))
    return told


@pytest.mark.parametrize("side", [0, 1])
def test_device_that_is_gone_for_a_while_moves_nothing(side: int) -> None:
    both = [list(blocks(0, 0, 60, 1)), list(blocks(1, 0, 60, 1))]
    told = [(at, at, number, block) for at, number, block in both[1 - side]] + with_gap(both[side])
    pair = TrackPair(RATE)

    parts = [pair.take(n, block, now) for _, now, n, block in sorted(told, key=lambda b: b[0])]
    tracks = np.frombuffer(b"".join([*parts, pair.finish()]), "<i2").reshape(-1, 2)

    assert len(tracks) == 60 * RATE
    mic, system = (clicks_in(tracks[40 * RATE :, number]) for number in (0, 1))
    assert abs(mic - system).max() <= 10
    assert clicks_in(tracks[:, 1 - side])[3] == pytest.approx(28 * RATE, abs=10)
    assert not tracks[11 * RATE : 39 * RATE, side].any()


def test_what_was_played_before_the_microphone_was_open_is_left_out() -> None:
    mic = [(at + 3.0, side, block) for at, side, block in blocks(0, 0, 40, 1)]

    tracks = recorded(TrackPair(RATE), [*mic, *blocks(1, 0, 43, 1)])

    assert clicks_in(tracks[:, 0])[0] == 7 * RATE
    assert clicks_in(tracks[:, 1])[0] == pytest.approx(4 * RATE, abs=10)
    assert len(tracks) == 40 * RATE


def one_side_is_late(late: int) -> tuple[Any, int]:
    """It begins after 20 s; the tracks, and how much of them was there by then."""
    both = [
        (at + 20.0 * (side == late), side, block)
        for number in (0, 1)
        for at, side, block in blocks(number, 0, 60 - 20 * (number == late), 1)
    ]
    pair, given, by_then = TrackPair(RATE), [], 0
    for at, side, block in sorted(both, key=lambda b: b[0]):
        given.append(pair.take(side, block, at))
        by_then += len(given[-1]) // 4 if at < 20.0 else 0
    return np.frombuffer(b"".join([*given, pair.finish()]), "<i2").reshape(-1, 2), by_then


@pytest.mark.parametrize("late", [0, 1])
def test_side_that_begins_late_keeps_the_other_waiting_for_a_few_seconds_only(late: int) -> None:
    """Nothing at all was recorded until then: a loudspeaker that plays nothing may give nothing."""
    tracks, by_then = one_side_is_late(late)

    assert by_then > 19 * RATE
    assert len(tracks) == pytest.approx(60 * RATE, abs=RATE / 2)
    early, behind = (clicks_in(tracks[:, side]) for side in (1 - late, late))
    assert not tracks[: 19 * RATE, late].any()
    assert abs(early[3:7] - behind[:4] - RATE).max() <= 10
