"""Several files, broken outputs, odd surroundings: a command does what is left, and says so."""

import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.counting import Session, counting_service, speak, write_wav
from tests.program import Home, Outcome, finals, finish, wait_until, words

pytestmark = pytest.mark.usefixtures("in_process")

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX")


def shell(home: Home, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell, `$P` being the program."""
    return subprocess.run(
        ["sh", "-c", line],
        cwd=home.work,
        env=home.environment({"P": f"{sys.executable} -m transcribe_cli", **variables}),
        capture_output=True,
        text=True,
        timeout=45,
    )


# Several files.


def test_the_files_after_a_reader_that_went_away_are_not_opened(home: Home) -> None:
    for name in ("one.wav", "two.wav", "three.wav"):
        write_wav(home.work / name, 40)
    with counting_service() as service:
        process = home.start("file", "one.wav", "two.wav", "three.wav", "--endpoint", service.url)
        assert process.stdout is not None
        assert process.stdout.readline()  # a heading
        process.stdout.close()
        process.stdout = None
        outcome = finish(process)
    assert (outcome.code, len(service.sessions)) == (0, 1)
    assert "error" not in outcome.err


def test_a_damaged_file_does_not_stop_the_others(home: Home) -> None:
    import numpy as np
    import soundfile

    noise = np.random.default_rng(1).integers(-9000, 9000, 64000).astype(np.int16)
    soundfile.write(home.work / "bad.flac", noise, 16000)
    whole = (home.work / "bad.flac").read_bytes()
    half = len(whole) // 2
    (home.work / "bad.flac").write_bytes(whole[:half] + bytes(3000) + whole[half + 3000 :])
    write_wav(home.work / "good.wav", 5)
    with counting_service() as service:
        outcome = home.run(
            *("file", "bad.flac", "good.wav", "--endpoint", service.url, "--jsonl"),
            *("--pace", "max"),
            env={"PATH": str(home.work)},  # without ffmpeg, which reads on behind damage
        )
    assert outcome.code == 3
    assert "'bad.flac' is damaged at " in outcome.err
    good = [turn["transcript"] for turn in finals(outcome.records) if turn["source"] == "good.wav"]
    assert good == ["w1 w2 w3 w4 w5"]


def test_a_refused_key_stops_the_others(home: Home) -> None:
    def refuse(session: Session, heard: int) -> None:
        session.fail(1008, "Unauthorized Connection: Invalid API key")

    for name in ("one.wav", "two.wav"):
        write_wav(home.work / name, 5)
    with counting_service(fault=refuse) as service:
        outcome = home.run("file", "one.wav", "two.wav", "--endpoint", service.url)
    assert (outcome.code, len(service.sessions)) == (4, 1)


def test_the_greatest_cost_is_that_of_all_files(home: Home) -> None:
    for name in ("one.wav", "two.wav", "three.wav"):
        write_wav(home.work / name, 20)
    with counting_service() as service:
        outcome = home.run(
            *("file", "one.wav", "two.wav", "three.wav", "--endpoint", service.url),
            *("--jsonl", "--max-cost", str(3 * 0.45 / 3600)),  # three seconds of u3-rt-pro
        )
    assert outcome.code == 6
    billed = [r["session_s"] for r in outcome.records if r["type"] == "Summary"]
    assert billed == [2.0, 1.0]
    assert len(service.sessions) == 2
    assert "not transcribed: three.wav" in outcome.err


def test_a_missing_file_among_several_is_a_record_too(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    with counting_service() as service:
        outcome = home.run(
            *("file", "missing.wav", "talk.wav", "--endpoint", service.url, "--jsonl"),
            *("--pace", "max"),
        )
    assert outcome.code == 3
    error = outcome.records[0]
    assert (error["type"], error["exit_code"], error["source"]) == ("Error", 3, "missing.wav")
    assert [record["seq"] for record in outcome.records] == list(range(len(outcome.records)))


# Outputs that break.


@needs_full
def test_a_full_standard_output_is_told_and_the_rest_is_saved(home: Home) -> None:
    write_wav(home.work / "talk.wav", 40)
    with counting_service() as service, FULL.open("wb") as full:
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, "--text", "-o", "x.txt"), stdout=full
        )
        outcome = finish(process)
    assert outcome.code == 6
    assert "error: Standard output cannot be written: No space left" in outcome.err
    assert "fault" not in outcome.err
    assert service.sessions[0].terminated
    assert (home.work / "x.txt").read_text().startswith("w1 w2 w3 w4 w5\n")


@needs_full
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("models", "Standard output cannot be written: No space left"),
        ("--version", "Standard output cannot be written: No space left"),
        ("--help", "There is no room left"),
    ],
)
def test_a_list_that_cannot_be_written_is_told(home: Home, command: str, said: str) -> None:
    outcome = shell(home, f"$P {command} > /dev/full")
    assert outcome.returncode == 6
    assert outcome.stderr.startswith(f"error: {said}")
    assert len(outcome.stderr.splitlines()) == 2


@posix
@pytest.mark.parametrize("command", ["--help", "--version"])
def test_a_reader_that_does_not_want_the_help_is_no_error(home: Home, command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        outcome = finish(home.start(command, stdout=nobody))

    assert outcome.code == 0
    assert outcome.err == ""


@needs_full
def test_an_output_that_is_full_is_given_up_for_all_files(home: Home) -> None:
    for name in ("one.wav", "two.wav"):
        write_wav(home.work / name, 5)
    (home.work / "all.txt").symlink_to(FULL)
    with counting_service() as service:
        outcome = home.run(
            *("file", "one.wav", "two.wav", "--endpoint", service.url, "--pace", "max"),
            *("-o", "all.txt"),
        )
    assert outcome.code == 6, outcome.err
    assert outcome.err.count("'all.txt' is given up") == 1
    assert outcome.out.count("w1 w2 w3 w4 w5") == 2


@needs_full
@pytest.mark.parametrize("name", ["copy.wav", "copy.flac"])
@pytest.mark.first(1)
def test_a_copy_of_the_audio_that_fails_is_a_warning(home: Home, name: str) -> None:
    (home.work / name).symlink_to(FULL)
    with counting_service() as service:
        outcome = home.run(
            *("file", "-", "--endpoint", service.url, "--jsonl", "--record", name), data=speak(20)
        )
    assert outcome.code == 6
    assert f"warning: '{name}' cannot be written" in outcome.err
    assert "saved: " in outcome.err
    assert outcome.records[-1]["type"] == "Summary"
    with wave.open(str(home.only_recording() / "audio.wav")) as file:
        assert file.readframes(10**9) == speak(20)


# Paths that would be written over one another.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("one.wav", "--record", "./one.wav"), "is the source itself"),
        (("one.wav", "--record", "link.wav"), "is the source itself"),
        (("one.wav", "two.wav", "--record", "x.wav"), "--record takes the audio of one file"),
        (("one.wav", "deep/one.wav", "-o", "{stem}.txt"), "the same path"),
        (("one.wav", "one.wav", "-o", "{stem}.txt"), "the same path"),
        (("one.wav", "two.wav", "-o", "{stem}.txt", "--no-clobber"), "'two.txt' is there already"),
        (("one.wav", "-o", "two.txt", "--no-clobber"), "'two.txt' is there already"),
        (("one.wav", "--record", "two.wav", "--no-clobber"), "'two.wav' is there already"),
    ],
)
def test_what_would_be_written_over_is_refused(
    home: Home, call: Callable[..., Outcome], arguments: tuple[str, ...], said: str
) -> None:
    (home.work / "deep").mkdir()
    for name in ("one.wav", "two.wav", "deep/one.wav"):
        write_wav(home.work / name, 5)
    (home.work / "link.wav").symlink_to("one.wav")
    (home.work / "two.txt").write_text("mine")
    before = (home.work / "one.wav").read_bytes()
    with counting_service() as service:
        outcome = call("file", *arguments, "--endpoint", service.url)
    assert (outcome.code, service.sessions) == (2, [])
    assert said in outcome.err
    assert (home.work / "one.wav").read_bytes() == before
    assert not home.recordings.exists()
    assert sorted(path.name for path in home.work.iterdir()) == [
        *("deep", "link.wav", "one.wav", "two.txt", "two.wav")
    ]
    assert (home.work / "two.txt").read_text() == "mine"


@posix
def test_standard_input_is_not_recorded_over(home: Home) -> None:
    write_wav(home.work / "one.wav", 5)
    before = (home.work / "one.wav").read_bytes()
    outcome = shell(home, "$P file - --no-save --record one.wav --local < one.wav")
    assert outcome.returncode == 2
    assert (home.work / "one.wav").read_bytes() == before


# Errors as records, and odd surroundings.


@pytest.mark.parametrize("where", ["variable", "dotenv", "settings"])
@pytest.mark.first(1)
def test_an_error_is_a_record_wherever_records_were_asked(home: Home, where: str) -> None:
    if where == "dotenv":
        (home.work / ".env").write_text("AAI_STREAM_JSONL=1\n")
    if where == "settings":
        (home.path / "config" / "aai-stream").mkdir(parents=True)
        (home.path / "config" / "aai-stream" / "config.toml").write_text("jsonl = true\n")
    env = {"AAI_STREAM_JSONL": "true"} if where == "variable" else {}
    outcome = home.run("file", "missing.wav", "--local", env=env)
    assert outcome.code == 3
    (error,) = outcome.records
    assert (error["type"], error["seq"], error["exit_code"]) == ("Error", 0, 3)


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", ["$P file no.wav", "$P models", "$P --version", "$P nonsense"])
@pytest.mark.first(2)
def test_closed_streams_do_not_crash(home: Home, line: str, closed: str) -> None:
    outcome = shell(home, f"{line} {closed}")
    assert outcome.returncode == {"$P file no.wav": 3, "$P nonsense": 2}.get(line, 0)
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert "fault" not in outcome.stderr


@posix
def test_a_run_without_standard_output_is_saved(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    with counting_service() as service:
        outcome = shell(home, f"$P file talk.wav --pace max --endpoint {service.url} >&-")
    assert outcome.returncode == 0, outcome.stderr
    assert (home.only_recording() / "transcript.txt").read_text() == "w1 w2 w3 w4 w5\n"


@posix
def test_a_deleted_folder_does_not_crash(home: Home) -> None:
    outcome = shell(home, "mkdir gone; cd gone; rmdir ../gone; $P recordings list")
    assert (outcome.returncode, outcome.stdout) == (0, "no recordings\n")


def test_names_of_another_encoding_do_not_crash(home: Home) -> None:
    source = home.work / "今天.wav"
    write_wav(source, 5)
    with counting_service() as service:
        assert home.run("file", source.name, "--endpoint", service.url).code == 0
    listed = home.run("recordings", "list", env={"PYTHONIOENCODING": "ascii"})
    assert (listed.code, "-今天 " in listed.out) == (0, True), listed.err


@posix
def test_ctrl_c_before_the_run_leaves_nothing(home: Home) -> None:
    process = home.start(
        "file", "-", "--endpoint", "ws://127.0.0.1:9", stdin=subprocess.PIPE, process_group=0
    )
    wait_until(lambda: list(home.recordings.glob("*/journal.jsonl")))
    os.kill(process.pid, signal.SIGINT)
    assert finish(process).code == 130
    assert list(home.recordings.iterdir()) == []


@posix
def test_ctrl_c_while_the_library_makes_a_class_has_its_exit_code_too(home: Home) -> None:
    # A module of this name in the working folder comes before the real one.
    (home.work / "typer.py").write_text('exec("raise KeyboardInterrupt")', encoding="utf-8")
    assert finish(home.start("devices")).code == 130


def test_ctrl_c_when_all_is_open_and_nothing_has_begun_leaves_nothing(
    home: Home, call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        assert list(home.recordings.glob("*/journal.jsonl"))
        raise KeyboardInterrupt

    write_wav(home.work / "talk.wav", 1)
    monkeypatch.setattr("transcribe_cli.run.loop.Loop.run", interrupted)

    assert call("file", "talk.wav", "--endpoint", "ws://127.0.0.1:9").code == 130
    assert [path for path in home.recordings.iterdir() if path.is_dir()] == []


def test_a_recording_has_the_whole_name_of_its_source(home: Home) -> None:
    write_wav(home.work / "2026.11.20 meeting.wav", 5)
    with counting_service() as service:
        home.run(
            *("file", "2026.11.20 meeting.wav", "--endpoint", service.url, "--pace", "max"),
            *("-o", "{stem}.txt"),
        )
    assert home.only_recording().name[17:] == "-2026-11-20-meeting"
    assert (home.work / "2026.11.20 meeting.txt").exists()


@posix
def test_ffmpeg_gets_neither_key_nor_token(home: Home) -> None:
    tool = home.work / "ffmpeg"
    tool.write_text("#!/bin/sh\nenv > seen.txt\n")
    tool.chmod(0o755)
    (home.work / "talk.m4a").write_bytes(b"no audio at all")
    outcome = home.run(
        *("file", "talk.m4a", "--endpoint", "ws://127.0.0.1:9"),
        env={
            "PATH": f"{home.work}:{os.environ['PATH']}",
            "ASSEMBLYAI_API_KEY": "the-key",
            "AAI_STREAM_TOKEN": "the-token",
        },
    )
    assert outcome.code == 3
    seen = (home.work / "seen.txt").read_text()
    assert "HOME=" in seen
    assert "the-" not in seen


# Settings.


def test_a_variable_of_a_repeatable_option_holds_one_value_a_line(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", "max"),
            env={
                "AAI_STREAM_KEYTERM": "Sonny Miller\nRNase\n",
                "AAI_STREAM_OUTPUT": "my talk.txt",
            },
        )
    assert outcome.code == 0, outcome.err
    assert service.sessions[0].query["keyterms_prompt"] == ['["Sonny Miller","RNase"]']
    assert (home.work / "my talk.txt").exists()


NO_SETTINGS = {"AAI_STREAM_CONFIG": "gone.toml"}


@pytest.mark.parametrize("command", [("file", "talk.wav", "--local"), ("mic",)])
def test_settings_that_are_named_must_be_there(home: Home, command: tuple[str, ...]) -> None:
    write_wav(home.work / "talk.wav", 5)
    outcome = home.run(*command, env=NO_SETTINGS)
    assert (outcome.code, outcome.out) == (2, "")
    error, hint = outcome.err.splitlines()
    assert error == "error: There is no 'gone.toml', which AAI_STREAM_CONFIG names."
    assert hint.startswith("hint: ")
    assert not home.recordings.exists()


@pytest.mark.parametrize(
    "line", ["--help", "--version", "file --help", "mic -h", "recordings list"]
)
@pytest.mark.first(2)
def test_what_reads_no_settings_does_not_miss_them(home: Home, line: str) -> None:
    home.recordings.mkdir()
    outcome = home.run(*line.split(), env=NO_SETTINGS)
    assert (outcome.code, outcome.err) == (0, "")


def test_models_are_listed_also_where_prices_of_ones_own_cannot_be_read(home: Home) -> None:
    outcome = home.run("models", env=NO_SETTINGS)
    assert outcome.code == 0
    assert "u3-rt-pro" in outcome.out
    said = "There is no 'gone.toml', which AAI_STREAM_CONFIG names."
    assert outcome.err == f"note: no price of yours counts: {said}\n"


def test_a_dotenv_does_not_send_the_key_elsewhere(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    with counting_service() as service:
        settings = f"AAI_STREAM_ENDPOINT={service.url}\n"
        (home.work / ".env").write_text(settings)
        home.run("token", env={"ASSEMBLYAI_API_KEY": "k", "HTTPS_PROXY": "http://127.0.0.1:9"})
        home.run(
            *("file", "talk.wav", "--pace", "max"),
            env={"ASSEMBLYAI_API_KEY": "k", "HTTPS_PROXY": "http://127.0.0.1:9"},
        )
        assert service.sessions == []
        (home.work / ".env").write_text(settings + "ASSEMBLYAI_API_KEY=its-own\n")
        outcome = home.run("file", "talk.wav", "--pace", "max", "--jsonl")
    assert service.sessions[0].headers["authorization"] == "its-own"
    assert words(outcome.records) == ["w1", "w2", "w3", "w4", "w5"]


@pytest.mark.parametrize("command", [("file", "talk.wav"), ("token",)])
def test_a_key_does_not_go_unencrypted(home: Home, command: tuple[str, ...]) -> None:
    write_wav(home.work / "talk.wav", 5)
    outcome = home.run(
        *command, "--endpoint", "ws://192.0.2.1", env={"ASSEMBLYAI_API_KEY": "the-key"}
    )
    assert outcome.code == 2
    assert "wss://" in outcome.err
    assert "the-key" not in outcome.err
