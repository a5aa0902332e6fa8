"""The live view in a real terminal, watched through tmux."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.counting import Session, counting_service, write_wav
from tests.program import Home
from tests.terminal import Terminal
from transcribe_cli.emulator.local_service import LocalService

pytestmark = pytest.mark.terminal

# The example messages of the pages "Whisper streaming" and "Multilingual streaming".
SPANISH: dict[str, Any] = {
    "turn_order": 0,
    "turn_is_formatted": False,
    "end_of_turn": True,
    "transcript": "buenos días",
    "end_of_turn_confidence": 1.0,
    "words": [
        {"start": 1200, "end": 2596, "text": "buenos", "confidence": 0.0, "word_is_final": True},
        {"start": 2828, "end": 3760, "text": "días", "confidence": 0.0, "word_is_final": True},
    ],
    "utterance": "Buenos días.",
    "language_code": "es",
    "language_confidence": 0.846999,
    "type": "Turn",
}
SILENCE: dict[str, Any] = {
    "turn_order": 1,
    "turn_is_formatted": False,
    "end_of_turn": True,
    "transcript": " silence silence",
    "end_of_turn_confidence": 1.0,
    "words": [
        {"start": 6300, "end": 6338, "text": "", "confidence": 0.0, "word_is_final": True},
        {"start": 6376, "end": 6687, "text": "silence", "confidence": 0.0, "word_is_final": True},
    ],
    "utterance": "[ Silence] [ Silence]",
    "language_code": "fr",
    "language_confidence": 0.480619,
    "type": "Turn",
}
MULTILINGUAL: dict[str, Any] = {
    "turn_order": 2,
    "turn_is_formatted": False,
    "end_of_turn": False,
    "transcript": "Buenos",
    "end_of_turn_confidence": 0.991195,
    "words": [
        {
            "start": 7920,
            "end": 8080,
            "text": "Buenos",
            "confidence": 0.979445,
            "word_is_final": True,
        },
        {
            "start": 8320,
            "end": 8400,
            "text": "días",
            "confidence": 0.774696,
            "word_is_final": False,
        },
    ],
    "utterance": "Buenos días.",
    "language_code": "es",
    "language_confidence": 0.999997,
    "type": "Turn",
}


@contextmanager
def scripted(home: Home, *messages: dict[str, Any]) -> Iterator[str]:
    script = home.path / "script.jsonl"
    script.write_text("".join(json.dumps(message) + "\n" for message in messages))
    with LocalService("--script", str(script)) as service:
        yield service.url


def test_the_documented_examples_on_screen(home: Home) -> None:
    write_wav(home.work / "talk.wav", 95)
    with (
        scripted(home, SPANISH, SILENCE, MULTILINGUAL) as url,
        Terminal(
            home,
            *("file", "talk.wav", "--endpoint", url, "--model", "whisper-rt", "--detect-language"),
            *("--pace", "2"),
        ) as terminal,
    ):
        terminal.wait_for_text("0:07")  # the partial, its open word beside its settled one
        screen = terminal.screen().splitlines()
        code = terminal.wait_for_exit()
        everything = terminal.everything()
    assert code == 0
    final = next(line for line in screen if "0:01" in line)
    assert final.split() == ["0:01", "Buenos", "días.", "es", "85%"]
    assert next(line for line in screen if "0:07" in line).split()[1:3] == ["Buenos", "días"]
    assert any("[Silence] [Silence]" in line for line in screen)
    assert "silence silence" not in everything
    assert everything.count("Buenos días.") == 1
    assert "buenos días" not in everything


def test_the_documented_examples_in_json_lines(home: Home) -> None:
    write_wav(home.work / "talk.wav", 95)
    with scripted(home, SPANISH, SILENCE, MULTILINGUAL) as url:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", url, "--jsonl", "--pace", "max"),
            *("--model", "whisper-rt", "--detect-language"),
        )
    turns = [record for record in outcome.records if record["type"] == "Turn"]
    for sent in (SPANISH, SILENCE, MULTILINGUAL):
        received = [turn for turn in turns if turn["turn_order"] == sent["turn_order"]]
        assert received
        for turn in received:
            assert turn.items() >= sent.items()
    assert [turn["turn_order"] for turn in turns if turn["final"]] == [0, 1, 2]


def test_a_partial_is_rewritten_and_its_final_stays(home: Home) -> None:
    write_wav(home.work / "talk.wav", 12)
    with (
        counting_service(turn_words=6) as service,
        Terminal(home, "file", "talk.wav", "--endpoint", service.url) as terminal,
    ):
        terminal.wait_for_text("w1 w2 w3")
        assert terminal.screen().count("w1") == 1
        assert "transcribing" in terminal.screen()
        code = terminal.wait_for_exit()
        everything = terminal.everything()
        before, after = terminal.modes()
        cursor = terminal.tmux("display-message", "-p", "#{cursor_flag}").strip()
    assert code == 0
    assert everything.count("w1 w2 w3 w4 w5 w6") == 1
    assert everything.count("w7 w8 w9 w10 w11 w12") == 1
    assert "transcribing" not in everything  # the status line leaves no trace
    assert "saved:" in everything
    assert before == after
    assert cursor == "1"


def test_ctrl_c_gives_the_last_words_and_the_terminal_back(home: Home) -> None:
    write_wav(home.work / "talk.wav", 300)
    with (
        counting_service() as service,
        Terminal(home, "file", "talk.wav", "--endpoint", service.url) as terminal,
    ):
        service.wait_for_words(8)
        terminal.type("C-c")
        code = terminal.wait_for_exit()
        everything = terminal.everything()
        before, after = terminal.modes()
    assert code == 130
    assert f"w{service.heard_words}" in everything
    assert "Traceback" not in everything
    assert before == after


@pytest.mark.long
def test_resizing_leaves_every_final_once(home: Home) -> None:
    write_wav(home.work / "talk.wav", 60)
    with (
        counting_service() as service,
        Terminal(home, "file", "talk.wav", "--endpoint", service.url) as terminal,
    ):
        for count, (columns, lines) in enumerate([(40, 12), (100, 30), (25, 8), (80, 24)], 1):
            service.wait_for_words(count * 11)
            terminal.resize(columns, lines)
        code = terminal.wait_for_exit()
        everything = " ".join(terminal.everything().split())
    assert code == 0
    for first in range(1, 60, 5):
        turn = " ".join(f"w{number}" for number in range(first, first + 5))
        assert everything.count(turn + " ") == 1, everything


def test_an_error_ends_the_view_cleanly(home: Home) -> None:
    def refuse(session: Session, heard: int) -> None:
        session.fail(1008, "Unauthorized Connection: Invalid API key")

    write_wav(home.work / "talk.wav", 10)
    with (
        counting_service(fault=refuse) as service,
        Terminal(home, "file", "talk.wav", "--endpoint", service.url) as terminal,
    ):
        code = terminal.wait_for_exit()
        everything = " ".join(terminal.everything().split())
        before, after = terminal.modes()
    assert code == 4
    assert "error: The service refused the API key" in everything
    assert before == after
