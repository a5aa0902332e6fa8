"""Keys and hostile words, with the whole program in a real terminal."""

import json
from typing import Any

import pytest

from tests.counting import counting_service, write_wav
from tests.end_to_end.test_screen import scripted
from tests.program import Home
from tests.terminal import Terminal
from tests.ui.shell import shell
from transcribe_cli.emulator.local_service import LocalService

pytestmark = pytest.mark.terminal


def records(home: Home) -> list[dict[str, Any]]:
    journal = home.only_recording() / "journal.jsonl"
    return [json.loads(line) for line in journal.read_text().splitlines()]


def test_keys_are_shown_and_heard_and_q_stops(home: Home) -> None:
    write_wav(home.work / "talk.wav", 300)
    with (
        counting_service() as service,
        Terminal(home, "file", "talk.wav", "--endpoint", service.url) as terminal,
    ):
        service.wait_for_words(6)
        terminal.type("?")
        terminal.wait_for_text("these keys")
        terminal.type("?")
        terminal.wait_for(lambda: "these keys" not in terminal.screen(), "closed the panel")
        terminal.type("b")
        terminal.wait_for_text("── bookmark ──")
        terminal.type("w")
        terminal.wait_for_text("unsure words are not marked")
        terminal.type("q")
        terminal.wait_for_exit()
        everything = terminal.everything()
        before, after = terminal.modes()
        cursor = terminal.tmux("display-message", "-p", "#{cursor_flag}").strip()
    assert before == after
    assert cursor == "1"
    assert everything.count("── bookmark ──") == 1
    for passing in ("these keys", "unsure words", "transcribing"):
        assert passing not in everything
    written = records(home)
    assert [record["type"] for record in written].count("Mark") == 1
    assert written[-1]["type"] == "Summary"
    assert written[-1]["terminated"] is True


def test_a_pause_is_in_the_record_and_on_the_screen(home: Home) -> None:
    write_wav(home.work / "talk.wav", 60)
    with (
        counting_service() as service,
        Terminal(home, "file", "talk.wav", "--endpoint", service.url) as terminal,
    ):
        service.wait_for_words(6)
        terminal.type("Space")
        terminal.wait_for_text("── paused ──")
        terminal.type("Space")
        terminal.wait_for_text("── goes on ──")
        assert terminal.wait_for_exit() == 0
        everything = " ".join(terminal.everything().split())
    types = [record["type"] for record in records(home)]
    assert types.index("Paused") < types.index("Resumed")
    for first in range(1, 60, 5):
        words = " ".join(f"w{number}" for number in range(first, first + 5))
        assert everything.count(words + " ") == 1, everything


def test_ctrl_z_and_fg_lose_no_word(home: Home) -> None:
    write_wav(home.work / "talk.wav", 60)
    with counting_service() as service, shell(80, 30) as window:
        before = window.modes()
        command = home.command("file", "talk.wav", "--endpoint", service.url)
        window.enter(f"clear; {command}")
        service.wait_for_words(6)
        window.stop(before)
        window.enter("fg; echo code=$?")
        rows = window.wait_for("code=0", "saved:")
        assert window.modes() == before
        everything = " ".join(" ".join(rows).split())
    assert "transcribing" not in everything
    for first in range(1, 60, 5):
        words = " ".join(f"w{number}" for number in range(first, first + 5))
        assert everything.count(words + " ") == 1, everything


HOSTILE = "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[5;5H\x9b2J \u202eturned\u202c [bold]x[/bold]"


def test_words_of_the_service_cannot_drive_the_terminal(home: Home) -> None:
    message = {
        "type": "Turn",
        "turn_order": 0,
        "turn_is_formatted": True,
        "end_of_turn": True,
        "transcript": HOSTILE,
        "end_of_turn_confidence": 1.0,
        "words": [
            {"start": 0, "end": 900, "text": HOSTILE, "confidence": 0.1, "word_is_final": True}
        ],
        "utterance": "",
        "speaker_label": "\x1b[1mA",
        "language_code": "\x1b[7m",
        "language_confidence": 0.9,
    }
    write_wav(home.work / "talk.wav", 20)
    with (
        scripted(home, message) as url,
        Terminal(home, "file", "talk.wav", "--endpoint", url) as terminal,
    ):
        assert terminal.wait_for_exit() == 0
        everything = terminal.everything()
        coloured = terminal.tmux("capture-pane", "-p", "-e", "-S", "-")
        title = terminal.tmux("display-message", "-p", "#{pane_title}").strip()
    assert "␛[2J␛]0;owned␇␛[31mred␛[5;5H" in "".join(everything.split("\n"))
    assert "[bold]x[/bold]" in everything
    assert "\u202e" not in everything
    assert title != "owned"
    assert "\x1b[31m" not in coloured
    assert "\x1b[7m" not in coloured


@pytest.mark.long
def test_turns_end_by_hand_and_typed_key_terms_are_recorded(home: Home) -> None:
    write_wav(home.work / "talk.wav", 300)
    (home.work / "terms.txt").write_text("# people\nRNase\n")
    options = ("--mode", "manual", "--keyterms-file", "terms.txt")
    with (
        LocalService("--engine", "counting") as service,
        Terminal(
            home, "file", "talk.wav", "--endpoint", service.url, *options, columns=100
        ) as terminal,
    ):
        terminal.wait_for_text("e ends the turn")
        terminal.wait_for_text("w8")
        terminal.type("e")
        terminal.wait_for(lambda: finals(home) == 1, "ended the turn by e")
        terminal.type("k")
        terminal.wait_for_text("key terms, with commas between them:")
        terminal.type("-l", "Sonny Miller, q")
        terminal.wait_for_text("them: Sonny Miller, q")
        terminal.type("Enter")
        terminal.wait_for_text("── key terms: RNase, Sonny Miller, q ──")
        assert finals(home) == 1  # the line took that Enter
        terminal.type("Enter")
        terminal.wait_for(lambda: finals(home) == 2, "ended the turn by Enter")
        (home.work / "terms.txt").write_text("DNase\n")
        terminal.wait_for_text("── key terms: Sonny Miller, q, DNase ──")
        terminal.type("q")
        terminal.wait_for_exit()
    changed = [r["parameters"] for r in records(home) if r["type"] == "UpdateConfiguration"]
    assert changed == [
        {"keyterms_prompt": ["RNase", "Sonny Miller", "q"]},
        {"keyterms_prompt": ["Sonny Miller", "q", "DNase"]},
    ]
    assert finals(home) == 3


def finals(home: Home) -> int:
    return sum(bool(record.get("final")) for record in records(home))
