"""Turns of any length in the live view: drawn bit by bit, whole in the end."""

import io
import os
import pty
import threading

import pytest
from rich.console import Console
from rich.text import Text

from tests.program import DEADLINE_S
from tests.ui.turn_updates import update
from transcribe_cli.ui import region_view, text_wrapping
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.text_wrapping import wrap

LENGTH = 200_000
WINDOW = 80 * 24  # cells


class Work:
    """Counts the characters that were measured: the most of the view's work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.characters = 0
        measure = text_wrapping._widths

        def measured(text: str) -> list[int]:
            self.characters += len(text)
            return measure(text)

        monkeypatch.setattr(text_wrapping, "_widths", measured)


class Reader:
    """A terminal that somebody reads."""

    def __init__(self) -> None:
        self._end, terminal = pty.openpty()
        self.stream = os.fdopen(terminal, "w", encoding="utf-8")
        self.seen = bytearray()
        self._thread = threading.Thread(target=self._read, name="test-reader", daemon=True)
        self._thread.start()
        self.console = Console(
            file=self.stream,
            force_terminal=True,
            width=80,
            height=24,
            color_system="standard",
            _environ={"TERM": "xterm"},
        )

    def _read(self) -> None:
        try:
            while data := os.read(self._end, 1 << 16):
                self.seen += data
        except OSError:  # all that held the terminal have closed it
            pass

    def close(self) -> None:
        self.stream.close()
        self._thread.join(DEADLINE_S)
        os.close(self._end)


@pytest.mark.parametrize(
    "character",
    ["x", "今", "e\u0301", "\U0001f1e6", "\u200d"],
    ids=["narrow", "wide", "marks", "flags", "joiners"],
)
@pytest.mark.first(2)
def test_drawing_of_a_long_turn_costs_no_more_than_a_window_or_two(
    monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    work = Work(monkeypatch)
    reader = Reader()
    view = LiveView(reader.console, clock=lambda: 0.0)
    view.open()
    text = character * LENGTH
    for now in (1.0, 2.0):
        view.turn(update(text))
        view.tick(now)
        view.drain()
    assert 0 < work.characters < 30 * WINDOW
    work.characters = 0
    view.turn(update(text, final=True))
    view.tick(3.0)
    view.drain()
    assert work.characters < 60 * WINDOW
    view.close()
    reader.close()


def test_long_final_is_whole_in_the_scrollback() -> None:
    reader = Reader()
    view = LiveView(reader.console, clock=lambda: 0.0)
    with view:
        view.turn(update("x" * LENGTH, final=True))
        view.notice("and after")
        due = view.tick(1.0)
        assert due is not None  # it wants to go on
        view.drain()
        first = reader.seen.count(b"x")
        assert 0 < first < LENGTH // 2
        view.tick(2.0)
        view.drain()
        assert first < reader.seen.count(b"x") < LENGTH
    reader.close()
    assert reader.seen.count(b"x") == LENGTH
    assert reader.seen.rindex(b"x") < reader.seen.index(b"and after")


def test_text_is_wrapped_in_parts_as_it_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(f"w{number} 今天{'x' * (number % 90)}e\u0301" for number in range(300))
    at_once = [line.plain for line in wrap(Text(text), 37, 3)]
    monkeypatch.setattr(text_wrapping, "_AT_ONCE", 100)

    assert [line.plain for line in wrap(Text(text), 37, 3)] == at_once


def test_terminal_that_is_not_read_holds_nobody_up() -> None:
    end, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        console = Console(
            file=stream, force_terminal=True, width=80, height=24, _environ={"TERM": "xterm"}
        )
        view = LiveView(console, clock=lambda: 0.0)
        view.open()
        for turn in range(200):
            view.turn(update("word " * 100, turn=turn, final=True))
            view.tick(float(turn))  # a terminal takes some kilobytes
        assert view.tick(1000.0) == 1000.0 + region_view.BLOCKED_POLL_S
        seen = bytearray()
        reader = threading.Thread(target=_read_words, args=(end, seen, 20_000), daemon=True)
        reader.start()  # and what waited is shown when it is read again
        view.drain()
        view.close()
        reader.join(DEADLINE_S)
    os.close(end)
    assert seen.count(b"word") == 20_000


def _read_words(end: int, seen: bytearray, count: int) -> None:
    while seen.count(b"word") < count:
        seen += os.read(end, 1 << 16)


def test_rows_that_wait_may_be_looked_at_any_number_of_times() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=20)
    with region_view.RegionView(console) as view:
        view.notice("word " * 3000)
        first = view._take_committed(20)
        assert all(view._has_committed() for _ in range(1_000_000))
        rest = view._take_committed(20)

    rows = [row.plain for row in wrap(Text("word " * 3000), region_view.usable_columns(20), 2)]
    assert 0 < len(first) < len(rows)
    assert first + rest == rows[: len(first) + len(rest)]
