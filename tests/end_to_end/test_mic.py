"""`aai-stream mic` on a real PortAudio device: PulseAudio without hardware."""

import json
import re
import signal
import wave
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from tests.counting import counting_service, speak, write_wav
from tests.loudspeaker import SINK, Loudspeaker, loudspeaker, mic_in_terminal
from tests.program import DEADLINE_S, Home, finish, wait_until, words
from transcribe_cli.jobs.sources import SAMPLE

pytestmark = pytest.mark.device

LEAD_S = 0.5  # the sound server swallows some ms when a player starts


@pytest.fixture(scope="module")
def speaker() -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        yield running


def spoken(count: int) -> bytes:
    """What is said, without the silence behind the last word."""
    return speak(count).rstrip(b"\0")


def saved_audio(home: Home) -> bytes:
    with wave.open(str(home.only_recording() / "audio.wav")) as file:
        frames: bytes = file.readframes(10**9)
    return frames


def test_devices_are_listed(home: Home, speaker: Loudspeaker) -> None:
    found = json.loads(home.run("devices", "--json", env=speaker.env).out)
    (default,) = [device for device in found if device["is_default"]]
    assert default["name"] == f"{SINK}.monitor"
    assert (default["host_api"], default["channels"]) == ("PulseAudio", 1)
    assert (default["is_monitor"], default["in_use"]) == (True, False)
    assert not any(device["name"] == "pulse" for device in found)  # which is the server itself


@pytest.mark.long
def test_devices_are_watched_until_ctrl_c(home: Home, speaker: Loudspeaker) -> None:
    talk = write_wav(home.work / "talk.wav", 40, lead_s=LEAD_S, first=20_000)
    process = home.start("devices", "--watch", env=speaker.env)
    assert process.stdout is not None
    lines = [process.stdout.readline().decode()]
    speaker.play(talk)
    while "-4 dB" not in lines[-1]:
        lines.append(process.stdout.readline().decode())
        assert len(lines) < 30
    process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert lines[0].split()[-2:] == ["-90", "dB"]
    assert lines[-1].startswith("* Monitor of Null Output")


def test_every_word_that_is_played_comes_out_and_is_saved(home: Home, speaker: Loudspeaker) -> None:
    talk = write_wav(home.work / "talk.wav", 40, lead_s=LEAD_S)
    with counting_service() as service:
        process = home.start(
            *("mic", "--device", "pulse", "--endpoint", service.url, "--jsonl"), env=speaker.env
        )
        assert service.began.wait(DEADLINE_S)
        speaker.play(talk)
        service.wait_for_words(40)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert words(outcome.records) == [f"w{number}" for number in range(1, 41)]
    found = saved_audio(home).find(spoken(40))
    assert found >= 0  # sample for sample
    assert outcome.records[-1]["complete"] is True
    assert f"saved: {home.only_recording()}" in outcome.err


@pytest.mark.long
def test_speech_into_the_microphone_comes_out_as_words(home: Home, speaker: Loudspeaker) -> None:
    with (
        wave.open(str(SAMPLE)) as sample,
        wave.open(str(home.work / "start.wav"), "wb") as cut,
    ):
        cut.setparams(sample.getparams())
        cut.writeframes(sample.readframes(16000 * 5))
    process = home.start("mic", "--local", "--jsonl", env=speaker.env)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["type"] == "Recording"
    # From here on everything is heard, even though no session has begun: capture comes first.
    speaker.play(home.work / "start.wav")
    while not (record := json.loads(process.stdout.readline())).get("final"):
        pass
    process.send_signal(signal.SIGTERM)
    outcome = finish(process)
    assert outcome.code == 0, outcome.err
    said = re.findall(r"[a-z]+", record["transcript"].lower())
    meant = "good morning and thank you for coming to the weekly meeting".split()
    # Where the words fall in the decoder's frames differs from run to run, and so may a word.
    assert SequenceMatcher(None, said, meant).ratio() > 0.7, said


def test_a_device_is_chosen_by_part_of_its_name_and_a_wrong_one_is_explained(
    home: Home, speaker: Loudspeaker
) -> None:
    outcome = home.run("mic", "--device", "no such device", "--local", env=speaker.env)
    assert outcome.code == 3
    assert "no such device" in outcome.err
    assert SINK in outcome.err  # the hint names what there is
    with counting_service() as service:
        process = home.start(
            *("mic", "--device", "AAI_Stream", "--endpoint", service.url, "--jsonl"),
            env=speaker.env,
        )
        assert service.began.wait(DEADLINE_S)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert outcome.records[0]["source"] == "Monitor of Null Output"


def test_another_rate_is_resampled(home: Home, speaker: Loudspeaker) -> None:
    with counting_service() as service:
        process = home.start(
            *("mic", "--device", "pulse", "--endpoint", service.url, "--jsonl"),
            *("--sample-rate", "22050", "--max-duration", "2"),
            env=speaker.env,
        )
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert outcome.records[-1]["audio_s"] == 2.0
    assert service.sessions[0].query["sample_rate"] == ["22050"]
    assert len(service.sessions[0].audio) >= 2 * 2 * 22050


def test_without_a_network_the_microphone_is_recorded_all_the_same(
    home: Home, speaker: Loudspeaker
) -> None:
    talk = write_wav(home.work / "talk.wav", 10, lead_s=LEAD_S)
    process = home.start("mic", "--endpoint", "ws://127.0.0.1:9", "--jsonl", env=speaker.env)
    assert process.stdout is not None
    while b'"Disconnected"' not in process.stdout.readline():
        pass
    speaker.play(talk)
    wait_until(lambda: spoken(10) in saved_audio(home))  # the file is whole at every moment
    process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.code == 6
    assert "incomplete" in outcome.err
    assert outcome.records[-1]["complete"] is False


def test_keys_pause_and_mute_the_microphone(home: Home, speaker: Loudspeaker) -> None:
    def say(first: int) -> Path:
        path = home.work / f"{first}.wav"
        write_wav(path, 10, lead_s=LEAD_S, first=first)
        return path

    with mic_in_terminal(home, speaker) as (terminal, service):
        speaker.play(say(1))
        service.wait_for_words(10)
        terminal.type("Space")
        terminal.wait_for_text("── paused ──")
        speaker.play(say(11))  # is not for anybody
        terminal.type("Space")
        terminal.wait_for_text("── goes on ──")
        speaker.play(say(21))
        service.wait_for_words(20)
        terminal.type("m")
        terminal.wait_for_text("muted")
        speaker.play(say(31))  # is recorded as silence
        terminal.type("m")
        terminal.wait_for_text("not muted any more")
        speaker.play(say(41))
        service.wait_for_words(30)
        terminal.type("b", "e", "q")
        assert terminal.wait_for_exit() == 0
        assert terminal.modes()[0] == terminal.modes()[1]
    journal = (home.only_recording() / "journal.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in journal]
    heard = [*range(1, 11), *range(21, 31), *range(41, 51)]
    assert words(records) == [f"w{number}" for number in heard]
    ours = [r for r in records if r["type"] in ("Paused", "Resumed", "Mark")]
    assert [(r["type"], r.get("label")) for r in ours] == [
        *(("Paused", None), ("Resumed", None)),
        *(("Mark", "muted"), ("Mark", "unmuted"), ("Mark", "bookmark")),
    ]
    assert ours[1]["at"] - ours[0]["at"] < 200  # the recording's clock stood still
    audio = saved_audio(home)
    assert speak(1, first=15) not in audio
    assert speak(1, first=35) not in audio
    (seen,) = service.sessions
    assert "ForceEndpoint" in "".join(seen.texts)
