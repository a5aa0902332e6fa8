"""Many files on one screen: bars while they run, transcripts when they have ended."""

from collections.abc import Iterator

import pytest

from tests.ui.screens import Terminal, Wire, console_on
from tests.ui.turn_updates import tagged, update
from transcribe_cli.protocol.messages import Revision, SpeakerRevision
from transcribe_cli.ui.batch_view import DRAW_INTERVAL_S, BatchView, FileView
from transcribe_cli.ui.status_line import Status


class Shown:
    """A view on a terminal, with a clock that is moved by hand."""

    def __init__(self, columns: int = 70, lines: int = 11, files: int = 3, **console: object):
        self.terminal = Terminal(columns, lines)
        self.console = console_on(self.terminal, **console)
        self.now = 0.0
        self.view = BatchView(self.console, files, clock=lambda: self.now)
        self.view.open()

    def draw(self) -> list[str]:
        """The screen after the next drawing."""
        self.now += 1
        self.view.tick(self.now)
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


def at(file: FileView, position_s: float, length_s: float | None = 10.0, turns: int = 0) -> None:
    progress = (position_s, length_s, 1.0)
    file.status(Status(state="transcribing", turns=turns, progress=progress))


def test_each_file_that_runs_has_a_bar_and_all_together_have_one(shown: Shown) -> None:
    one, two = shown.view.begin("one.wav"), shown.view.begin("two.wav")
    at(one, 5)
    assert shown.draw() == [
        "one.wav  ▕██████████          ▏   50%  0:05 / 0:10",
        "two.wav  ▕                    ▏     -         0:00  connecting",
        "▕███▎                ▏  0 of 3 files  1 to come  16%",
    ]
    at(one, 7.5, turns=2)
    at(two, 2)
    assert shown.draw() == [
        "one.wav  ▕███████████████     ▏   75%  0:07 / 0:10  2 turns",
        "two.wav  ▕████                ▏   20%  0:02 / 0:10",
        "▕██████▎             ▏  0 of 3 files  1 to come  31%",
    ]


def test_a_transcript_goes_into_the_scrollback_when_its_file_has_ended(shown: Shown) -> None:
    one, two = shown.view.begin("one.wav"), shown.view.begin("two.wav")
    one.turn(update("so it", final=False))
    one.turn(update("So it begins.", final=True))
    two.turn(update("Not yet.", final=True))
    one.turn(tagged("[Music]", turn=1))
    assert not [row for row in shown.draw() if "begins" in row or "Not yet" in row]
    at(one, 10)
    shown.view.end(one)
    shown.view.count(failed=False)
    shown.view.notice("saved: here")
    assert shown.draw() == [
        "",
        "── one.wav ──",
        "  0:00  So it begins.",
        "  0:00  [Music]",
        "saved: here",
        "two.wav  ▕                    ▏     -  0:00  connecting",
        "▕██████▋             ▏  1 of 3 files  1 to come  33%",
    ]
    shown.view.end(two)
    shown.view.count(failed=True)
    shown.view.close()
    rows = shown.terminal.rows()
    assert [row for row in rows if row][-2:] == ["── two.wav ──", "  0:00  Not yet."]
    assert not any("files" in row or "▕" in row for row in rows)
    assert shown.terminal.cursor_visible


def test_the_time_left_counts_what_was_heard_now(shown: Shown) -> None:
    """One file has been heard to its half by an earlier run: that took no time today."""
    one, two = shown.view.begin("one.wav"), shown.view.begin("two.wav")
    at(one, 50, length_s=100)
    at(two, 0, length_s=100)
    for second in range(11):
        at(one, 50 + second, length_s=100)
        at(two, second, length_s=100)
        screen = shown.draw()
    # 20 s in 11 s; of 300 s, with a third one that is as long, 70 s are done.
    assert screen[-1] == "▕████▋               ▏  0 of 3 files  1 to come  23%  2:06 left"


def test_a_final_that_comes_again_stands_once(shown: Shown) -> None:
    one = shown.view.begin("one.wav")
    for _ in range(2):
        one.turn(update("Once.", final=True))
    shown.view.end(one)
    shown.draw()
    assert sum("Once." in row for row in shown.terminal.rows()) == 1


def test_nothing_is_drawn_when_nothing_changed_and_never_too_often(shown: Shown) -> None:
    one = shown.view.begin("one.wav")
    at(one, 1)
    shown.draw()
    before = len(shown.writes)
    shown.draw()
    assert len(shown.writes) == before
    drawn = shown.now
    for step in range(1, 100):
        at(one, 1 + step / 10)
        shown.view.tick(drawn + step * DRAW_INTERVAL_S / 20)
    assert len(shown.writes) - before == 4  # in five intervals, of which the last is not over


def test_a_window_without_room_shows_the_sum_and_so_many_as_fit() -> None:
    shown = Shown(lines=10, files=50)
    for number in range(20):
        shown.view.begin(f"{number}.wav")
    screen = shown.draw()
    assert len(screen) == 5
    assert [row.split()[0] for row in screen[:3]] == ["0.wav", "1.wav", "2.wav"]
    assert screen[3] == "and 17 more"
    assert "0 of 50 files" in screen[4]
    shown.view.close()


@pytest.mark.parametrize("resizing", ["clip", "reflow"])
def test_a_window_made_half_as_wide_keeps_the_scrollback_clean(resizing: str) -> None:
    term = "xterm" if resizing == "clip" else "tmux-256color"
    shown = Shown(columns=80, lines=24, files=20, _environ={"TERM": term})
    shown.terminal.resizing = resizing  # type: ignore[assignment]
    files = [shown.view.begin(f"recording-number-{number}.wav") for number in range(15)]
    for file in files:
        at(file, 3, turns=4)
    files[0].turn(update("Kept.", final=True))
    shown.draw()
    shown.terminal.resize(24, 40)
    shown.console.size = (40, 24)
    shown.draw()
    shown.view.end(files[0])
    shown.draw()
    shown.view.close()
    rows = shown.terminal.rows()
    assert not any("▕" in row or "recording-number-1" in row for row in rows), rows
    assert sum("Kept." in row for row in rows) == 1


def test_a_dumb_terminal_gets_plain_lines_and_no_bars() -> None:
    shown = Shown(_environ={"TERM": "dumb"}, color_system=None)
    one = shown.view.begin("one.wav")
    at(one, 5)
    one.turn(update("So it begins.", final=True))
    shown.draw()
    assert shown.writes == []
    shown.view.end(one)
    shown.view.close()
    assert "".join(shown.writes) == "\n── one.wav ──\n  0:00  So it begins.\n"


def test_without_colour_there_are_no_colours() -> None:
    shown = Shown(no_color=True)
    at(shown.view.begin("one.wav"), 5)
    shown.draw()
    shown.view.close()
    assert "\x1b[3" not in "".join(shown.writes).replace("\x1b[?", "")


def test_a_corrected_speaker_stands_with_the_turn_or_is_told_after_it(shown: Shown) -> None:
    one = shown.view.begin("one.wav")
    one.turn(update("Good morning.", final=True, speaker_label="A"))
    one.revise(0, SpeakerRevision(revisions=[Revision(turn_order=0, speaker_label="B")]))
    shown.view.end(one)
    shown.view.close()
    rows = [row for row in shown.terminal.rows() if row]
    assert rows[-1].startswith("speaker: 0:00")
    assert rows[-1].endswith("is B, not A")


def test_the_keys_are_shown_above_the_sum_and_hidden_again(shown: Shown) -> None:
    at(shown.view.begin("one.wav"), 5)
    before = shown.draw()
    shown.view.toggle_help()
    assert shown.draw() == [
        before[0],
        "q  stop all files   k  key terms",
        "?  these keys       e  end the turns",
        before[1],
    ]
    shown.view.toggle_help()
    assert shown.draw() == before


def test_the_keys_leave_room_to_the_sum_and_take_that_of_files() -> None:
    shown = Shown(columns=24, lines=10, files=9)
    for number in range(9):
        shown.view.begin(f"{number}.wav")
    shown.view.toggle_help()
    screen = shown.draw()
    keys = ["q  stop all files", "?  these keys", "k  key terms", "e  end the turns"]
    assert screen[-5:-1] == keys
    assert "0 of 9 files" in screen[-1]
    shown.view.close()
    low = Shown(lines=2)
    low.view.toggle_help()
    (row,) = low.draw()
    assert "0 of 3 files" in row
    low.view.close()


def test_a_line_that_is_typed_stands_above_the_sum(shown: Shown) -> None:
    at(shown.view.begin("one.wav"), 5)
    before = shown.draw()
    shown.view.prompt("key terms: ", "Sonny")
    assert shown.draw() == [before[0], "key terms: Sonny", before[1]]
    shown.view.prompt("key terms: ", None)
    assert shown.draw() == before


def test_the_keys_are_plain_lines_on_a_dumb_terminal() -> None:
    shown = Shown(_environ={"TERM": "dumb"}, color_system=None)
    shown.view.toggle_help()
    shown.draw()
    shown.view.close()
    assert "".join(shown.writes) == (
        "q  stop all files\n?  these keys\nk  key terms\ne  end the turns\n"
    )


def test_keys_of_one_recording_leave_no_trace_here(shown: Shown) -> None:
    one = shown.view.begin("one.wav")
    before = shown.draw()
    one.hint("only a microphone can be muted")
    one.toggle_help()
    one.toggle_languages({"en": 5})
    one.toggle_confidences()
    one.drop_partial()
    assert shown.draw() == before


def test_a_file_that_does_not_run_counts_and_has_no_bar(shown: Shown) -> None:
    missing = shown.view.begin("missing.wav")
    shown.view.drop(missing)
    shown.view.count(failed=True)
    shown.view.begin("one.wav")
    screen = shown.draw()
    assert screen[0].startswith("one.wav")
    assert screen[-1] == "0 of 3 files  1 failed  1 to come"


def test_it_can_be_closed_and_opened_again(shown: Shown) -> None:
    at(shown.view.begin("one.wav"), 5)
    screen = shown.draw()
    shown.view.close()
    shown.view.close()
    assert shown.terminal.screen() == []
    shown.view.open()
    assert shown.draw() == screen
