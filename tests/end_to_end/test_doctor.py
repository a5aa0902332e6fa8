"""`aai-stream doctor` with real faults: keys, networks, certificates, devices, disks, terminals."""

import json
import os
import socket
import struct
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_certificate
from tests.counting import Session, counting_service
from tests.loudspeaker import SINK, Loudspeaker, loudspeaker
from tests.program import ROOT, Home, Outcome
from tests.terminal import Terminal
from transcribe_cli.emulator.local_service import LocalService

pytestmark = pytest.mark.usefixtures("in_process")

PATIENCE_S = 40.0  # its own limits add up to 13 s; the rest is the machine's
KEY = "0123456789abcdef" * 2


def without_portaudio(home: Home) -> dict[str, str]:
    """The environment of a machine where the library is not installed."""
    folder = home.path / "no-portaudio"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import ctypes.util\n"
        "found = ctypes.util.find_library\n"
        "ctypes.util.find_library = lambda name: None if 'portaudio' in name else found(name)\n"
    )
    return {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}


def states(outcome: Outcome) -> dict[str, str]:
    """The worst state of each area."""
    rank = ["ok", "warning", "failed"]
    worst: dict[str, str] = {}
    for finding in json.loads(outcome.out)["findings"]:
        area, state = finding["area"], finding["state"]
        worst[area] = max(worst.get(area, "ok"), state, key=rank.index)
    return worst


def found(outcome: Outcome, area: str, state: str) -> dict[str, Any]:
    """The first finding of that area and state."""
    findings = json.loads(outcome.out)["findings"]
    return next(f for f in findings if (f["area"], f["state"]) == (area, state))


def diagnose(home: Home, *arguments: str, **env: str) -> Outcome:
    """The program's findings as JSON, in the time that a patient has."""
    began = time.monotonic()
    outcome = home.run("doctor", "--json", *arguments, env=env)
    assert time.monotonic() - began < PATIENCE_S
    assert "Traceback" not in outcome.out + outcome.err
    assert outcome.err == ""
    assert json.loads(outcome.out)["exit_code"] == outcome.code
    return outcome


@pytest.fixture(scope="module")
def there() -> Iterator[list[str]]:
    """The options of a service that is well."""
    with counting_service() as service:
        yield ["--endpoint", service.url]


# The key and the service.


def test_service_that_is_well_gets_one_session_that_is_ended_at_once(home: Home) -> None:
    with counting_service() as service:
        outcome = diagnose(home, "--endpoint", service.url, ASSEMBLYAI_API_KEY=KEY)
    (session,) = service.sessions
    assert session.terminated
    assert session.chunks_ms == []
    assert session.headers["authorization"] == KEY
    shown = states(outcome)
    assert (shown["key"], shown["network"], shown["session"]) == ("ok", "ok", "ok")
    assert KEY not in outcome.out


def test_no_key(home: Home) -> None:
    outcome = diagnose(home, "--endpoint", "wss://no-such-host.invalid")
    assert outcome.code == 4
    assert "ASSEMBLYAI_API_KEY" in found(outcome, "key", "failed")["hint"]


def test_wrong_key(home: Home) -> None:
    def refuse(session: Session, heard: int) -> None:
        session.fail(1008, "Unauthorized Connection: Invalid API key")

    with counting_service(fault=refuse) as service:
        outcome = diagnose(home, "--endpoint", service.url, ASSEMBLYAI_API_KEY="wrong-key")
    assert outcome.code == 4
    assert "refused the API key" in found(outcome, "key", "failed")["text"]
    assert "wrong-key" not in outcome.out
    assert states(outcome)["network"] == "ok"


def test_key_in_the_folders_file(home: Home) -> None:
    (home.work / ".env").write_text(f"ASSEMBLYAI_API_KEY={KEY}\n")
    with counting_service() as service:
        outcome = diagnose(home, "--endpoint", service.url)
    assert found(outcome, "key", "ok")["text"].endswith(".env")
    assert service.sessions[0].headers["authorization"] == KEY
    assert KEY not in outcome.out


@pytest.mark.long
def test_end_that_is_not_confirmed_is_a_warning(home: Home) -> None:
    def never_ends(session: Session, heard: int) -> None:
        if heard == 0:
            for _ in session.connection:
                pass

    with counting_service(fault=never_ends) as service:
        outcome = diagnose(home, "--endpoint", service.url)
    assert states(outcome)["session"] == "warning"


def test_nothing_listens_there(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = diagnose(home, "--endpoint", f"ws://127.0.0.1:{port}")
    assert outcome.code == 5
    assert f"127.0.0.1:{port}" in found(outcome, "network", "failed")["text"]


def test_no_network(home: Home) -> None:
    outcome = diagnose(home, "--endpoint", "wss://no-such-host.invalid", ASSEMBLYAI_API_KEY=KEY)
    assert outcome.code == 5
    assert "no-such-host.invalid" in found(outcome, "network", "failed")["text"]
    assert "session" not in states(outcome)


@pytest.mark.long
def test_service_that_never_answers_is_given_up(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = diagnose(home, "--endpoint", f"ws://127.0.0.1:{silent.getsockname()[1]}")
    assert outcome.code == 5


@pytest.mark.long
def test_certificate_that_does_not_verify(home: Home, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    script = tmp_path / "script.jsonl"
    script.write_text('{"type":"Turn","turn_order":0,"end_of_turn":true,"transcript":"hello"}\n')
    files = ("--certfile", str(cert), "--keyfile", str(key), "--script", str(script))
    with LocalService(*files) as service:
        refused = diagnose(home, "--endpoint", service.url)
        trusted = diagnose(home, "--endpoint", service.url, SSL_CERT_FILE=str(cert))
    assert refused.code == 5
    assert "SSL_CERT_FILE" in found(refused, "network", "failed")["hint"]
    assert states(trusted)["network"] == states(trusted)["session"] == "ok"


def test_local_service_is_started_and_tried(home: Home) -> None:
    outcome = diagnose(home, "--local")
    shown = states(outcome)
    assert (shown["key"], shown["network"]) == ("ok", "ok")
    assert shown["session"] != "failed"  # on a busy machine its end may come late: a warning


# The machine.


def test_no_portaudio(home: Home) -> None:
    with counting_service() as service:
        outcome = diagnose(home, "--endpoint", service.url, **without_portaudio(home))
    assert outcome.code == 3
    failed = found(outcome, "audio", "failed")
    assert failed["text"] == "PortAudio is not installed."
    assert "libportaudio2" in failed["hint"]


@pytest.mark.long
def test_sound_system_that_crashes_is_a_finding(home: Home) -> None:
    folder = home.path / "crash"
    folder.mkdir()
    (folder / "sounddevice.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    outcome = diagnose(home, "--local", PYTHONPATH=f"{ROOT}{os.pathsep}{folder}")
    assert outcome.code == 3
    assert "crashed" in found(outcome, "audio", "failed")["text"]


@pytest.mark.long
def test_sound_system_that_hangs_is_given_up(home: Home) -> None:
    folder = home.path / "hang"
    folder.mkdir()
    (folder / "sounddevice.py").write_text("import time\ntime.sleep(60)\n")
    outcome = diagnose(home, "--local", PYTHONPATH=f"{ROOT}{os.pathsep}{folder}")
    assert outcome.code == 3
    assert "No answer" in found(outcome, "audio", "failed")["text"]


def test_settings_of_a_run_are_those_of_the_check(home: Home) -> None:
    folder = home.path / "config" / "aai-stream"
    folder.mkdir(parents=True)
    with counting_service() as service:
        (folder / "config.toml").write_text(f'endpoint = "{service.url}"\nmodel = "whisper-rt"\n')
        outcome = diagnose(home)
        assert len(service.sessions) == 1
    assert "sets endpoint, model" in found(outcome, "settings", "ok")["text"]
    (folder / "config.toml").unlink()
    assert states(diagnose(home, AAI_STREAM_LOCAL="1"))["session"] != "failed"


@pytest.mark.parametrize("text", ["no-such-option = 1", "this is no TOML"])
@pytest.mark.first(1)
def test_wrong_settings_are_a_finding(home: Home, there: list[str], text: str) -> None:
    (home.work / "config.toml").write_text(text)
    outcome = diagnose(home, *there, AAI_STREAM_CONFIG="config.toml")
    assert outcome.code == 2
    assert "config.toml" in found(outcome, "settings", "failed")["text"]


def test_save_dir_that_cannot_be_written(home: Home, there: list[str]) -> None:
    outcome = diagnose(home, *there, "--save-dir", "/proc/no", **without_portaudio(home))
    assert found(outcome, "disk", "failed")["exit_code"] == 2
    assert outcome.code == 3  # the first failure decides


@pytest.mark.long
def test_nothing_is_left_behind(home: Home) -> None:
    diagnose(home, "--local")
    assert not home.recordings.exists()
    assert list(home.work.iterdir()) == []


@pytest.fixture(scope="module")
def speaker() -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        yield running


@pytest.mark.device
def test_muted_microphone_is_a_warning(home: Home, there: list[str], speaker: Loudspeaker) -> None:
    outcome = diagnose(home, *there, **speaker.env)
    assert outcome.code == 0
    assert "default is 'aai_stream_test.monitor'" in found(outcome, "audio", "ok")["text"]
    assert "silence" in found(outcome, "audio", "warning")["text"]


@pytest.mark.device
def test_microphone_that_hears_something_is_fine(
    home: Home, there: list[str], speaker: Loudspeaker
) -> None:
    tone = home.path / "tone.wav"
    with wave.open(str(tone), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(struct.pack("<hh", 8000, -8000) * 8000 * 30)
    player = subprocess.Popen(
        ["paplay", f"--device={SINK}", str(tone)], env=os.environ | speaker.env
    )
    try:
        while b"Sink Input" not in pactl(speaker, "list", "sink-inputs"):
            assert player.poll() is None
        outcome = diagnose(home, *there, "--device", "pulse", **speaker.env)
    finally:
        player.kill()
        player.wait()
    assert outcome.code == 0
    assert states(outcome)["audio"] == "ok"
    assert "-12 dB" in outcome.out


@pytest.mark.device
def test_device_that_is_none_is_explained(
    home: Home, there: list[str], speaker: Loudspeaker
) -> None:
    outcome = diagnose(home, *there, "--device", "no such device", **speaker.env)
    assert outcome.code == 3
    assert "no such device" in found(outcome, "audio", "failed")["text"]


def pactl(speaker: Loudspeaker, *arguments: str) -> bytes:
    return subprocess.run(
        ["pactl", *arguments],
        env=os.environ | speaker.env,
        capture_output=True,
        timeout=20,
        check=True,
    ).stdout


# For people.


def test_lines_say_what_is_wrong_and_how_to_mend_it(home: Home) -> None:
    outcome = home.run("doctor", "--endpoint", "ws://127.0.0.1:9", env=without_portaudio(home))
    assert outcome.code == 5
    assert outcome.err == ""
    lines = outcome.out.splitlines()
    assert lines[0].startswith("ok       program   aai-stream")
    assert "failed   network   Nothing listens at 127.0.0.1:9." in lines
    assert "failed   audio     PortAudio is not installed." in lines
    assert lines[-1].startswith("2 failed")
    assert "\x1b" not in outcome.out


@pytest.mark.terminal
def test_terminal_is_described_in_colour(home: Home, there: list[str]) -> None:
    with Terminal(home, "doctor", *there, columns=100) as terminal:
        terminal.wait_for_exit()
        shown = terminal.screen(colours=True)
    assert "100 x 24, " in shown
    assert "\x1b[32mok" in shown


def test_reader_that_goes_away_ends_it_quietly(home: Home) -> None:
    process = home.start("doctor", "--local")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize(
    "arguments",
    [("--endpoint", "https://example.org"), ("--local", "--endpoint", "ws://127.0.0.1:9"), ("x",)],
)
def test_wrong_usage(call: Callable[..., Outcome], arguments: tuple[str, ...]) -> None:
    outcome = call("doctor", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
