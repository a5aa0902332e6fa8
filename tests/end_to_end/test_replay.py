"""`aai-stream replay`: a recording again, on a terminal and in a pipe."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.counting import counting_service, write_wav
from tests.program import DEADLINE_S, Home, Outcome
from tests.terminal import Terminal

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def recorded(home: Home) -> Path:
    """The journal of a recording of 20 words in four turns."""
    write_wav(home.work / "talk.wav", 20)
    with counting_service() as service:
        outcome = home.run("file", "talk.wav", "--endpoint", service.url)
    assert outcome.code == 0, outcome.err
    return home.only_recording() / "journal.jsonl"


def lines() -> list[str]:
    return [" ".join(f"w{i}" for i in range(first, first + 5)) for first in range(1, 20, 5)]


def test_a_pipe_gets_the_text_at_once(home: Home, recorded: Path) -> None:
    for name in ("latest", recorded.parent.name, str(recorded), str(recorded.parent)):
        outcome = home.run("replay", name, "--speed", "0.01")
        assert outcome.code == 0, outcome.err
        assert outcome.out.splitlines() == lines()
        assert outcome.err == ""


def test_a_journal_that_was_cut_off_is_shown_as_far_as_it_goes(home: Home, recorded: Path) -> None:
    records = recorded.read_text().splitlines(keepends=True)
    finals = [n for n, line in enumerate(records) if json.loads(line).get("final")]
    unknown = json.dumps({"type": "Hologram", "v": 2}) + "\n"
    cut = home.work / "cut.jsonl"
    cut.write_text("".join([*records[: finals[1] + 1], unknown, records[-1][:20]]))
    outcome = home.run("replay", "cut.jsonl")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == lines()[:2]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("nothing", 2, "There are no recordings"),
        ("empty.jsonl", 3, "holds no records"),
        ("talk.txt", 3, "holds no records"),
    ],
)
def test_what_is_no_recording_is_explained(
    home: Home, call: Callable[..., Outcome], name: str, code: int, words: str
) -> None:
    (home.work / "empty.jsonl").touch()
    (home.work / "talk.txt").write_text("not a record\n")
    outcome = call("replay", name)
    assert outcome.code == code
    assert words in outcome.err


def test_a_speed_must_be_positive(home: Home) -> None:
    assert home.run("replay", "latest", "--speed", "0").code == 2


def test_the_reader_of_a_pipe_may_go(home: Home, recorded: Path) -> None:
    recorded.write_text(recorded.read_text() * 400)  # more than a pipe holds
    process = home.start("replay", str(recorded), stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=DEADLINE_S) == 0


@pytest.mark.terminal
class TestOnATerminal:
    """In tmux."""

    def test_the_final_view_is_printed_at_once(self, home: Home, recorded: Path) -> None:
        with Terminal(home, "replay", "latest", "--instant") as terminal:
            code = terminal.wait_for_exit()
            rows = [row for row in terminal.everything().splitlines() if row]
            before, after = terminal.modes()
        assert code == 0
        assert [row.split("  ")[-1] for row in rows] == lines()
        assert before == after

    def test_it_is_shown_as_it_happened(self, home: Home, recorded: Path) -> None:
        with Terminal(home, "replay", "latest", "--speed", "2") as terminal:
            terminal.wait_for_text("replaying")
            assert lines()[-1] not in terminal.screen()
            code = terminal.wait_for_exit()
            everything = terminal.everything()
            before, after = terminal.modes()
        assert code == 0
        for line in lines():
            assert everything.count(line) == 1
        assert "replaying" not in everything
        assert before == after

    @pytest.mark.parametrize(("key", "code"), [("q", 0), ("C-c", 130)])
    @pytest.mark.first(1)
    def test_it_can_be_stopped(self, home: Home, recorded: Path, key: str, code: int) -> None:
        with Terminal(home, "replay", "latest", "--speed", "0.01") as terminal:
            terminal.wait_for_text("replaying")
            terminal.type("?")
            terminal.wait_for_text("these keys")
            terminal.type(key)
            assert terminal.wait_for_exit() == code
            before, after = terminal.modes()
            cursor = terminal.tmux("display-message", "-p", "#{cursor_flag}").strip()
            assert "these keys" not in terminal.everything()
        assert before == after
        assert cursor == "1"


def test_json_lines_of_several_files_are_told_apart(home: Home) -> None:
    def record(kind: str, source: str, **fields: Any) -> dict[str, Any]:
        time = "2026-11-20T20:18:40.112Z"
        return {"v": 1, "type": kind, "time": time, "source": source, **fields}

    def final(source: str, text: str) -> dict[str, Any]:
        place = {"session": 0, "session_offset_ms": 0, "turn": 0, "start": 0, "end": 1}
        said = {"final": True, "turn_order": 0, "end_of_turn": True, "transcript": text}
        return record("Turn", source, **place, **said)

    both = [
        record("Recording", "a.wav"),
        record("Recording", "b.wav"),
        final("b.wav", "of b"),
        final("a.wav", "of a"),
    ]
    (home.work / "both.jsonl").write_text("".join(json.dumps(line) + "\n" for line in both))
    assert home.run("replay", "both.jsonl").out.splitlines() == ["of b", "of a"]
