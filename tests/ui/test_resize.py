"""Resizes at random moments: each final is there exactly once and in order, and nothing else is."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.ui.screens import Terminal, console_on
from tests.ui.turn_updates import update
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.status_line import Status

FILLER = "lorem ipsum dolor sit amet, 日本語も少し consectetur adipiscing elit sed do eiusmod "

sizes = st.tuples(st.integers(20, 120), st.integers(4, 40))
steps = st.one_of(
    st.tuples(st.just("partial"), st.integers(0, 12)),
    st.tuples(st.just("final"), st.integers(0, 12)),
    st.tuples(st.just("resize"), sizes),
    st.tuples(st.just("resize unseen"), sizes),
    st.tuples(st.just("notice"), st.just(0)),
    st.tuples(st.just("drop"), st.just(0)),
)


class Run:
    """A view on a terminal of one kind, and whether a resize asked more than a terminal can do."""

    def __init__(self, resizing: str, term: str = "tmux-256color") -> None:
        self.terminal = Terminal(80, 24, "clip" if resizing == "clip" else "reflow")
        self.console = console_on(self.terminal, _environ={"TERM": term})
        self.view = LiveView(self.console)
        self.view.open()
        self.now = 0.0
        self.finals = self.notices = 0
        self.spilled = False
        self.at_the_top = 0  # resizes with nothing above the region: each may leave a row of it
        self.unseen = False  # the window has a size that no drawing was for yet

    def step(self, action: str, value: object) -> None:
        if action == "partial" and isinstance(value, int):
            text = f"p{self.finals}q {FILLER * value}"
            self.view.turn(update(text, turn=self.finals, settled=1))
        elif action == "final" and isinstance(value, int):
            text = f"F{self.finals}x {FILLER * value}"
            self.view.turn(update(text, turn=self.finals, final=True))
            self.finals += 1
        elif action == "notice":
            self.view.notice(f"N{self.notices}y")
            self.notices += 1
        elif action == "drop":
            self.view.drop_partial()
        elif action == "help":
            self.view.toggle_help()
        elif action == "languages":
            self.view.toggle_languages({"en": 2, "es": 1, "fr": 1})
        elif action == "hint":
            self.view.hint("passing")
        elif action == "mark":
            self.view.mark(0, "here")
        elif isinstance(value, tuple):
            if self.unseen:
                self.look()
            self.resize(*value)
            if action == "resize":
                self.console.size = value
        self.view.status(Status(state="listening", elapsed_s=self.now, source="Microphone"))
        self.now += 1
        self.view.tick(self.now)
        # Drawn for a window that had become too low: the terminal had to scroll.
        self.spilled |= self.console.size.height > self.terminal.lines
        self.console.size = (self.terminal.columns, self.terminal.lines)
        self.unseen = action == "resize unseen"

    def fill_the_screen(self) -> None:
        for _ in range(30):
            self.step("notice", 0)

    def look(self) -> None:
        """A drawing for the size as it is: of one that comes and goes before, nobody knows."""
        self.now += 1
        self.view.tick(self.now)

    def resize(self, columns: int, lines: int) -> None:
        if self.terminal.resizing == "reflow":
            # Rows that the region gains push as many rows off the top of the screen.
            widths = self.terminal.widths_from_cursor()
            gained = sum(max(-(-width // (columns - 1)), 1) - 1 for width in widths)
            self.spilled |= gained > min(self.terminal.cursor.y, lines - 1)
            self.spilled |= gained + len(widths) > lines
            self.at_the_top += self.terminal.cursor.y == 0
        self.terminal.resize(lines, columns)

    def squashed(self) -> str:
        return "".join("".join(self.terminal.rows()).split())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["clip", "reflow"]), st.lists(steps, min_size=2, max_size=40))
def test_each_final_is_there_once_and_nothing_is_doubled(
    resizing: str, script: list[tuple[str, object]]
) -> None:
    run = Run(resizing)
    for action, value in script:
        run.step(action, value)
    seen = run.squashed()
    assert re.findall(r"F(\d+)x", seen) == [str(number) for number in range(run.finals)]
    assert re.findall(r"N(\d+)y", seen) == [str(number) for number in range(run.notices)]
    if not run.spilled:
        assert seen.count("listening") == 1
        assert len(re.findall(r"p\d+q", seen)) <= 1
    run.view.close()
    assert run.terminal.cursor_visible
    if not run.spilled:
        left = run.squashed()
        assert "listening" not in left
        assert not re.findall(r"p\d+q", left)


def full_screen(columns: int) -> Run:
    run = Run("reflow")
    run.resize(columns, 30)
    run.console.size = (columns, 30)
    run.fill_the_screen()
    return run


widths = st.integers(20, 120)
narrowing_steps = st.one_of(
    st.tuples(st.just("partial"), st.integers(0, 40)),
    st.tuples(st.just("final"), st.integers(0, 12)),
    st.tuples(st.sampled_from(["resize", "resize unseen"]), st.tuples(widths, st.just(30))),
    st.tuples(st.just("notice"), st.just(0)),
    st.tuples(st.sampled_from(["help", "languages", "hint", "mark"]), st.just(0)),
)


@settings(max_examples=30, deadline=None)
@given(widths, st.lists(narrowing_steps, min_size=2, max_size=40))
def test_a_window_made_narrow_keeps_no_trace_of_the_region(
    columns: int, script: list[tuple[str, object]]
) -> None:
    run = full_screen(columns)
    for action, value in script:
        run.step(action, value)
        seen = run.squashed()
        assert len(re.findall("listening|offline", seen)) == 1
        assert len(re.findall(r"p\d+q", seen)) <= 1 + run.at_the_top
        assert seen.count("…") <= 1 + run.at_the_top
    assert re.findall(r"F(\d+)x", seen) == [str(number) for number in range(run.finals)]
    assert re.findall(r"N(\d+)y", seen) == [str(number) for number in range(run.notices)]
    run.view.close()
    left = run.squashed()
    assert "listening" not in left
    assert "thesekeys" not in left
    assert "passing" not in left
    assert len(re.findall(r"p\d+q", left)) <= run.at_the_top


@pytest.mark.first(5)
@pytest.mark.parametrize("lines_said", [3, 5, 8, 12])
@pytest.mark.parametrize("columns", [20, 21, 25, 30])
def test_a_window_that_was_wide_for_a_moment_keeps_no_trace(columns: int, lines_said: int) -> None:
    for wide in (columns * 2, columns * 2 + 3, columns * 3, 120):
        run = full_screen(columns)
        run.step("partial", lines_said)
        run.step("resize", (wide, 30))  # fewer rows: some below the region are free now
        run.step("resize", (columns, 30))
        seen = run.squashed()
        assert seen.count("listening") == 1
        assert seen.count("…") <= 1
        assert len(re.findall(r"p\d+q", seen)) <= 1


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
def test_the_tallest_partial_fits_a_window_of_20_columns(columns: int) -> None:
    run = Run("reflow")
    run.fill_the_screen()
    for size in ((columns, 30), (20, 30), (columns, 30)):
        run.step("resize", size)
        run.step("partial", 60)
        assert run.squashed().count("listening") == 1
        assert run.squashed().count("…") == 1


def live_view_in_a_fresh_pane(columns: int, finals: int) -> tuple[LiveView, Terminal, Console]:
    """In tmux, under a command line, after a few finals; a long turn is being said."""
    terminal = Terminal(columns, 40)
    terminal.feed("$ aai-stream mic\r\n")
    console = console_on(terminal, _environ={"TERM": "tmux-256color"})
    view = LiveView(console)
    view.open()
    for turn in range(finals):
        view.turn(update(f"F{turn}x", turn=turn, final=True))
    view.turn(update(FILLER * 6, turn=finals))
    view.status(Status(state="listening", elapsed_s=5.0, source="Microphone", model="u3-rt-pro"))
    view.tick(1.0)
    return view, terminal, console


@pytest.mark.parametrize("term", ["tmux-256color", "xterm-256color"])
def test_there_is_no_hole_between_the_finals_and_the_live_row(term: str) -> None:
    run = Run("reflow", term)
    for number in range(4):
        run.step("partial", number)
        screen = run.terminal.screen()
        assert "" not in screen[:-2]  # the blank row above the status line
        assert screen[-2] == ""
        assert f"p{number}q" in screen[number]
        run.step("final", 0)
        assert run.terminal.screen()[number].split()[-1] == f"F{number}x"


def remnants(terminal: Terminal, finals: int) -> int:
    """Rows of the region in the scrollback or above the region on the screen."""
    above = terminal.rows()[: len(terminal.above) + terminal.cursor.y]
    return len([row for row in above if row]) - finals - 1


@pytest.mark.parametrize("finals", range(5))
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_half_the_width_costs_a_row_at_most_at_the_top_of_tmux(columns: int, finals: int) -> None:
    view, terminal, console = live_view_in_a_fresh_pane(columns, finals)
    for now, width in enumerate((columns // 2, columns), 2):
        terminal.resize(40, width)
        console.size = (width, 40)
        view.tick(float(now))
    assert 0 <= remnants(terminal, finals) <= 1


@pytest.mark.parametrize("finals", range(5))
def test_dragging_a_pane_narrow_costs_a_row_at_most(finals: int) -> None:
    view, terminal, console = live_view_in_a_fresh_pane(120, finals)
    now = 2.0
    for width in (*range(118, 58, -2), 120):
        terminal.resize(40, width)
        console.size = (width, 40)
        now += 0.25
        view.tick(now)
    assert 0 <= remnants(terminal, finals) <= 1
    view.tick(now + 1)
    assert "eiusmod" in terminal.screen()[-3]  # when it has settled, all is shown again
    assert "Microphone" in terminal.screen()[-1]


def test_a_region_that_is_rewrapped_by_the_terminal_leaves_no_ghost() -> None:
    terminal = Terminal(100, 20, "reflow")
    console = console_on(terminal)
    with LiveView(console) as view:
        for number in range(18):
            view.turn(update(f"Turn {number}.", turn=number, final=True))
        view.status(Status(state="listening", model="m" * 30, source="s" * 30))
        view.turn(update("words " * 25, turn=18))
        view.tick(1.0)
        for now, columns in enumerate((40, 90, 60, 100), 2):
            terminal.resize(20, columns)
            console.size = (columns, 20)
            view.tick(float(now))
            assert " ".join(terminal.rows()).count("listening") == 1
            assert " ".join(terminal.rows()).count("words") == 25


def test_losing_height_pushes_nothing_of_the_region_into_the_scrollback() -> None:
    terminal = Terminal(40, 20, "reflow")
    console = console_on(terminal)
    with LiveView(console) as view:
        for number in range(15):
            view.turn(update(f"Turn {number}.", turn=number, final=True))
        view.turn(update("words " * 30, turn=15))
        view.tick(1.0)
        terminal.resize(5, 40)
        console.size = (40, 5)
        view.tick(2.0)
        above = terminal.rows()[: -terminal.lines]
        assert not [row for row in above if "words" in row or "connecting" in row]
        assert terminal.screen()[-1].startswith("  ○ connecting")


def test_a_final_on_a_row_that_the_terminal_had_wrapped_is_not_joined_with_the_next() -> None:
    terminal = Terminal(80, 20, "reflow")
    console = console_on(terminal)
    with LiveView(console) as view:
        for number in range(18):
            view.turn(update(f"Turn {number}.", turn=number, final=True))
        view.turn(update("words " * 25, turn=18))
        view.tick(1.0)
        terminal.resize(20, 40)
        console.size = (40, 20)
        view.turn(update("Short.", turn=18, final=True))
        view.turn(update("Next.", turn=19, final=True))
        view.tick(2.0)
        terminal.resize(20, 80)
        assert terminal.rows()[18:20] == ["  0:00  Short.", "  0:00  Next."]
