"""A microphone that goes away and comes back: every word before and after, at its time.

On a real sound server (PulseAudio without hardware), that is killed and started again, and whose
sources go and come.
"""

import json
import signal
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.counting import CountingService, counting_service, speak, write_wav
from tests.loudspeaker import SINK, Loudspeaker, loudspeaker
from tests.program import DEADLINE_S, Home, Outcome, finish, words

pytestmark = [pytest.mark.device, pytest.mark.long]

NULL_SINK = ("load-module", "module-null-sink", "rate=16000", "channels=1", "norewinds=1")


@pytest.fixture
def speaker() -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        yield running


class Recording:
    """`mic --jsonl` while it runs."""

    def __init__(self, home: Home, speaker: Loudspeaker, service: CountingService) -> None:
        self.home = home
        self.speaker = speaker
        self.service = service
        self.records: list[dict[str, Any]] = []  # of the journal, once it was stopped
        self.process: subprocess.Popen[bytes]

    def say(self, first: int, sink: str = SINK) -> None:
        """Ten words, and wait until all so far have been heard."""
        path = write_wav(self.home.work / f"{first}.wav", 10, lead_s=0.5, first=first)
        self.speaker.play(path, sink)
        self.service.wait_for_words(first + 9)

    def wait_for(self, type_name: str) -> dict[str, Any]:
        """The next record of this type."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            record: dict[str, Any] = json.loads(line)
            if record["type"] == type_name:
                return record
        raise AssertionError(f"it ended without a {type_name}")

    def stop(self) -> Outcome:
        self.process.send_signal(signal.SIGINT)
        outcome = finish(self.process)
        journal = (self.home.only_recording() / "journal.jsonl").read_text().splitlines()
        self.records = [json.loads(line) for line in journal]
        return outcome

    def told(self, *types: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["type"] in types]


@contextmanager
def recording(home: Home, speaker: Loudspeaker, *arguments: str) -> Iterator[Recording]:
    with counting_service() as service:
        running = Recording(home, speaker, service)
        running.process = home.start(
            *("mic", "--endpoint", service.url, "--jsonl", *arguments), env=speaker.env
        )
        assert service.began.wait(DEADLINE_S)
        yield running


def check_times(home: Home, running: Recording, count: int) -> bytes:
    """Each word once, and where it is in the recording."""
    assert words(running.records) == [f"w{number}" for number in range(1, count + 1)]
    with wave.open(str(home.only_recording() / "audio.wav")) as file:
        audio: bytes = file.readframes(10**9)
    for turn in running.told("Turn"):
        for word in turn["words"] if turn["final"] else []:
            said = speak(1, first=int(word["text"][1:])).rstrip(b"\0")
            assert abs(word["start"] - audio.index(said) / 32) <= 20
    return audio


def kill_and_start(speaker: Loudspeaker) -> Callable[[], None]:
    speaker.kill()
    return speaker.start


def unload_and_load(speaker: Loudspeaker) -> Callable[[], None]:
    speaker.control(*NULL_SINK, "sink_name=other")  # which the server would move the stream to
    speaker.control("unload-module", speaker.module_of(SINK))
    return lambda: speaker.control(*NULL_SINK, f"sink_name={SINK}")


def test_session_that_ended_meanwhile_is_followed_by_one_behind_the_silence(
    home: Home, speaker: Loudspeaker
) -> None:
    (home.work / "sitecustomize.py").write_text(
        "from transcribe_cli.run import pause_reasons\npauses.GONE_S = 1.0\n"
    )
    speaker.env["PYTHONPATH"] = f"{home.work}:{home.environment()['PYTHONPATH']}"
    with recording(home, speaker) as running:
        running.say(1)
        speaker.kill()
        running.wait_for("Termination")
        time.sleep(2)
        speaker.start()
        back = running.wait_for("DeviceBack")
        running.say(11)
        outcome = running.stop()
    assert outcome.code == 0, outcome.err
    check_times(home, running, 20)
    first, _ = running.service.sessions
    assert first.terminated
    (again,) = [r for r in running.told("Begin") if r["session"] == 1]
    assert again["session_offset_ms"] == back["at"]
    assert running.records[-1]["complete"] is True


@pytest.mark.parametrize("go", [kill_and_start, unload_and_load])
def test_every_word_before_and_after_is_there_with_the_silence_between(
    home: Home, speaker: Loudspeaker, go: Callable[[Loudspeaker], Callable[[], None]]
) -> None:
    with recording(home, speaker, "--device", SINK) as running:
        running.say(1)
        before = time.monotonic()
        come_back = go(speaker)
        lost = running.wait_for("DeviceLost")
        time.sleep(3)
        come_back()
        back = running.wait_for("DeviceBack")
        away_s = time.monotonic() - before
        running.say(11)
        outcome = running.stop()
    assert outcome.code == 0, outcome.err
    missed_ms = back["at"] - lost["at"]
    assert 3000 <= missed_ms <= (away_s + 1) * 1000  # blocks come late
    audio = check_times(home, running, 20)
    assert not any(audio[32 * lost["at"] + 3200 : 32 * back["at"] - 3200])
    gap = {"start": lost["at"], "end": back["at"], "reason": "no audio from the microphone"}
    (told,) = running.told("Gap")
    assert told | gap == told
    summary = running.records[-1]
    assert summary["missing_ms"] == summary["lost_ms"] == missed_ms
    assert summary["complete"] is True
    assert len(running.service.sessions) == 1  # it was not long
    assert "for which no audio came" in outcome.err


def test_portaudio_device_is_opened_again_too(home: Home, speaker: Loudspeaker) -> None:
    """As on systems without a sound server of ours: here it is PortAudio's way to PulseAudio."""
    (home.work / "sitecustomize.py").write_text(
        "from transcribe_cli.audio import devices\ndevices._sources = lambda: None\n"
    )
    speaker.env["PYTHONPATH"] = f"{home.work}:{home.environment()['PYTHONPATH']}"
    with recording(home, speaker, "--device", "pulse") as running:
        running.say(1)
        come_back = kill_and_start(speaker)
        running.wait_for("DeviceLost")
        come_back()
        assert running.wait_for("DeviceBack")["device"] == "pulse"
        running.say(11)
        outcome = running.stop()
    assert outcome.code == 0, outcome.err
    check_times(home, running, 20)
    for noise in ("Expression", "alsa", "ALSA"):
        assert noise not in outcome.err


def test_default_stands_in_for_a_device_until_it_is_back(home: Home, speaker: Loudspeaker) -> None:
    speaker.control(*NULL_SINK, "sink_name=headset")
    with recording(home, speaker, "--device", "headset.monitor", "--device-fallback") as running:
        running.say(1, "headset")
        before = time.monotonic()
        speaker.control("unload-module", speaker.module_of("headset"))
        assert running.wait_for("DeviceBack")["device"] == f"{SINK}.monitor"
        away_s = time.monotonic() - before
        running.say(11)
        before = time.monotonic()
        speaker.control(*NULL_SINK, "sink_name=headset")
        assert running.wait_for("DeviceBack")["device"] == "headset.monitor"
        away_s += time.monotonic() - before
        running.say(21, "headset")
        outcome = running.stop()
    assert outcome.code == 0, outcome.err
    check_times(home, running, 30)
    assert running.records[-1]["missing_ms"] <= (away_s + 1) * 1000


def test_microphone_that_nobody_named_goes_with_the_default(
    home: Home, speaker: Loudspeaker
) -> None:
    speaker.env.pop("PULSE_SOURCE")
    speaker.control("set-default-source", f"{SINK}.monitor")
    with recording(home, speaker) as running:
        running.say(1)
        speaker.control(*NULL_SINK, "sink_name=headset")
        speaker.control("set-default-source", "headset.monitor")
        assert running.wait_for("DeviceBack")["device"] == "headset.monitor"
        running.say(11, "headset")
        outcome = running.stop()
    assert outcome.code == 0, outcome.err
    check_times(home, running, 20)
    assert running.told("DeviceLost")[0]["device"]
