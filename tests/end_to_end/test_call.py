"""`mic --system` and `mic --with-system` on real devices: PulseAudio without hardware."""

import signal
import threading
import time
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.counting import RATE, counting_service, speak, write_wav
from tests.loudspeaker import Loudspeaker, loudspeaker, mic_in_terminal
from tests.program import DEADLINE_S, Home, finals, finish, words

pytestmark = pytest.mark.device

LEAD_S = 0.5  # the sound server swallows some ms when a player starts
THEM = "them"
YOU_SAY, THEY_SAY = 3001, 6001  # the first words of each; loud enough to have a level


@pytest.fixture(scope="module")
def speaker() -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        running.add_sink(THEM)
        yield running


def wav(home: Home, first: int, count: int = 20) -> Path:
    return write_wav(home.work / f"{first}.wav", count, lead_s=LEAD_S, first=first)


def tracks_of(home: Home) -> list[bytes]:
    with wave.open(str(home.only_recording() / "audio.wav")) as file:
        samples = array("h", file.readframes(10**9))
        count = file.getnchannels()
    return [samples[channel::count].tobytes() for channel in range(count)]


def channels(records: list[dict[str, Any]]) -> dict[str, int]:
    """Of each final word."""
    finals = [record for record in records if record["type"] == "Turn" and record["final"]]
    return {word["text"]: word["channel"] for turn in finals for word in turn["words"]}


def said(first: int, count: int = 20) -> bytes:
    return speak(count, first=first).rstrip(b"\0")


def says(track: bytes, first: int) -> bool:
    """Whether these words are the first on it. The system's track is stretched by up to 2 in 1000
    where blocks come late, so that its samples may be others.
    """
    wanted = np.frombuffer(said(first), "<i2").astype(float)
    heard = np.frombuffer(track, "<i2").astype(float)
    start = int(np.argmax(abs(heard) > first / 2))
    heard = heard[start : start + len(wanted)]
    if len(heard) < len(wanted):
        return False
    return bool(np.linalg.norm(heard - wanted) < 0.4 * np.linalg.norm(wanted))


@pytest.mark.long
def test_both_sides_are_recorded_each_on_its_track_and_told_apart_in_one_session(
    home: Home, speaker: Loudspeaker
) -> None:
    with counting_service() as service:
        process = home.start(
            *("mic", "--with-system", "--device", "pulse", "--endpoint", service.url),
            *("--jsonl", "-o", "talk.txt", "-o", "talk.srt"),
            env=speaker.env,
        )
        assert service.began.wait(DEADLINE_S)
        speaker.play(wav(home, YOU_SAY))
        speaker.play(wav(home, THEY_SAY), sink=THEM)
        service.wait_for_words(40)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    heard = [f"w{first + number}" for first in (YOU_SAY, THEY_SAY) for number in range(20)]
    assert words(outcome.records) == heard
    assert channels(outcome.records) == dict.fromkeys(heard[:20], 0) | dict.fromkeys(heard[20:], 1)
    microphone, system = tracks_of(home)
    assert said(YOU_SAY) in microphone  # sample for sample
    assert says(system, THEY_SAY)
    assert said(YOU_SAY)[:4000] not in system
    start = outcome.records[0]
    assert start["audio"]["channels"] == 2
    assert start["tracks"] == ["microphone", "system"]
    lines = (home.work / "talk.txt").read_text().splitlines()
    assert " ".join(line.removeprefix("You: ") for line in lines if "You" in line) == " ".join(
        heard[:20]
    )
    assert " ".join(line.removeprefix("Them: ") for line in lines if "Them" in line) == " ".join(
        heard[20:]
    )
    again = home.run("recordings", "export", "latest", "--format", "srt", "-o", "-")
    assert again.out == (home.work / "talk.srt").read_text()
    assert "You: " in again.out


@pytest.mark.long
def test_both_sides_are_heard_at_once_by_a_session_for_each(
    home: Home, speaker: Loudspeaker
) -> None:
    with counting_service() as service:
        process = home.start(
            *("mic", "--with-system", "--channels", "each", "--device", "pulse"),
            *("--endpoint", service.url, "--jsonl", "-o", "talk.txt"),
            env=speaker.env,
        )
        while len(service.sessions) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        here, there = wav(home, YOU_SAY), wav(home, THEY_SAY)
        player = threading.Thread(target=speaker.play, args=(there, THEM))
        player.start()
        speaker.play(here)
        player.join()
        service.wait_for_words(40)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    told = channels(outcome.records)
    yours, theirs = ([f"w{first + n}" for n in range(20)] for first in (YOU_SAY, THEY_SAY))
    assert told == dict.fromkeys(yours, 0) | dict.fromkeys(theirs, 1)
    starts = {
        word["text"]: word["start"] for turn in finals(outcome.records) for word in turn["words"]
    }
    for said_on in (yours, theirs):
        assert starts[said_on[19]] - starts[said_on[0]] == pytest.approx(1900, abs=20)
    summary = outcome.records[-1]
    assert (summary["sessions"], summary["terminated"], summary["lost_ms"]) == (2, True, 0)
    lines = (home.work / "talk.txt").read_text().splitlines()
    assert {line.split(": ")[0] for line in lines} == {"You", "Them"}


@pytest.mark.long
def test_call_that_was_killed_is_resumed_with_its_channels(
    home: Home, speaker: Loudspeaker
) -> None:
    options = ("mic", "--with-system", "--device", "pulse", "--endpoint", "ws://127.0.0.1:9")
    process = home.start(*options, "--jsonl", env=speaker.env)
    assert process.stdout is not None
    while b'"Disconnected"' not in process.stdout.readline():
        pass
    speaker.play(wav(home, THEY_SAY), sink=THEM)
    speaker.play(wav(home, YOU_SAY))
    audio = home.only_recording() / "audio.wav"
    said_all = audio.stat().st_size + 2 * 2 * RATE  # a second more of two tracks
    while audio.stat().st_size < said_all:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    with counting_service() as service:
        outcome = home.run("recordings", "resume", "latest", "--endpoint", service.url, "--jsonl")
    assert outcome.code == 0, outcome.err
    told = channels(outcome.records)
    assert [told[f"w{THEY_SAY + n}"] for n in range(20)] == [1] * 20
    assert [told[f"w{YOU_SAY + n}"] for n in range(20)] == [0] * 20


@pytest.mark.long
def test_mute_silences_the_microphone_alone(home: Home, speaker: Loudspeaker) -> None:
    with mic_in_terminal(home, speaker, "--with-system") as (terminal, service):
        terminal.type("m")
        terminal.wait_for_text("muted")
        speaker.play(wav(home, YOU_SAY))
        speaker.play(wav(home, THEY_SAY), sink=THEM)
        service.wait_for_words(20)
        terminal.wait_for_text("Them: w6001")
        terminal.wait_for_text("You")  # its meter
        terminal.type("q")
        assert terminal.wait_for_exit() == 0
    microphone, system = tracks_of(home)
    assert not any(microphone[-4 * 16000 :])
    assert says(system, THEY_SAY)


@pytest.mark.long
def test_system_alone_is_them(home: Home, speaker: Loudspeaker) -> None:
    with counting_service() as service:
        process = home.start(
            *("mic", "--system", "--endpoint", service.url, "--jsonl", "-o", "talk.txt"),
            env=speaker.env,
        )
        assert service.began.wait(DEADLINE_S)
        speaker.play(wav(home, THEY_SAY), sink=THEM)
        service.wait_for_words(20)
        speaker.add_sink("headset")  # another loudspeaker is the default one now
        while not speaker.is_heard("headset"):
            assert process.poll() is None
        speaker.play(wav(home, THEY_SAY + 20), sink="headset")
        service.wait_for_words(40)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert outcome.records[0]["tracks"] == ["system"]
    assert set(channels(outcome.records).values()) == {1}
    assert (home.work / "talk.txt").read_text().startswith("Them: w6001")
    (system,) = tracks_of(home)
    assert says(system, THEY_SAY)


@pytest.mark.long
def test_probe_shows_each_channel_of_both_sides(home: Home, speaker: Loudspeaker) -> None:
    """The microphone has two channels, of which the second one is heard; nothing is played."""
    speaker.control("load-module", "module-null-sink", "sink_name=stereo", "channels=2")
    pause = bytes(RATE)  # half a second
    comes_and_goes = b"".join(pause + speak(5, first=9001)[:RATE] for _ in range(30))
    path = home.work / "right.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        both = array("h", bytes(2 * len(comes_and_goes)))
        both[1::2] = array("h", comes_and_goes)
        file.writeframes(both.tobytes())
    with speaker.playing(path, "stereo"):
        outcome = home.run(
            *("mic", "--with-system", "--probe", "--device", "stereo.monitor"), env=speaker.env
        )
    assert outcome.code == 0, outcome.err
    microphone, left, right, system, *played = outcome.out.splitlines()
    assert microphone.endswith(": 3.0 s")
    assert left == "  left: silent"
    assert right.startswith("  right: speech ")
    assert system == "system: 3.0 s"
    assert played == ["  silent"]
