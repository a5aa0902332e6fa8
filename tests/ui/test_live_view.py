"""Exact screens: what is on the terminal after each thing that can happen."""

import atexit
import io
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console

from tests.ui.screens import Terminal, Wire, console_on
from tests.ui.turn_updates import tagged, update
from transcribe_cli.settings.option_types import NonSpeech
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.live_view_times import DRAW_INTERVAL_S, METER_INTERVAL_S
from transcribe_cli.ui.status_line import Status

LISTENING = Status(state="listening")


class Shown:
    """A view on a terminal, with a clock that is moved by hand."""

    def __init__(self, columns: int = 40, lines: int = 10, **console: object) -> None:
        self.terminal = Terminal(columns, lines)
        self.console = console_on(self.terminal, **console)
        self.now = 0.0
        self.view = LiveView(self.console, clock=lambda: self.now)
        self.view.open()
        self.view.status(LISTENING)

    def draw(self) -> list[str]:
        """The screen after the next drawing."""
        self.now += 1
        assert self.view.tick(self.now) is None
        return self.terminal.screen()

    @property
    def writes(self) -> list[str]:
        assert isinstance(self.console.file, Wire)
        return self.console.file.writes


@pytest.fixture
def shown() -> Iterator[Shown]:
    shown = Shown()
    yield shown
    shown.view.close()


STATUS = "  ● listening  0:00"


def test_the_partial_is_rewritten_and_then_replaced_by_its_final(shown: Shown) -> None:
    shown.view.turn(update("good mourning"))
    assert shown.draw() == ["  0:00  good mourning", STATUS]
    shown.view.turn(update("good morning all"))
    assert shown.draw() == ["  0:00  good morning all", STATUS]
    shown.view.turn(update("Good morning, all.", final=True))
    assert shown.draw() == ["  0:00  Good morning, all.", "", STATUS]


def test_a_final_is_committed_once_whatever_comes_after_it(shown: Shown) -> None:
    for turn in (update("One.", final=True), update("One.", final=True), update("one")):
        shown.view.turn(turn)
        shown.draw()
    assert shown.terminal.screen() == ["  0:00  One.", "", STATUS]


def test_finals_scroll_into_the_scrollback_in_order(shown: Shown) -> None:
    for number in range(30):
        shown.view.turn(update(f"Turn {number}.", turn=number, final=True))
        shown.draw()
    rows = [row for row in shown.terminal.rows() if "Turn" in row]
    assert rows == [f"  0:00  Turn {number}." for number in range(30)]
    assert shown.terminal.screen()[-1] == STATUS


def test_a_tall_partial_shows_its_newest_rows_and_leaves_the_scrollback_alone(
    shown: Shown,
) -> None:
    said = [f"word{number:03}" for number in range(100)]
    for count in range(5, 101, 5):
        shown.view.turn(update(" ".join(said[:count])))
        shown.draw()
    assert shown.terminal.above == []
    assert shown.draw() == [
        "…       word084 word085 word086 word087",
        "        word088 word089 word090 word091",
        "        word092 word093 word094 word095",
        "        word096 word097 word098 word099",
        STATUS,
    ]
    shown.view.turn(update(" ".join(said), final=True))
    shown.draw()
    everything = " ".join(shown.terminal.rows()).split()
    assert [word for word in everything if word.startswith("word")] == said


def test_a_partial_that_gets_shorter_does_not_make_the_status_line_jump(shown: Shown) -> None:
    shown.view.turn(update("seven words that need two whole rows here"))
    assert shown.draw()[2] == STATUS
    shown.view.turn(update("seven words"))
    assert shown.draw() == ["  0:00  seven words", "", STATUS]


def test_a_held_turn_stays_while_the_next_one_is_being_said(shown: Shown) -> None:
    shown.view.turn(update("first raw", held=True))
    shown.view.turn(update("second", turn=1))
    assert shown.draw() == ["  0:00  first raw", "  0:00  second", STATUS]
    shown.view.turn(update("First, raw.", final=True))
    assert shown.draw() == ["  0:00  First, raw.", "  0:00  second", STATUS]


def test_a_turn_that_the_service_left_open_does_not_stay(shown: Shown) -> None:
    shown.view.turn(update("never finished"))
    shown.view.turn(update("the next", turn=1))
    assert shown.draw() == ["  0:00  the next", STATUS]


def test_a_session_that_broke_off_takes_its_partial_with_it(shown: Shown) -> None:
    shown.view.turn(update("of the first", session=0))
    shown.view.turn(update("of the second", session=1, turn=1))
    shown.view.drop_partial(0)
    assert shown.draw()[0] == "  0:00  of the second"
    shown.view.drop_partial()
    assert shown.draw() == ["", STATUS]


def test_a_turn_that_another_session_says_again_is_there_once(shown: Shown) -> None:
    shown.view.turn(update("half of it", session=0, turn=3))
    shown.view.turn(update("half of it again", session=1, turn=3))
    assert shown.draw() == ["  0:00  half of it again", STATUS]
    shown.view.turn(update("All of it.", session=1, turn=3, final=True))
    assert shown.draw() == ["  0:00  All of it.", "", STATUS]


def test_wide_text_and_emoji_keep_the_rows_right() -> None:
    shown = Shown(columns=21, lines=8)
    shown.view.turn(update("日本語のテキストは空白がない。", final=True))
    shown.view.turn(update("e\u0301te\u0301 👩👩👧 fin 🇩🇪", turn=1))
    assert shown.draw() == [
        "0:00 日本語のテキス",
        "  トは空白がない。",
        "0:00 été 👩👩👧 fin",
        "  🇩🇪",
        "● listening  0:00",
    ]


def test_escape_sequences_of_the_service_do_nothing(shown: Shown) -> None:
    shown.view.turn(update("\x1b[2J\x1b[31mred\x1b]0;title\x07 \x1b[5;5H\x9b2J", final=True))
    shown.view.notice("\x1b[1A\r\nup")
    screen = shown.draw()
    assert screen[0].startswith("  0:00  ␛[2J␛[31mred␛]0;title␇")
    assert screen[-1] == STATUS
    assert "␛[1A up" in screen
    assert shown.terminal.titles == []
    colours = {cell.fg for row in shown.terminal.buffer.values() for cell in row.values()}
    assert "red" not in colours


def test_a_change_of_language_is_announced_once(shown: Shown) -> None:
    for number, code in enumerate(["en", "en", "es", "es"]):
        words = update(code, turn=number, final=True, language_code=code, language_confidence=0.9)
        shown.view.turn(words)
    assert shown.draw() == [
        "  0:00  en  en 90%",
        "  0:00  en  en 90%",
        "        language: Spanish (es)",
        "  0:00  es  es 90%",
        "  0:00  es  es 90%",
        "",
        STATUS,
    ]


def test_a_narrow_window_has_no_deep_indents() -> None:
    shown = Shown(columns=20, lines=12)
    for number, code in enumerate(["en", "es"]):
        words = update("some words here", turn=number, final=True, language_code=code)
        shown.view.turn(words)
    shown.view.notice("warning: the disk is nearly full")
    assert shown.draw()[:7] == [
        "0:00 some words",
        "  here  en",
        "  language: Spanish",
        "  (es)",
        "0:00 some words",
        "  here  es",
        "warning: the disk",
    ]
    assert shown.terminal.screen()[7] == "  is nearly full"


def test_notices_keep_their_place_among_the_finals(shown: Shown) -> None:
    shown.view.turn(update("One.", final=True))
    shown.view.notice("reconnected after 3 s")
    shown.view.turn(update("Two.", turn=1, final=True))
    screen = shown.draw()
    assert screen[:3] == ["  0:00  One.", "reconnected after 3 s", "  0:00  Two."]


def test_non_speech_is_hidden_when_asked() -> None:
    terminal = Terminal(40, 10)
    with LiveView(console_on(terminal), non_speech=NonSpeech.HIDE) as view:
        view.turn(tagged("[Silence]", final=False))
        view.turn(tagged("[Silence]"))
        view.tick(1.0)
        assert [row.strip() for row in terminal.screen()] == ["", "○ connecting  0:00"]


def test_closing_removes_the_region_and_gives_the_cursor_back(shown: Shown) -> None:
    shown.view.turn(update("One.", final=True))
    shown.draw()
    assert not shown.terminal.cursor_visible
    shown.view.turn(update("not final", turn=1))
    shown.draw()
    shown.view.turn(update("Two.", turn=2, final=True))
    shown.view.close()
    assert shown.terminal.screen() == ["  0:00  One.", "  0:00  Two."]
    assert shown.terminal.cursor_visible
    assert (shown.terminal.cursor.x, shown.terminal.cursor.y) == (0, 2)
    written = len(shown.writes)
    shown.view.close()
    assert len(shown.writes) == written


def test_it_can_be_opened_again_after_a_stop(shown: Shown) -> None:
    shown.view.turn(update("so far"))
    shown.draw()
    shown.view.close()
    assert shown.terminal.screen() == []
    shown.view.open()
    assert shown.draw() == ["  0:00  so far", STATUS]
    assert not shown.terminal.cursor_visible


def test_an_exception_gives_the_cursor_back() -> None:
    terminal = Terminal(40, 10)
    with pytest.raises(KeyboardInterrupt), LiveView(console_on(terminal)) as view:
        view.tick(1.0)
        raise KeyboardInterrupt
    assert terminal.cursor_visible
    assert terminal.screen() == []


def test_the_end_of_the_interpreter_gives_the_cursor_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered: list[object] = []
    monkeypatch.setattr(atexit, "register", registered.append)
    shown = Shown()
    assert registered == [shown.view.close]


def test_a_terminal_that_has_gone_does_not_mask_the_error() -> None:
    terminal = Terminal(40, 10)
    console = console_on(terminal)
    view = LiveView(console)
    view.open()

    class Gone(io.StringIO):
        def write(self, data: str) -> int:
            raise BrokenPipeError

    console.file = Gone()
    view.close()


def test_content_is_drawn_at_most_twelve_times_a_second(shown: Shown) -> None:
    shown.draw()
    shown.view.turn(update("a"))
    due = shown.now + DRAW_INTERVAL_S
    assert shown.view.tick(shown.now + 0.01) == pytest.approx(due)
    assert "a" not in "".join(shown.terminal.screen()[:1])
    assert shown.view.tick(due) is None
    assert shown.terminal.screen()[0] == "  0:00  a"


def test_the_meter_alone_is_drawn_less_often(shown: Shown) -> None:
    shown.draw()
    shown.view.status(Status(state="listening", level_db=-20.0))
    assert shown.view.tick(shown.now + 0.1) == pytest.approx(shown.now + METER_INTERVAL_S)
    assert shown.view.tick(shown.now + METER_INTERVAL_S) is None
    assert "▕" in shown.terminal.screen()[-1]


def test_nothing_is_written_when_nothing_changed(shown: Shown) -> None:
    shown.draw()
    written = len(shown.writes)
    shown.view.status(Status(state="listening"))
    assert shown.view.tick(100.0) is None
    assert len(shown.writes) == written


def test_a_drawing_is_one_synchronized_write(shown: Shown) -> None:
    written = len(shown.writes)
    shown.view.turn(update("One.", final=True))
    shown.draw()
    (drawing,) = shown.writes[written:]
    assert drawing.startswith("\x1b[?2026h")
    assert drawing.endswith("\x1b[?2026l")


def test_a_dumb_terminal_gets_finals_as_plain_lines() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, _environ={"TERM": "dumb"})
    with LiveView(console) as view:
        view.turn(update("still open"))
        view.status(LISTENING)
        view.turn(update("A long line " * 20, final=True, language_code="en"))
        assert view.tick(1.0) is None
        view.notice("a note")
    assert file.getvalue() == f"  0:00  {'A long line ' * 20} en\na note\n"


def test_no_color_keeps_the_attributes_and_drops_the_colours() -> None:
    shown = Shown(no_color=True)
    shown.view.turn(update("sure unsure", final=True, confidences=[0.9, 0.1], speaker_label="A"))
    shown.draw()
    cells = [cell for row in shown.terminal.buffer.values() for cell in row.values()]
    assert {cell.fg for cell in cells} == {"default"}
    assert "".join(cell.data for cell in cells if cell.underscore) == "unsure"


def test_a_console_without_utf_8_gets_nothing_that_it_cannot_show() -> None:
    terminal = Terminal(40, 10)
    console = console_on(terminal)
    wire = console.file
    assert isinstance(wire, Wire)
    wire.encoding = "ascii"
    with LiveView(console) as view:
        view.status(Status(state="listening", level_db=-30.0))
        view.turn(update("caf\xe9 日本", final=True))
        view.tick(1.0)
        screen = terminal.screen()
    assert screen == ["  0:00  caf? ??", "", "  * listening  0:00  [########--------]"]


def test_the_encoding_is_that_of_a_stdout_that_the_console_was_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = Wire(Terminal(40, 10))
    wire.encoding = "ascii"
    monkeypatch.setattr(sys, "stdout", wire)
    console = Console(force_terminal=True, width=40, height=10, _environ={"TERM": "xterm"})
    with LiveView(console) as view:
        view.tick(1.0)
        assert wire.terminal.screen()[-1] == "  o connecting  0:00"


@pytest.mark.parametrize(("columns", "lines"), [(20, 2), (20, 1), (3, 3), (300, 50)])
def test_odd_windows_work(columns: int, lines: int) -> None:
    shown = Shown(columns=columns, lines=lines)
    for number in range(3):
        shown.view.turn(update("some more words here", turn=number))
        shown.draw()
        shown.view.turn(update("Some more words here.", turn=number, final=True))
        screen = shown.draw()
        assert screen[-1].strip().startswith("●")
        assert len(screen) <= lines
    said = "".join("".join(shown.terminal.rows()).split())
    assert said.count("Somemorewordshere.") == 3
