"""How well, how soon and at what cost the engines of the local service hear, beside each other.

Each recording goes in real time through a service of its own process, as a client sends it. The
recordings are synthesised here, with noise, or those of a list: audio, a tab and what is said;
then, if that is not English, a tab and the code of its language, or the codes. Where sessions
share a process, several at once then hear the beginning of the first recording. All of it takes
some 12 minutes.
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
import psutil
import soundfile
import soxr
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bench.table import Row
from tests.whisper_base import PARTS, put_together
from transcribe_cli.emulator.engines.registry import BUILT_IN, SpeechEngineInfo
from transcribe_cli.emulator.local_service import LocalService

RATE_HZ = 16000
CHUNK_MS = 100
PAUSE_S = 1.2
NOISE_DB = (20, 10)
CROWD, CROWD_S = 10, 10  # sessions at once, and the seconds of audio of each
# Of flite, and of SVOX Pico.
VOICES = ("slt", "rms", "awb", "kal16", "en-US", "en-GB")
QUICK_VOICES = ("slt", "en-US")
SENTENCES = (
    "Good morning everyone, and thank you for coming to the meeting today.",
    "The train to the city leaves early, so we should be at the station before noon.",
    "She asked whether the old house by the river was still for sale.",
    "We need more water, some bread and a large bag of rice for the weekend.",
    "He has never seen the sea, but he knows every road in these mountains.",
    "Please read the whole letter again before you give them your answer.",
    "Most of the questions were easy, but the last two took me a long time.",
    "When the rain stopped, the children ran out into the garden to play.",
)
ENGLISH = "en"
_MOST_WRONG = {"20 dB": 0.10, "10 dB": 0.25}  # of the words
_MOST_WRONG_ENGLISH, _MOST_WRONG_OTHERS = 0.10, 0.25


class Recording(NamedTuple):
    """Sound and what is said in it; `group` is what figures are told for."""

    group: str
    samples: Any
    said: str
    languages: str = ENGLISH


class Figures(NamedTuple):
    """What one engine made of one recording; delays in seconds of the audio's own clock.

    Attributes:
        first: the first words, after the beginning of the first word.
        partials: each new last word of a partial, after its end.
        finals: each final, after the end of its last word.
    """

    heard: str
    languages: Sequence[str]
    first: Sequence[float]
    partials: Sequence[float]
    finals: Sequence[float]
    cpu_s: float
    memory_bytes: int


def run(quick: bool, lists: Sequence[Path] = ()) -> list[Row]:
    """The rows of all engines that are installed and have a model."""
    recordings = [*(_listed(lists) if lists else _synthesised(quick))]
    rows: list[Row] = []
    for info in BUILT_IN:
        with ExitStack() as stack:
            engine = _engine(info, stack)
            if engine is None:
                print(f"  {info.name}: not installed, or without a model", file=sys.stderr)
                continue
            print(f"  {info.name} ...", file=sys.stderr, flush=True)
            service = stack.enter_context(
                LocalService("--engine", engine, "--max-sessions", str(CROWD))
            )
            figures = [(r, _hear(service, r)) for r in recordings]
            title = f"{info.title} {info.own_model}".strip()
            for group in dict.fromkeys(recording.group for recording in recordings):
                rows += _rows(title, group, [pair for pair in figures if pair[0].group == group])
            if info.shares_process:
                rows += _crowd_rows(title, service, recordings[0])
    return rows


def _engine(info: SpeechEngineInfo, stack: ExitStack) -> str | None:
    """What `--engine` is to be; None: it is not here. Whisper's model may come from packages."""
    if info.is_ready:
        return info.name
    there = all(importlib.util.find_spec(package) for package in PARTS)
    if not (info.multilingual and info.is_installed and there):
        return None
    folder = Path(stack.enter_context(TemporaryDirectory()))
    put_together(folder)
    return f"{info.name}:{folder}"


def _crowd_rows(engine: str, service: LocalService, recording: Recording) -> Iterator[Row]:
    """Several sessions that hear the same at once, beside one that heard it alone."""
    import jiwer

    part = recording._replace(samples=recording.samples[: CROWD_S * RATE_HZ])
    alone = _hear(service, part)
    with ThreadPoolExecutor(CROWD) as pool:
        crowd = [*pool.map(lambda _: _hear(service, part), range(CROWD))]
    name = f"{engine}, {CROWD} sessions at once"
    errors = jiwer.wer([plain(alone.heard)] * CROWD, [plain(each.heard) for each in crowd])
    yield Row(f"{name}: words otherwise than alone", None, f"{errors:.2f}", "", "0.00", errors == 0)
    for what, delays in (
        ("first words", [d for each in crowd for d in each.first]),
        ("finals, median", [d for each in crowd for d in each.finals]),
    ):
        yield Row(f"{name}: {what}", None, f"{median(delays):.2f} s")
    partials = sum(len(each.partials) for each in crowd) / CROWD
    yield Row(f"{name}: partials of each; alone", None, f"{partials:.0f}; {len(alone.partials)}")
    more = (max(each.memory_bytes for each in crowd) - alone.memory_bytes) / (CROWD - 1) / 1e6
    name = f"{engine}: memory of one more session"
    yield Row(name, None, f"{more:.0f} MB", "", "under 60 MB", more < 60)


def _rows(engine: str, group: str, figures: Sequence[tuple[Recording, Figures]]) -> Iterator[Row]:
    import jiwer

    name = f"{engine}, {group}"
    errors = jiwer.wer([plain(r.said) for r, _ in figures], [plain(f.heard) for _, f in figures])
    spoken = {code for r, _ in figures for code in r.languages.split()}
    usual = _MOST_WRONG_ENGLISH if spoken == {ENGLISH} else _MOST_WRONG_OTHERS
    most = _MOST_WRONG.get(group, usual)
    wanted = f"at most {most:.2f}"
    yield Row(f"{name}: words wrong", None, f"{errors:.2f}", "", wanted, errors <= most)
    length_s = sum(len(r.samples) / RATE_HZ for r, _ in figures)
    factor = sum(f.cpu_s for _, f in figures) / length_s
    yield Row(f"{name}: CPU to audio", None, f"{factor:.2f}", "", "at most 0.5", factor <= 0.5)
    for what, delays, most_s in (
        ("first words", [d for _, f in figures for d in f.first], 1.0),
        ("partials, median", [d for _, f in figures for d in f.partials], 0.5),
        ("finals, median", [d for _, f in figures for d in f.finals], 0.8),
    ):
        if delays:
            delay_s = median(delays)
            wanted = f"at most {most_s} s"
            yield Row(f"{name}: {what}", None, f"{delay_s:.2f} s", "", wanted, delay_s <= most_s)
    memory = max(f.memory_bytes for _, f in figures) / 1e6
    yield Row(f"{name}: memory of the service", None, f"{memory:.0f} MB")
    found = {code for _, f in figures for code in f.languages}
    if found:
        right = all({*f.languages} == {*r.languages.split()} for r, f in figures)
        wanted = " ".join(sorted(spoken))
        yield Row(f"{name}: languages", None, " ".join(sorted(found)), "", wanted, right)


def plain(text: str) -> str:
    """A text as words are counted: small letters, no punctuation.

    >>> plain("It's 'done', he said.")
    "it's done he said"
    """
    words = re.sub(r"[^\w' ]", " ", text.lower()).split()
    return " ".join(word.strip("'") for word in words if word.strip("'"))


def _hear(service: LocalService, recording: Recording) -> Figures:
    """Send a recording in real time, and take what comes back."""
    parameters = {
        "speech_model": "universal-streaming-multilingual",
        "sample_rate": RATE_HZ,
        "language_detection": "true",
    }
    pcm = (np.clip(recording.samples, -1, 1) * 32767).astype("<i2").tobytes()
    cpu = _processor_s(service)
    came: list[tuple[float, dict[str, Any]]] = []
    url = f"{service.url}?{urlencode(parameters)}"
    with connect(url, proxy=None, ping_interval=None, close_timeout=30) as connection:
        json.loads(connection.recv(timeout=60))  # Begin
        began = time.monotonic()
        sender = threading.Thread(target=_send, args=(connection, pcm, began), name="bench-send")
        sender.start()
        memory = 0
        try:
            while True:
                message = json.loads(connection.recv(timeout=120))
                came.append((time.monotonic() - began, message))
                memory = max(memory, _memory_bytes(service))
        except ConnectionClosed:
            sender.join()
    turns = [(at_s, m) for at_s, m in came if m["type"] == "Turn" and m["words"]]
    return _figures(turns, _processor_s(service) - cpu, memory)


def _figures(turns: Sequence[tuple[float, dict[str, Any]]], cpu_s: float, memory: int) -> Figures:
    finals = {m["turn_order"]: m for _, m in turns if m["end_of_turn"]}
    first: dict[int, float] = {}
    partials, ends, last = [], [], ("", -1)
    for at_s, message in turns:
        order, words = message["turn_order"], message["words"]
        if order in finals:
            first.setdefault(order, at_s - finals[order]["words"][0]["start"] / 1000)
        newest = (words[-1]["text"].lower().strip(".,?!"), len(words))
        if message["end_of_turn"]:
            ends.append(at_s - words[-1]["end"] / 1000)
        elif newest != last:
            partials.append(at_s - words[-1]["end"] / 1000)
        last = newest
    heard = " ".join(m["transcript"] for m in finals.values())
    languages = [m["language_code"] for m in finals.values() if m.get("language_code")]
    return Figures(heard, languages, [*first.values()], partials, ends, cpu_s, memory)


def _send(connection: ClientConnection, pcm: bytes, began: float) -> None:
    step = RATE_HZ * 2 * CHUNK_MS // 1000
    for number, start in enumerate(range(0, len(pcm), step), start=1):
        time.sleep(max(0.0, began + number * CHUNK_MS / 1000 - time.monotonic()))
        connection.send(pcm[start : start + step].ljust(step, b"\0"))
    connection.send('{"type":"Terminate"}')


def _total(service: LocalService, of: Callable[[psutil.Process], float]) -> float:
    parent = psutil.Process(service.pid)
    total = 0.0
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # that of a session which is over
            total += of(process)
    return total


def _processor_s(service: LocalService) -> float:
    """Of processes that live: shared workers do, and others are counted while they do."""
    return _total(service, lambda process: sum(process.cpu_times()[:4]))


def _memory_bytes(service: LocalService) -> int:
    return int(_total(service, lambda process: process.memory_info().rss))


def _synthesised(quick: bool) -> Iterator[Recording]:
    """Each voice says some sentences, which follow each other, at each level of noise."""
    voices = [v for v in (QUICK_VOICES if quick else VOICES) if _is_there(v)]
    if not voices:
        raise SystemExit("accuracy needs flite or py-nanotts, or a list of recordings")
    count = 2 if quick else 3
    for place, voice in enumerate(voices):
        # Each sentence about as often as any other: some are misheard twice as often.
        said = [SENTENCES[(place * count + n) % len(SENTENCES)] for n in range(count)]
        pause = np.zeros(int(PAUSE_S * RATE_HZ))
        parts = [part for text in said for part in (pause, _speech(voice, text))]
        samples = np.concatenate([*parts, pause])
        for noise_db in NOISE_DB:
            yield Recording(f"{noise_db} dB", with_noise(samples, noise_db), " ".join(said))


def _is_there(voice: str) -> bool:
    if voice.startswith("en-"):
        return importlib.util.find_spec("py_nanotts") is not None
    return shutil.which("flite") is not None


def _speech(voice: str, text: str) -> Any:
    if voice.startswith("en-"):
        from py_nanotts import NanoTTS

        pcm = NanoTTS().speak(text, voice=voice)  # at 16 kHz
        return np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    with TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-t", text, "-o", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        return _read(path)


def with_noise(samples: Any, noise_db: float) -> Any:
    """The samples and pink noise, which is so many dB quieter than the speech in them."""
    spectrum = np.fft.rfft(np.random.default_rng(1).normal(size=len(samples)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, len(samples))
    loud = samples[np.abs(samples) > 0.01]
    level = np.sqrt(np.mean(loud**2)) * 10 ** (-noise_db / 20)
    return samples + noise * level / np.sqrt(np.mean(noise**2))


def _listed(lists: Sequence[Path]) -> Iterator[Recording]:
    for path in lists:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                audio, said, *languages = line.split("\t")
                yield Recording(path.stem, _read(path.parent / audio), said, *languages)


def _read(path: Path) -> Any:
    samples, rate_hz = soundfile.read(path, always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ)
