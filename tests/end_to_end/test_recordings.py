"""After a crash: what is saved, how it is mended, and how its transcript is finished."""

import json
import random
import re
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.counting import counting_service, speak, write_wav
from tests.program import Home, Outcome, finals, finish, words
from tests.terminal import Terminal
from tests.word_comparison import assert_exact
from transcribe_cli.recordings.journal import read_journal

pytestmark = pytest.mark.usefixtures("in_process")


def expected(count: int) -> list[str]:
    return [f"w{number}" for number in range(1, count + 1)]


def kill_in_mid_run(home: Home, source: str, said: int, *, after_words: int) -> Path:
    """A run that is killed without warning when so many words were heard."""
    with counting_service() as service:
        process = home.start(
            *("file", source, "--endpoint", service.url, "--jsonl"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        if source == "-":
            process.stdin.write(speak(said))
            process.stdin.flush()
        service.wait_for_words(after_words)
        process.kill()
        process.communicate()
    return home.only_recording()


@pytest.mark.parametrize("source", ["-", "talk.wav"])
@pytest.mark.first(1)
def test_a_killed_run_is_finished_by_resume_without_a_lost_or_doubled_word(
    home: Home, call: Callable[..., Outcome], source: str
) -> None:
    write_wav(home.work / "talk.wav", 40)
    folder = kill_in_mid_run(home, source, 40, after_words=18)
    assert "interrupted" in call("recordings", "list").out
    before = words(read_journal(folder / "journal.jsonl"))
    assert before == expected(len(before))

    with counting_service() as service:
        outcome = home.run("recordings", "resume", "latest", "--endpoint", service.url, "--jsonl")
    assert outcome.code == 0, outcome.err
    journal = read_journal(folder / "journal.jsonl")
    assert words(journal) == expected(40)
    assert words(outcome.records) == expected(40)[len(before) :]
    assert [turn["turn"] for turn in finals(journal)] == list(range(8))
    assert [record["seq"] for record in journal] == list(range(len(journal)))
    assert [record["type"] for record in journal].count("Summary") == 1
    assert journal[-1]["complete"] is True
    assert (journal[-1]["turns"], journal[-1]["words"]) == (8, 40)
    assert (folder / "transcript.txt").read_text().split() == expected(40)
    for turn in finals(journal):
        for word in turn["words"]:
            assert abs(word["start"] - (int(word["text"][1:]) - 1) * 100) <= 20
    # Only what had no final words was sent again.
    assert sum(service.sessions[0].chunks_ms) == pytest.approx(4000 - before_ms(before), abs=100)


def before_ms(before: list[str]) -> int:
    return len(before) * 100


def test_resume_does_nothing_the_second_time(home: Home) -> None:
    kill_in_mid_run(home, "-", 20, after_words=8)
    with counting_service() as service:
        assert home.run("recordings", "resume", "latest", "--endpoint", service.url).code == 0
        folder = home.only_recording()
        whole = {path.name: path.read_bytes() for path in folder.iterdir()}
        again = home.run("recordings", "resume", "latest", "--endpoint", service.url)
    assert again.code == 0
    assert "nothing to do" in again.err
    assert len(service.sessions) == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_the_audio_of_a_killed_run_opens_with_all_but_its_last_moment(home: Home) -> None:
    folder = kill_in_mid_run(home, "-", 30, after_words=12)
    with wave.open(str(folder / "audio.wav")) as file:
        assert file.readframes(10**9) == speak(30)


def test_a_torn_header_and_a_torn_line_are_mended(home: Home, call: Callable[..., Outcome]) -> None:
    folder = kill_in_mid_run(home, "-", 20, after_words=12)
    audio, journal = folder / "audio.wav", folder / "journal.jsonl"
    audio.write_bytes(bytes(44) + audio.read_bytes()[44:])
    lines = journal.read_bytes()
    journal.write_bytes(lines + b'{"v":1,"seq":99,"type":"Tu')
    (folder / "transcript.txt").write_text("w1 w2")
    outcome = call("recordings", "recover", "latest")
    assert outcome.code == 0
    assert "mended" in outcome.err
    with wave.open(str(audio)) as file:
        assert file.readframes(10**9) == speak(20)
    assert journal.read_bytes() == lines
    said = words(read_journal(journal))
    assert (folder / "transcript.txt").read_text().split() == said
    assert "nothing needed mending" in call("recordings", "recover", "latest").err


def test_stopped_while_offline_the_rest_is_resumed_as_the_hint_says(home: Home) -> None:
    process = home.start("file", "-", "--endpoint", "ws://127.0.0.1:9", stdin=subprocess.PIPE)
    outcome = finish(process, speak(12))
    assert outcome.code == 5
    hint = re.search(r"aai-stream (recordings resume \S+)", outcome.err)
    assert hint is not None, outcome.err
    with counting_service() as service:
        resumed = home.run(*hint[1].split(), "--endpoint", service.url, "--text")
    assert resumed.code == 0, resumed.err
    assert resumed.out.split() == expected(12)


def test_recordings_are_listed_shown_and_removed(home: Home, call: Callable[..., Outcome]) -> None:
    nothing = call("recordings", "list")
    assert (nothing.code, nothing.out) == (0, "no recordings\n")
    assert f"'{home.recordings}': No such file" in nothing.err
    write_wav(home.work / "talk.wav", 5)
    with counting_service() as service:
        home.run("file", "talk.wav", "--endpoint", service.url, "--pace", "max")
    (listed,) = json.loads(call("recordings", "list", "--json").out)
    assert (listed["state"], listed["source"], listed["turns"]) == ("complete", "talk.wav", 1)
    assert (listed["words"], listed["first_words"]) == (5, "w1 w2 w3 w4 w5")
    shown = call("recordings", "show", listed["id"]).out
    assert "w1 w2 w3 w4 w5" in shown
    wrong = call("recordings", "show", "2001")
    assert (wrong.code, "recordings list" in wrong.err) == (2, True)
    assert call("recordings", "rm", listed["id"]).code == 0
    assert not list(home.recordings.iterdir())


def save_two(home: Home) -> tuple[Path, Path]:
    """Two recordings whose ids begin differently."""
    folders = home.recordings / "2001-one", home.recordings / "2002-two"
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").touch()
    return folders


@pytest.mark.parametrize("name", ["2001", "2001-on"])
def test_a_part_of_an_id_removes_nothing_unasked(home: Home, name: str) -> None:
    one, two = save_two(home)
    outcome = home.run("recordings", "rm", name, data=b"y\n")
    assert outcome.code == 2
    error, hint = outcome.err.splitlines()
    assert error == f"error: '{name}' is not a whole id; it means {one.name}."
    assert "whole id" in hint
    assert "--yes" in hint
    assert one.exists()
    assert home.run("recordings", "rm", name, "--yes").code == 0
    assert not one.exists()
    assert two.exists()


def test_latest_is_a_part_of_an_id(home: Home, call: Callable[..., Outcome]) -> None:
    one, two = save_two(home)
    refused = home.run("recordings", "rm", "latest")
    assert (refused.code, f"it means {two.name}" in refused.err) == (2, True)
    assert two.exists()
    assert call("recordings", "rm", "latest", "--yes").code == 0
    assert one.exists()
    assert not two.exists()


def test_several_are_shown_and_removed_at_once_or_none(
    home: Home, call: Callable[..., Outcome]
) -> None:
    with counting_service() as service:
        for data in (speak(3), speak(4)):
            assert home.run("file", "-", "--endpoint", service.url, data=data).code == 0
    one, two = sorted(folder.name for folder in home.recordings.iterdir())
    shown = call("recordings", "show", one, two).out
    assert "\n\nw1 w2 w3\n\nid: " in shown
    assert shown.endswith("\n\nw1 w2 w3 w4\n")
    missing = call("recordings", "rm", one, "2001", two)
    assert (missing.code, len(list(home.recordings.iterdir()))) == (2, 2)
    assert call("recordings", "rm", one, two).code == 0
    assert list(home.recordings.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(home: Home, call: Callable[..., Outcome]) -> None:
    for command in (("list",), ("show", "latest"), ("rm", "latest", "--yes")):
        outcome = call("recordings", *command, "--save-dir", "/not/there")
        assert (outcome.code, outcome.out) == (2, "")
        assert "error: There are no recordings in '/not/there': No such file" in outcome.err


@pytest.mark.terminal
@pytest.mark.parametrize(
    ("keys", "removed"),
    [(("y",), True), (("YES",), True), (("n",), False), ((), False), (("2001-one",), False)],
)
def test_on_a_terminal_it_asks(home: Home, keys: tuple[str, ...], removed: bool) -> None:
    one, two = save_two(home)
    with Terminal(home, "recordings", "rm", "2001") as terminal:
        terminal.wait_for_text("[y/N]")
        assert "'2001' is 2001-one" in terminal.screen()
        assert one.exists()
        terminal.type(*keys, "Enter")
        assert terminal.wait_for_exit() == 0
        said = terminal.everything()
    assert one.exists() is not removed
    assert two.exists()
    assert ("removed: " in said) is removed
    assert ("nothing is removed" in said) is not removed


@pytest.mark.terminal
def test_on_a_terminal_a_whole_id_and_yes_are_not_asked_about(home: Home) -> None:
    one, two = save_two(home)
    for arguments in ((one.name,), ("2002", "--yes")):
        with Terminal(home, "recordings", "rm", *arguments) as terminal:
            assert terminal.wait_for_exit() == 0
            assert "[y/N]" not in terminal.everything()
        terminal.exit_file.unlink()
    assert not one.exists()
    assert not two.exists()


@pytest.mark.terminal
@pytest.mark.parametrize(("key", "code"), [("C-d", 0), ("C-c", 130)])
def test_no_answer_removes_nothing(home: Home, key: str, code: int) -> None:
    one, _ = save_two(home)
    with Terminal(home, "recordings", "rm", "2001") as terminal:
        terminal.wait_for_text("[y/N]")
        terminal.type(key)
        assert terminal.wait_for_exit() == code
    assert one.exists()


ODD = {
    "empty": b"",
    "no beginning": b'{"v":1,"seq":0,"time":"2026-01-01T00:00:00.000Z","type":"Begin"}\n',
    "no time": b'{"v":1,"seq":0,"type":"Recording","source":"x"}\n',
    "odd types": b'{"v":1,"seq":0,"time":7,"type":"Recording","audio":[],"parameters":3}\n',
    "no text": b"\xff\xfe\x00",
}


def make_odd(home: Home, kind: str) -> Path:
    """A recording whose journal is none."""
    folder = home.recordings / f"2001-{kind.replace(' ', '-')}"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(ODD[kind])
    return folder


def assert_told(outcome: Outcome, folder: Path) -> None:
    assert (outcome.code, outcome.out) == (3, "")
    problem, hint = outcome.err.splitlines()
    assert problem.startswith(f"error: The recording {folder.name} cannot be read: ")
    assert "recordings rm" in hint


def test_a_journal_that_is_none_is_told_in_two_lines(
    home: Home, call: Callable[..., Outcome]
) -> None:
    with counting_service() as service:
        home.run("file", "-", "--endpoint", service.url, data=speak(5))
    folders = [make_odd(home, kind) for kind in ODD]

    states = json.loads(call("recordings", "list", "--json").out)
    assert [recording["state"] for recording in states] == ["unreadable"] * len(ODD) + ["complete"]
    assert call("recordings", "list").out.count("unreadable") == len(ODD)
    for folder, journal in zip(folders, ODD.values(), strict=True):
        assert_told(call("recordings", "show", folder.name), folder)
        assert (folder / "journal.jsonl").read_bytes() == journal
    for folder in folders:
        assert call("recordings", "rm", folder.name).code == 0
        assert not folder.exists()


@pytest.mark.parametrize("command", ["recover", "resume"])
@pytest.mark.parametrize(
    "kind",
    [kind if kind == "odd types" else pytest.param(kind, marks=pytest.mark.long) for kind in ODD],
)
@pytest.mark.first(1)
def test_a_journal_that_is_none_cannot_be_mended(home: Home, kind: str, command: str) -> None:
    folder = make_odd(home, kind)

    assert_told(home.run("recordings", command, "2001"), folder)
    assert (folder / "journal.jsonl").read_bytes() == ODD[kind]


def test_a_running_recording_is_not_touched(home: Home, call: Callable[..., Outcome]) -> None:
    with counting_service() as service:
        process = home.start("file", "-", "--endpoint", service.url, stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(speak(8))
        process.stdin.flush()
        service.wait_for_words(7)
        folder = home.only_recording()
        (listed,) = json.loads(call("recordings", "list", "--json").out)
        assert listed["state"] == "running"
        for command in ("resume", "recover", "rm"):
            outcome = home.run("recordings", command, "latest")
            assert outcome.code == 2
            assert f"The recording {folder.name} is running" in outcome.err
        assert finish(process).code == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        *("audio.wav", "journal.jsonl", "transcript.txt")
    ]
    assert words(read_journal(folder / "journal.jsonl")) == expected(8)
    assert "complete" in call("recordings", "list").out


def test_a_killed_recording_is_not_running_any_more(
    home: Home, call: Callable[..., Outcome]
) -> None:
    kill_in_mid_run(home, "-", 20, after_words=8)
    assert "interrupted" in call("recordings", "list").out
    assert call("recordings", "rm", "latest", "--yes").code == 0
    assert list(home.recordings.iterdir()) == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_killed_thirty_times_at_random_moments(home: Home, tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(30):
        run = Home(tmp_path / str(number))
        write_wav(run.work / "talk.wav", 30)
        folder = kill_in_mid_run(
            run, chance.choice(["-", "talk.wav"]), 30, after_words=chance.randint(1, 29)
        )
        with counting_service() as service:
            outcome = run.run("recordings", "resume", "latest", "--endpoint", service.url)
        assert outcome.code == 0, outcome.err
        assert_exact(read_journal(folder / "journal.jsonl"), 30)
