"""Many files in a real terminal, watched through tmux."""

import contextlib
import json
import os
import re

import pytest

from tests.counting import counting_service, drops_at
from tests.end_to_end.counted_files import write_talks
from tests.program import Home, finish
from tests.terminal import Terminal
from tests.ui.shell import shell

pytestmark = pytest.mark.terminal


def percents(screen: str) -> dict[str, int]:
    """How far each file's bar is, by the file's name."""
    return {name: int(share) for name, share in re.findall(r"(talk\d\.wav) .* (\d+)%", screen)}


def transcripts(everything: str) -> dict[str, list[str]]:
    """The words under each heading."""
    parts = re.split(r"── (talk\d\.wav) ──", everything)
    assert len(parts[1::2]) == len(set(parts[1::2])), everything
    texts = zip(parts[1::2], parts[2::2], strict=True)
    return {name: re.findall(r"w\d{4}", text) for name, text in texts}


def test_bars_move_and_each_transcript_is_left_once(home: Home) -> None:
    said = write_talks(home.work, 40, 15, 25, 15, 20)
    with (
        counting_service() as service,
        Terminal(home, "file", *said, "--jobs", "3", "--endpoint", service.url) as terminal,
    ):
        terminal.wait_for_text("talk3.wav")
        terminal.wait_for(lambda: len(percents(terminal.screen())) == 3, "showed three bars")
        before = percents(terminal.screen())
        service.wait_for_words(18)
        terminal.wait_for(
            lambda: all(percents(terminal.screen()).get(n, 0) > s for n, s in before.items()),
            "moved the bars",
        )
        assert "0 of 5 files" in terminal.screen()
        assert "2 to come" in terminal.screen()
        terminal.wait_for_text("── talk2.wav ──")
        terminal.wait_for_text("talk4.wav  ▕")
        assert terminal.wait_for_exit() == 0
        everything = terminal.everything()
        before_modes, after_modes = terminal.modes()
        cursor = terminal.tmux("display-message", "-p", "#{cursor_flag}").strip()
    assert transcripts(everything) == said
    assert "▕" not in everything
    assert everything.rstrip().endswith("5 of 5 files transcribed")
    assert before_modes == after_modes
    assert cursor == "1"


def test_q_stops_them_all_and_keys_of_one_recording_do_nothing(home: Home) -> None:
    said = write_talks(home.work, 200, 200, 200)
    with (
        counting_service() as service,
        Terminal(home, "file", *said, "--jobs", "2", "--endpoint", service.url) as terminal,
    ):
        service.wait_for_words(10)
        terminal.type("Space")
        terminal.type("b")
        service.wait_for_words(30)
        terminal.type("q")
        assert terminal.wait_for_exit() == 130
        everything = terminal.everything()
        before, after = terminal.modes()
    assert before == after
    assert len(service.sessions) == 2
    assert all(seen.terminated for seen in service.sessions)
    for trace in ("paused", "bookmark", "▕"):
        assert trace not in everything
    heard = transcripts(everything)
    assert sum(map(len, heard.values())) == service.heard_words
    assert all(words == said[name][: len(words)] for name, words in heard.items())
    assert "stopped: talk1.wav, talk2.wav; 1 not begun" in " ".join(everything.split())


def test_the_keys_are_shown_and_hidden(home: Home) -> None:
    said = write_talks(home.work, 200, 200)
    with (
        counting_service() as service,
        Terminal(home, "file", *said, "--jobs", "2", "--endpoint", service.url) as terminal,
    ):
        service.wait_for_words(10)
        terminal.type("?")
        terminal.wait_for_text("q  stop all files")
        assert len(percents(terminal.screen())) == 2
        terminal.type("?")
        terminal.wait_for(lambda: "these keys" not in terminal.screen(), "hid the keys")
        terminal.type("x", "?")  # a third time at once would be a key that is held down
        terminal.wait_for_text("these keys")
        terminal.type("q")
        assert terminal.wait_for_exit() == 130
        everything = terminal.everything()
    assert "these keys" not in everything


def test_key_terms_that_are_typed_are_for_all_files(home: Home) -> None:
    said = write_talks(home.work, 60, 60, 15)
    with (
        counting_service() as service,
        Terminal(home, "file", *said, "--jobs", "2", "--endpoint", service.url) as terminal,
    ):
        service.wait_for_words(10)
        terminal.type("k")
        terminal.wait_for_text("key terms, with commas between them:")
        terminal.type("Sonny q", "Enter")
        terminal.wait_for(lambda: "commas" not in terminal.screen(), "closed the line")
        assert terminal.wait_for_exit() == 0
        everything = terminal.everything()
    for seen in service.sessions[:2]:
        told = [json.loads(text) for text in seen.texts]
        assert told == [{"type": "UpdateConfiguration", "keyterms_prompt": ["Sonny q"]}]
    assert json.loads(service.sessions[2].query["keyterms_prompt"][0]) == ["Sonny q"]
    assert everything.count("for all files: key terms: Sonny q") == 1
    assert everything.count("── key terms: Sonny q") == 3  # each transcript says so
    assert "commas" not in everything


@pytest.mark.long
def test_a_file_that_is_cut_off_says_so_beside_its_bar(home: Home) -> None:
    said = write_talks(home.work, 40, 40)
    with (
        counting_service(fault=drops_at(8)) as service,
        Terminal(home, "file", *said, "--jobs", "2", "--endpoint", service.url) as terminal,
    ):
        terminal.wait_for(
            lambda: "reconnecting" in terminal.screen(), "told of the lost connection"
        )
        assert terminal.wait_for_exit() == 0
        everything = terminal.everything()
    assert transcripts(everything) == said
    assert len(service.sessions) == 3


@pytest.mark.long
def test_a_file_that_is_taken_up_again_is_left_whole(home: Home) -> None:
    said = write_talks(home.work, 50, 60)
    asked = ("file", *said, "--jobs", "2", "--endpoint")
    with counting_service() as service:
        process = home.start(*asked, service.url, "--text")
        service.wait_for_words(40)
        process.kill()
        finish(process)
        with Terminal(home, *asked, service.url) as terminal:
            terminal.wait_for(lambda: len(percents(terminal.screen())) == 2, "showed two bars")
            assert all(share >= 20 for share in percents(terminal.screen()).values())
            assert terminal.wait_for_exit() == 0
            everything = terminal.everything()
    assert transcripts(everything) == said
    assert len(service.sessions) == 4


def test_a_narrow_window_and_one_that_is_resized(home: Home) -> None:
    said = write_talks(home.work, 30, 30, 30, 30)
    with (
        counting_service() as service,
        Terminal(
            home,
            *("file", *said, "--jobs", "4", "--endpoint", service.url),
            columns=80,
            lines=24,
        ) as terminal,
    ):
        for count, (columns, lines) in enumerate([(40, 12), (100, 30), (50, 9), (80, 24)], 1):
            service.wait_for_words(count * 22)
            terminal.resize(columns, lines)
        assert terminal.wait_for_exit() == 0
        everything = terminal.everything()
    assert transcripts(everything) == said


@pytest.mark.long
def test_ctrl_z_and_fg_lose_no_word(home: Home) -> None:
    said = write_talks(home.work, 50, 60)
    with counting_service() as service, shell(80, 30) as window:
        before = window.modes()
        command = home.command("file", *said, "--jobs", "2", "--endpoint", service.url)
        window.enter(f"clear; {command}")
        service.wait_for_words(12)
        window.stop(before)
        window.enter("fg; echo code=$?")
        rows = window.wait_for("code=0", "2 of 2 files transcribed")
        assert window.modes() == before
    assert transcripts("\n".join(rows)) == said
    assert not any("▕" in row for row in rows)


def test_one_file_after_the_other_has_the_live_view_for_each(home: Home) -> None:
    said = write_talks(home.work, 12, 13)
    with (
        counting_service() as service,
        Terminal(home, "file", *said, "--endpoint", service.url) as terminal,
    ):
        terminal.wait_for_text("w1000 w1001 w1002")
        assert "transcribing" in terminal.screen()
        terminal.wait_for_text("w2000 w2001 w2002")
        assert "transcribing" in terminal.screen()
        assert terminal.wait_for_exit() == 0
        everything = terminal.everything()
        before, after = terminal.modes()
    assert transcripts(everything) == said
    assert "transcribing" not in everything
    assert before == after


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_terminals_that_take_less(home: Home, name: str, value: str) -> None:
    said = write_talks(home.work, 10, 12)
    with counting_service() as service:
        master, slave = os.openpty()
        process = home.start(
            *("file", *said, "--jobs", "2", "--endpoint", service.url),
            env={"TERM": "xterm-256color", name: value},
            stdout=slave,
        )
        os.close(slave)
        drawn = b""
        with contextlib.suppress(OSError):  # how a pseudo-terminal ends on Linux
            while data := os.read(master, 1 << 16):
                drawn += data
        os.close(master)
        assert finish(process).code == 0
    everything = drawn.decode()
    if name == "TERM":
        assert "\x1b" not in everything
        assert "▕" not in everything
        assert transcripts(everything) == said
    else:
        assert "██" in everything
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", everything)
