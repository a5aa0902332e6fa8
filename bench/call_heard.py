"""How many words of a call an engine of this machine hears: at once, and beside an echo.

Two voices of flite say a sentence each: at once, or one after the other with the loudspeaker
leaking into the microphone as loud as the near voice. What sessions hear of that is recognised by
Moonshine, and the words of each sentence are looked for, in their order, in what was heard.
"""

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from bench.accuracy import SENTENCES, plain
from bench.program import program
from bench.table import Row
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.call.mixed_view import MixedView
from transcribe_cli.audio.format import AudioFormat

RATE_HZ = 16000
PAIRS = (("slt", "rms"), ("rms", "awb"), ("kal16", "slt"))
_LEVEL = 0.08
_LATER_S = 0.4  # the far voice begins, where both speak at once
_PAUSE_S = 1.6
_LEAKS_LATER_S = 0.03


class Said(NamedTuple):
    """A sentence, and when it is said, in s."""

    text: str
    start_s: float
    end_s: float


class Call(NamedTuple):
    """What both sides say; `near`, `far`: their voices alone."""

    near: Any
    far: Any
    said: list[Said]


def rows(quick: bool) -> Iterator[Row]:
    """Words heard by a session for each side, beside one; then what the echo costs."""
    if not shutil.which("flite") or importlib.util.find_spec("moonshine_voice") is None:
        return
    pairs = PAIRS[:1] if quick else PAIRS
    with TemporaryDirectory() as name:
        folder = Path(name)
        each = mix = count = 0
        alone = leaking = ducked = said = 0
        for pair in pairs:
            call = _call(folder, pair, at_once=True)
            count += _words(call)
            mix += _heard(folder, _mixed(_tracks(call, leaks=False)), call)
            each += sum(
                _heard(folder, side, call._replace(said=call.said[number::2]))
                for number, side in enumerate((call.near, call.far))
            )
            call = _call(folder, pair, at_once=False)
            said += _words(call)
            tracks = _tracks(call, leaks=True)
            alone += _heard(folder, _mixed(_tracks(call, leaks=False)), call)
            leaking += _heard(folder, tracks.sum(axis=1), call)
            ducked += _heard(folder, _mixed(tracks), call)
    yield Row(
        "words heard of what both say at once: a session for each side",
        None,
        f"{each} of {count}",
        f"one session {mix}",
        "more",
        each > mix,
    )
    yield Row(
        "words heard of a call whose loudspeaker leaks at 0 dB, the microphone ducked",
        None,
        f"{ducked} of {said}",
        f"not ducked {leaking}; without a leak {alone}",
        "more",
        ducked > leaking,
    )


def _words(call: Call) -> int:
    return sum(len(plain(said.text).split()) for said in call.said)


def _call(folder: Path, pair: tuple[str, str], *, at_once: bool) -> Call:
    """Sentences in pairs: each side says one, at once or one after the other."""
    parts: tuple[list[tuple[float, Any]], list[tuple[float, Any]]] = [], []
    said = []
    at = 1.0
    for number in range(0, len(SENTENCES), 2):
        began = at
        for side in (0, 1):
            text = SENTENCES[number + side]
            voice = _spoken(folder, pair[side], text)
            start = began + side * _LATER_S if at_once else at + 0.3
            end = start + len(voice) / RATE_HZ
            parts[side].append((start, voice))
            said.append(Said(text, start, end))
            at = max(at, end)
        at += _PAUSE_S
    near, far = (np.zeros(round((at + 1) * RATE_HZ)) for _ in parts)
    for side, track in enumerate((near, far)):
        for start, voice in parts[side]:
            first = round(start * RATE_HZ)
            track[first : first + len(voice)] += voice
    return Call(near, far, said)


def _spoken(folder: Path, voice: str, text: str) -> Any:
    path = folder / "said.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    samples, rate_hz = soundfile.read(path, dtype="float64")
    samples = soxr.resample(samples, rate_hz, RATE_HZ)
    return samples * (_LEVEL / np.sqrt((samples**2).mean()))


def _tracks(call: Call, *, leaks: bool) -> Any:
    """Microphone and system, of shape (frames, 2)."""
    from bench.call import _in_room

    chance = np.random.default_rng(7)
    mic = call.near + chance.standard_normal(len(call.near)) * 0.0005
    if leaks:
        mic = mic + _in_room(call.far, chance, 0.3, _LEAKS_LATER_S)
    return np.stack([mic, call.far], 1)


def _mixed(tracks: Any) -> Any:
    """What one session hears."""
    pcm = _as_pcm(tracks)
    with AudioLog.temporary(AudioFormat(RATE_HZ, 2)) as log:
        view = MixedView(log)
        log.append(pcm)
        log.end()
        return np.frombuffer(view.read(0, view.frames), "<i2") / 32767


def _as_pcm(samples: Any) -> bytes:
    pcm: bytes = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    return pcm


def _heard(folder: Path, samples: Any, call: Call) -> int:
    """How many of the words were recognised, each where it was said."""
    path = folder / "heard.wav"
    soundfile.write(path, np.frombuffer(_as_pcm(samples), "<i2"), RATE_HZ)
    options = ["--local", "--engine", "moonshine", "--jsonl", "--no-save", "--no-partials"]
    done = subprocess.run(
        [*program().command, "file", str(path), *options], check=True, capture_output=True
    )
    records = map(json.loads, done.stdout.splitlines())
    words = [
        word
        for record in records
        if record["type"] == "Turn" and record["final"]
        for word in record["words"]
    ]
    right = 0
    for said in call.said:
        near = [
            word["text"]
            for word in words
            if said.start_s - 0.5 <= word["start"] / 1000 <= said.end_s + 0.5
        ]
        both = plain(said.text).split(), plain(" ".join(near)).split()
        matches = SequenceMatcher(None, *both, autojunk=False).get_matching_blocks()
        right += sum(match.size for match in matches)
    return right
