"""A service that sends one turn of hundreds of thousands of characters, met by the real program."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.counting import CountingService, Session, counting_service, write_wav
from tests.program import Home, finish
from tests.terminal import Terminal

pytestmark = pytest.mark.long

CHARACTERS = 300_000
SOON_S = 10.0  # 300,000 characters were half a minute's work once

MANY = 60_000  # of other kinds of text
TEXT = "x" * CHARACTERS


@contextmanager
def huge_turns(text: str = TEXT) -> Iterator[CountingService]:
    """A service that says nothing but one long turn: twice as a partial, then as a final."""

    def say(session: Session, heard: int) -> None:
        if heard != 5:
            return
        for end in (False, False, True):
            session.send(
                {
                    "turn_order": 0,
                    "turn_is_formatted": True,
                    "end_of_turn": end,
                    "transcript": text,
                    "end_of_turn_confidence": 1.0,
                    "words": [
                        {
                            "start": 0,
                            "end": 500,
                            "text": text,
                            "confidence": 0.9,
                            "word_is_final": end,
                        }
                    ],
                    "utterance": text,
                    "type": "Turn",
                }
            )
        session.order += 1
        session.open_words.clear()

    with counting_service(turn_words=10_000, fault=say) as service:
        yield service


def outputs(home: Home) -> list[str]:
    names = [f"-o{home.work / f'x.{suffix}'}" for suffix in ("srt", "vtt", "md", "txt", "json")]
    return [*names, "--captions-file", str(home.work / "captions.txt")]


def are_right(home: Home) -> None:
    """Every output holds the whole turn, each in its own way."""
    for suffix in ("srt", "vtt"):
        lines = (home.work / f"x.{suffix}").read_text().splitlines()
        assert sum(line.count("x") for line in lines) == CHARACTERS
        assert max(map(len, lines)) <= 42
    for suffix in ("md", "txt"):
        assert TEXT in (home.work / f"x.{suffix}").read_text()
    assert json.loads((home.work / "x.json").read_text())["turns"][0]["text"] == TEXT
    newest = (home.work / "captions.txt").read_text().splitlines()
    assert len(newest) <= 2
    assert "x" in newest[0]
    assert max(map(len, newest)) <= 42


def test_piped_run_hears_a_signal_and_its_files_are_right(home: Home) -> None:
    talk = write_wav(home.work / "talk.wav", 600)
    with huge_turns() as service:
        process = home.start("file", str(talk), "--endpoint", service.url, *outputs(home))
        assert process.stdout is not None
        assert process.stdout.readline().strip() == TEXT.encode()  # it is final, and being cut
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        service.wait_for_close()
        assert time.monotonic() - asked < SOON_S
        outcome = finish(process)
    assert outcome.code == 130, outcome.err
    assert service.sessions[0].terminated
    are_right(home)


@pytest.mark.terminal
def test_live_view_hears_a_key_and_shows_all_of_it(home: Home) -> None:
    talk = write_wav(home.work / "talk.wav", 600)
    with (
        huge_turns() as service,
        Terminal(home, "file", str(talk), "--endpoint", service.url, *outputs(home)) as terminal,
    ):
        terminal.wait_for_text("x" * 40)
        asked = time.monotonic()
        terminal.type("q")
        service.wait_for_close()
        assert time.monotonic() - asked < SOON_S
        assert terminal.wait_for_exit() == 130
        shown = terminal.everything()
    assert service.sessions[0].terminated
    assert "saved:" in shown
    assert shown.count("x") > 100_000  # as much as the scrollback holds
    are_right(home)


@pytest.mark.parametrize(
    "text",
    [
        " " * MANY,
        "[" + " " * MANY,
        "e" + "\u0301" * MANY,
        "\u200d" * MANY,
        "\u0301 " * (MANY // 2),
        "今" * MANY,
        "\U0001f1e6" * MANY,
        "a " * (MANY // 2),
        "\x00\x1b[31m" * (MANY // 6),
        "\u202e" * MANY,
    ],
    ids=[
        "blanks",
        "bracket",
        "marks",
        "joiners",
        "lone-marks",
        "wide",
        "flags",
        "words",
        "escapes",
        "turned",
    ],
)
def test_text_of_any_kind_keeps_nobody_waiting(home: Home, text: str) -> None:
    talk = write_wav(home.work / "talk.wav", 10)
    with huge_turns(text) as service:
        outcome = home.run(
            "file", str(talk), "--endpoint", service.url, "--pace", "max", *outputs(home)
        )
    assert outcome.code == 0, outcome.err
    assert "given up" not in outcome.err
    assert "\x1b" not in outcome.out
    for path in sorted(Path(home.work).iterdir()):
        assert b"\x1b" not in path.read_bytes() or path.suffix == ".wav"
