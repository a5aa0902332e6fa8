"""What the sessions of a call hear of its log."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.call.mixed_view import MixedView
from transcribe_cli.audio.format import AudioFormat

RATE = 8000
SECOND = RATE


@pytest.fixture
def log() -> Iterator[AudioLog]:
    with AudioLog.temporary(AudioFormat(RATE, 2)) as made:
        yield made


def noise(seed: int, level: float, seconds: int) -> Any:
    """Bursts of a fifth of a second, with silence behind each."""
    drawn = np.random.default_rng(seed)
    loud = np.repeat(
        drawn.uniform(0.1, 1, 5 * seconds) * (np.arange(5 * seconds) % 3 < 2), RATE // 5
    )
    return drawn.standard_normal(len(loud)) * loud * level


def call(seconds: int = 20) -> bytes:
    """The system speaks, and leaks into the microphone 60 ms later; nobody else does until the
    last quarter.
    """
    system = noise(1, 3000, seconds)
    mic = np.roll(system, round(0.06 * RATE)) * 0.5 + np.random.default_rng(2).normal(
        0, 3, len(system)
    )
    quarter = len(mic) // 4
    system[-quarter:] = 0
    mic[-quarter:] = noise(3, 3000, seconds)[-quarter:]
    return np.stack([mic, system], 1).round().astype("<i2").tobytes()


def samples(data: bytes) -> Any:
    return np.frombuffer(data, "<i2")


def test_mix_is_the_same_however_it_is_read_and_whenever(log: AudioLog) -> None:
    audio, live = call(), MixedView(log)
    step = 4 * 411  # blocks that fit no level's frame
    heard = b""
    for at in range(0, len(audio), step):
        log.append(audio[at : at + step])
        heard += live.read(len(heard) // 2, live.frames - len(heard) // 2)
    log.end()
    heard += live.read(len(heard) // 2, SECOND)

    later = MixedView(log)  # as of a recording that is resumed in the middle
    half = later.frames // 2 + 77
    second_half = later.read(half, later.frames)
    whole = MixedView(log).read(0, len(audio))

    assert len(heard) == len(audio) // 2
    assert heard == whole
    assert second_half == whole[2 * half :]


def test_microphone_is_ducked_where_it_hears_the_loudspeaker_alone(log: AudioLog) -> None:
    log.append(call())
    log.end()
    mic, system = samples(log.read(0, 20 * SECOND)).reshape(-1, 2).astype(float).T
    mix = samples(MixedView(log).read(0, 20 * SECOND)).astype(float)

    echo = slice(10 * SECOND, 14 * SECOND)
    assert (mix - system)[echo].std() < 0.3 * mic[echo].std()
    near = slice(17 * SECOND, 20 * SECOND)
    assert (mix - system)[near].std() > 0.95 * mic[near].std()


def test_tracks_without_a_leak_are_added_sample_for_sample(log: AudioLog) -> None:
    tracks = np.zeros((4 * SECOND, 2), "<i2")
    tracks[:SECOND, 0], tracks[2 * SECOND : 3 * SECOND, 1] = 700, 900
    log.append(tracks.tobytes())

    mix = samples(MixedView(log).read(0, 4 * SECOND))

    assert (mix == tracks.sum(1)).all()


def test_sum_that_is_too_loud_is_held_at_full_scale(log: AudioLog) -> None:
    log.append(np.full((SECOND, 2), -30000, "<i2").tobytes())

    assert set(samples(MixedView(log).read(0, SECOND))) == {-32768}


def test_words_are_told_apart_while_they_are_said(log: AudioLog) -> None:
    log.append(call())
    view = MixedView(log)

    told = [view.channel_of(at, at + 300) for at in (1300, 10000, 13000, 15700, 18500)]

    assert told == [1, 1, 1, 0, 0]
    assert view.channel_of(30_000, 31_000) is None  # that has not been recorded
