"""How many words of a call are told apart rightly, beside comparing the two levels.

The calls are made here: words of synthesised voices, two sides that take turns and now and then
speak at once, a room, a leak from the loudspeaker into the microphone, gains, noise, a keyboard, an
echo canceller. Word times are wrong by up to 60 ms, as a service's are. A word counts where nobody
speaks beside it. The estimator's values were chosen on other voices and other chances (`TUNED`).
"""

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from bench import call_heard
from bench.table import Row
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.call.mixed_view import MixedView
from transcribe_cli.audio.format import AudioFormat

RATE_HZ = 16000
TUNED = (("rms", "slt", 0), ("awb", "en-gb+f3", 1), ("en-us", "kal16", 2))
MEASURED = (
    ("en-gb-scotland+klatt2", "en-us+f4", 171),
    ("kal", "en-gb+Alicia", 172),
    ("en-us+Michael", "slt", 173),
)
_TARGET = 0.98
_WRONG_BY_S = 0.06
_TEXT = """good morning everyone can you hear me well today we should talk about the budget
and the plan for next year that maria sent around on friday so let us begin with the numbers
i think they are fine but there is one thing that worries me we said that the project ends in june
yes that is right the supplier was late again and nobody told us until last week what do we do
we could ask for a discount or look for somebody else i would rather keep them as they know it
okay let me write that down who will call them it would be good to have an answer this month
i can do that tomorrow afternoon after lunch perhaps also ask about the second machine please
great then we are done thank you very much and have a nice weekend bye bye see you on tuesday"""


class Scene(NamedTuple):
    """What becomes of two voices on their way into the tracks; levels in dB.

    Attributes:
        leak: of the far voice at the microphone, beside the near one; None: a headset.
        turned_up: the loudspeaker, in mid-call.
        canceller: most of the leak is taken out, now more and now less.
    """

    leak: float | None
    mic_gain: float = 0.0
    system_gain: float = 0.0
    noise: float = -35.0
    turned_up: float = 0.0
    delay_s: float = 0.03
    reverb_s: float = 0.3
    canceller: bool = False
    keyboard: bool = False


SCENES = {
    "a headset": Scene(None),
    "leak of -20 dB": Scene(-20),
    "-10 dB": Scene(-10),
    "-10 dB, system 12 dB louder": Scene(-10, system_gain=12),
    "-10 dB, microphone 15 dB softer": Scene(-10, mic_gain=-15),
    "-10 dB, microphone 10 dB louder, system softer": Scene(-10, mic_gain=10, system_gain=-10),
    "0 dB": Scene(0),
    "+6 dB": Scene(6),
    "turned up by 12 dB in mid-call": Scene(-10, turned_up=12),
    "an echo canceller": Scene(0, canceller=True),
    "a keyboard, -5 dB": Scene(-5, keyboard=True),
    "a keyboard, a headset": Scene(None, keyboard=True),
    "a noisy room, -5 dB": Scene(-5, noise=-20),
    "a large room, 0 dB, 80 ms late": Scene(0, delay_s=0.08, reverb_s=0.5),
}


class Said(NamedTuple):
    """A word: from when to when, in s, and by which side."""

    start_s: float
    end_s: float
    side: int


def run(quick: bool, pairs: Sequence[tuple[str, str, int]] = MEASURED) -> list[Row]:
    """One row a scene, then the cost; then what an engine hears, if there is one."""
    if not shutil.which("flite") or not shutil.which("espeak-ng"):
        return [Row("call: needs flite and espeak-ng", None, "", "", "", None)]
    right: dict[str, list[int]] = {name: [0, 0, 0] for name in SCENES}
    spent_s = recorded_s = 0.0
    with TemporaryDirectory() as folder:
        for near, far, seed in pairs[:1] if quick else pairs:
            voices, alone = _conversation(Path(folder), near, far, seed)
            for name, scene in SCENES.items():
                tracks = _tracks(*voices, scene, seed)
                began = time.process_time()
                told, plain = _told(tracks, alone)
                spent_s += time.process_time() - began
                recorded_s += len(tracks) / RATE_HZ
                counts = right[name]
                for index, many in enumerate((told, plain, len(alone))):
                    counts[index] += many
    rows = [
        Row(
            f"words of a call told apart: {name}",
            None,
            f"{told / count:.1%} of {count}",
            f"comparing levels {plain / count:.1%}",
            f"{_TARGET:.0%}",
            told / count >= _TARGET,
        )
        for name, (told, plain, count) in right.items()
    ]
    share = spent_s / recorded_s
    cost = Row("the same: share of a core", None, f"{share:.2%}", "", "0.3 %", share < 0.003)
    return [*rows, cost, *call_heard.rows(quick)]


def _told(tracks: Any, alone: Sequence[Said]) -> tuple[int, int]:
    """How many words the program tells apart while they are said, and how many two levels do."""
    chance = random.Random(5)
    told = plain = 0
    with AudioLog.temporary(AudioFormat(RATE_HZ, 2)) as log:
        view = MixedView(log)
        for word in alone:
            start_s = max(0.0, word.start_s + chance.uniform(-_WRONG_BY_S, _WRONG_BY_S))
            end_s = max(start_s + 0.04, word.end_s + chance.uniform(-_WRONG_BY_S, _WRONG_BY_S))
            until = round((end_s + 2.5) * RATE_HZ)  # a turn is final about so much later
            log.append(tracks[log.frames : max(until, log.frames)].tobytes())
            told += view.channel_of(round(start_s * 1000), round(end_s * 1000)) == word.side
            heard = tracks[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)].astype(float)
            mic, system = (heard**2).mean(0)
            plain += int(system > mic) == word.side
    return told, plain


# The material.


def _conversation(
    folder: Path, near: str, far: str, seed: int
) -> tuple[tuple[Any, Any], list[Said]]:
    """Both voices, each on its own, and the words that nobody speaks beside."""
    chance = random.Random(seed)
    at = 0.8
    parts: list[tuple[int, float, Any]] = []
    words: list[Said] = []
    for number, line in enumerate(_TEXT.splitlines() * 2):
        for half in _halves(line.split(), chance):
            side = (number + len(parts)) % 2 if chance.random() < 0.8 else chance.randrange(2)
            samples, times = _spoken(folder, half, (near, far)[side], chance)
            if parts and chance.random() < 0.15:
                at = max(0.5, at - chance.uniform(0.5, 1.2))
            parts.append((side, at, samples))
            words += [Said(at + start, at + end, side) for start, end in times]
            at += len(samples) / RATE_HZ + chance.uniform(0.15, 0.9)
    tracks = np.zeros((2, round((at + 1) * RATE_HZ)), np.float32)
    for side, start_s, samples in parts:
        first = round(start_s * RATE_HZ)
        tracks[side, first : first + len(samples)] += samples
    alone = [word for word in words if not any(_beside(word, other) for other in words)]
    return (tracks[0], tracks[1]), sorted(alone)


def _halves(words: list[str], chance: random.Random) -> Iterator[list[str]]:
    cut = chance.randint(5, len(words) - 4)
    yield words[:cut]
    yield words[cut:]


def _beside(word: Said, other: Said) -> bool:
    apart = _WRONG_BY_S
    return (
        other.side != word.side
        and other.start_s < word.end_s + apart
        and other.end_s > word.start_s - apart
    )


def _spoken(
    folder: Path, words: Sequence[str], voice: str, chance: random.Random
) -> tuple[Any, list[tuple[float, float]]]:
    """The words one after the other, and when each of them is said."""
    parts: list[Any] = []
    times: list[tuple[float, float]] = []
    at = 0
    for word in words:
        samples = _word(folder, word, voice)
        times.append((at / RATE_HZ, (at + len(samples)) / RATE_HZ))
        pause = round(chance.choice([0, 0.01, 0.03, 0.06, 0.12]) * RATE_HZ)
        parts += [samples, np.zeros(pause, np.float32)]
        at += len(samples) + pause
    spoken = np.concatenate(parts)
    return spoken * (0.1 / np.sqrt((spoken**2).mean())), times


def _word(folder: Path, word: str, voice: str) -> Any:
    path = folder / f"{voice}-{word}.wav"
    if not path.exists():
        say: Callable[[], list[str]] = (
            (lambda: ["espeak-ng", "-v", voice, "-s", "165", "-w", str(path), word])
            if voice.startswith("en-")
            else (lambda: ["flite", "-voice", voice, "-t", word, "-o", str(path)])
        )
        subprocess.run(say(), check=True)
    samples, rate_hz = soundfile.read(path, dtype="float32")
    samples = soxr.resample(samples, rate_hz, RATE_HZ)
    loud = np.flatnonzero(abs(samples) > 0.02 * abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def _tracks(near: Any, far: Any, scene: Scene, seed: int) -> Any:
    """The two tracks, as s16 of shape (frames, 2)."""
    chance = np.random.default_rng(seed)
    count = len(near)
    far = far.copy()
    far[count // 2 :] *= _factor(scene.turned_up)
    mic = _in_room(near, chance, 0.2, 0.0)
    if scene.leak is not None:
        leak = _in_room(far, chance, scene.reverb_s, scene.delay_s) * _factor(scene.leak)
        if scene.canceller:
            left = np.repeat(chance.choice([0, 0, 0.05, 0.1, 0.3], count // 1600 + 1), 1600)
            leak *= np.convolve(left[:count], np.ones(800) / 800, "same")
        mic = mic + leak
    mic = mic + np.convolve(chance.standard_normal(count), [0.5, 0.5], "same") * 0.1 * _factor(
        scene.noise
    )
    for _ in range(2 * count // RATE_HZ if scene.keyboard else 0):
        first = chance.integers(0, count - 400)
        click = chance.standard_normal(400) * np.exp(-np.arange(400) / 80) * 0.3
        mic[first : first + 400] += click
    both = np.stack([mic * _factor(scene.mic_gain), far * _factor(scene.system_gain)], 1)
    return (np.clip(both, -1, 1) * 32767).astype("<i2")


def _in_room(samples: Any, chance: Any, reverb_s: float, delay_s: float) -> Any:
    """What a microphone in a room hears of it, as loud as before."""
    times = np.arange(RATE_HZ // 4) / RATE_HZ
    answer = chance.standard_normal(len(times)) * 10 ** (-3 * times / reverb_s) * 0.15
    answer[0] = 1
    answer = np.concatenate([np.zeros(round(delay_s * RATE_HZ)), answer])
    answer /= np.sqrt((answer**2).sum())
    size = 1 << (len(samples) + len(answer)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(answer, size), size)
    return heard[: len(samples)]


def _factor(db: float) -> float:
    return float(10 ** (db / 20))
