"""A sound server that ends, or is held up, in the middle of a recording: told, and counted.

The server is PulseAudio without hardware, of the test's own.
"""

import json
import re
import signal
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.counting import CountingService, counting_service, speak, write_wav
from tests.loudspeaker import SINK, Loudspeaker, loudspeaker, mic_in_terminal
from tests.program import DEADLINE_S, Home, Outcome, finish, wait_until, words

pytestmark = [pytest.mark.device, pytest.mark.long]


@pytest.fixture
def speaker() -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        yield running


def set_in_program(home: Home, speaker: Loudspeaker, module: str, name: str, value: float) -> None:
    """One of the program's times, for those who do not wait so long, or wait for else."""
    (home.work / "sitecustomize.py").write_text(
        f"import transcribe_cli.{module} as module\nassert module.{name}\nmodule.{name} = {value}\n"
    )
    speaker.env["PYTHONPATH"] = f"{home.work}:{home.environment()['PYTHONPATH']}"


@contextmanager
def recording(
    home: Home, speaker: Loudspeaker, *arguments: str
) -> Iterator[tuple["subprocess.Popen[bytes]", CountingService]]:
    """The program with its session begun and ten words heard."""
    talk = write_wav(home.work / "talk.wav", 10, lead_s=0.5)
    with counting_service() as service:
        process = home.start(
            *("mic", "--device", "pulse", "--endpoint", service.url, "--jsonl", *arguments),
            env=speaker.env,
        )
        assert service.began.wait(DEADLINE_S)
        speaker.play(talk)
        service.wait_for_words(10)
        yield process, service


def wait_for(process: "subprocess.Popen[bytes]", type_name: str) -> list[dict[str, Any]]:
    """The records up to the first of this type."""
    assert process.stdout is not None
    records: list[dict[str, Any]] = []
    while not records or records[-1]["type"] != type_name:
        line = process.stdout.readline()
        assert line, f"it ended without a {type_name}: {records}"
        records.append(json.loads(line))
    return records


def stop_and_finish(
    process: "subprocess.Popen[bytes]", earlier: list[dict[str, Any]]
) -> tuple[Outcome, list[dict[str, Any]]]:
    process.send_signal(signal.SIGINT)
    outcome = finish(process)
    return outcome, earlier + outcome.records


def kill(speaker: Loudspeaker) -> None:
    speaker.kill()


def unload(speaker: Loudspeaker) -> None:
    speaker.control("unload-module", "module-null-sink")


@pytest.mark.parametrize("end", [kill, unload])
def test_what_a_dead_sound_server_cost_is_told(
    home: Home, speaker: Loudspeaker, end: Callable[[Loudspeaker], None]
) -> None:
    # It is the end of the stream that is noticed, and not first the silence.
    set_in_program(home, speaker, "audio.device_timeline", "SILENT_S", 100.0)
    began = time.monotonic()
    captions, copy = home.work / "captions.txt", home.work / "copy.wav"
    options = ("--captions-file", str(captions), "--record", str(copy), "--max-duration", "1h")
    with recording(home, speaker, *options) as (process, service):
        end(speaker)
        gone = time.monotonic()
        records = wait_for(process, "DeviceLost")
        assert time.monotonic() - gone < 50
        time.sleep(3)
        outcome, records = stop_and_finish(process, records)
    took_s = time.monotonic() - began
    summary = records[-1]
    (gap,) = [record for record in records if record["type"] == "Gap"]
    assert outcome.code == 3, outcome.err
    assert summary["complete"] is True  # of what was captured
    assert summary["terminated"] is True
    assert summary["missing_ms"] == summary["lost_ms"] == gap["end"] - gap["start"]
    assert 3000 <= summary["missing_ms"] < took_s * 1000
    assert (
        abs(gap["end"] - summary["audio_s"] * 1000) <= 1
    )  # up to the end, and all of it is silence
    assert gap["reason"] == "no audio from the microphone"
    # What was captured is all there.
    assert words(records) == [f"w{number}" for number in range(1, 11)]
    with wave.open(str(copy)) as file:
        audio = file.readframes(10**9)
    assert speak(10).rstrip(b"\0") in audio
    assert not any(audio[32 * gap["start"] :])
    assert captions.read_text().endswith("w10")
    (session,) = service.sessions
    assert session.terminated
    # And the last lines say it all.
    assert re.search(r"billed: 0:\d\d of session, about \S+", outcome.err)
    assert re.search(r"lost: \d\.\d s for which no audio came", outcome.err)
    assert "error: The microphone gave no audio for the last" in outcome.err
    for noise in ("Expression", "alsa", "ALSA", "PaAlsa", "lost: nothing", "go on with"):
        assert noise not in outcome.err


def test_session_of_a_device_that_is_gone_for_long_ends_for_it_is_billed(
    home: Home, speaker: Loudspeaker
) -> None:
    set_in_program(home, speaker, "run.pause_reasons", "GONE_S", 1.0)
    with recording(home, speaker) as (process, service):
        speaker.kill()
        # Nobody has stopped it.
        wait_until(lambda: service.sessions[0].terminated, "its session goes on", within_s=20)
        outcome, _ = stop_and_finish(process, [])
    assert outcome.code == 3, outcome.err
    assert len(service.sessions) == 1
    summary = outcome.records[-1]
    assert summary["missing_ms"] == summary["lost_ms"] >= 1000
    assert summary["complete"] is True


def test_sound_server_that_is_held_up_loses_nothing(home: Home, speaker: Loudspeaker) -> None:
    with recording(home, speaker) as (process, service):
        speaker.server.send_signal(signal.SIGSTOP)
        records = wait_for(process, "DeviceLost")
        speaker.server.send_signal(signal.SIGCONT)
        records += wait_for(process, "DeviceBack")
        speaker.play(write_wav(home.work / "more.wav", 10, lead_s=0.5, first=11))
        service.wait_for_words(20)
        outcome, records = stop_and_finish(process, records)
    assert outcome.code == 0, outcome.err
    assert words(records) == [f"w{number}" for number in range(1, 21)]
    assert records[-1]["lost_ms"] == records[-1]["missing_ms"] == 0
    assert records[-1]["complete"] is True


def test_sound_server_that_is_held_up_does_not_hold_up_the_end(
    home: Home, speaker: Loudspeaker
) -> None:
    with recording(home, speaker) as (process, service):
        speaker.server.send_signal(signal.SIGSTOP)
        records = wait_for(process, "DeviceLost")
        outcome, records = stop_and_finish(process, records)
        assert service.sessions[0].terminated
    assert outcome.code == 3, outcome.err
    assert words(records) == [f"w{number}" for number in range(1, 11)]
    assert records[-1]["missing_ms"] >= 2000


def test_sound_server_that_dies_in_a_pause_costs_no_words(home: Home, speaker: Loudspeaker) -> None:
    talk = write_wav(home.work / "talk.wav", 10, lead_s=0.5)
    with mic_in_terminal(home, speaker) as (terminal, service):
        speaker.play(talk)
        service.wait_for_words(10)
        terminal.type("Space")
        terminal.wait_for_text("── paused ──")
        kill(speaker)
        terminal.wait_for_text("no audio from the microphone")
        terminal.type("q")
        code = terminal.wait_for_exit()
        assert code == 0, terminal.everything()
        screen = terminal.everything()
    assert "Expression" not in screen
    assert "lost: nothing" in screen


def test_sound_server_that_dies_while_muted_is_told(home: Home, speaker: Loudspeaker) -> None:
    with mic_in_terminal(home, speaker) as (terminal, _):
        terminal.type("m")
        terminal.wait_for_text("muted")
        kill(speaker)
        terminal.wait_for_text("no audio from the microphone")
        time.sleep(0.5)
        terminal.type("q")
        assert terminal.wait_for_exit() == 3


def test_sound_server_that_is_not_there_is_an_error_before_anything_is_billed(
    home: Home, speaker: Loudspeaker
) -> None:
    kill(speaker)
    with counting_service() as service:
        outcome = home.run(
            "mic", "--device", "pulse", "--endpoint", service.url, "--jsonl", env=speaker.env
        )
    assert outcome.code == 3, outcome.err
    assert not service.sessions
    assert "Expression" not in outcome.err
    assert SINK not in outcome.err
