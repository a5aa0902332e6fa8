"""What keys and corrections change on the screen."""

from collections.abc import Iterator

import pytest

from tests.ui.screens import Terminal, Wire, console_on
from tests.ui.turn_updates import update
from transcribe_cli.protocol.messages import Revision, SpeakerRevision
from transcribe_cli.ui import region_view
from transcribe_cli.ui.key_table import announced, keys_in
from transcribe_cli.ui.live_view import HINT_S, LiveView
from transcribe_cli.ui.pending_marks import GRACE_S
from transcribe_cli.ui.region_view import FOREGROUND_POLL_S
from transcribe_cli.ui.speaker_corrections import MOST_TOLD
from transcribe_cli.ui.status_line import Status

STATUS = "  ● listening  0:00"


class Shown:
    """A view on a terminal, with a clock that is moved by hand."""

    def __init__(self, columns: int = 60, lines: int = 16, **console: object) -> None:
        self.terminal = Terminal(columns, lines)
        self.now = 0.0
        self.view = LiveView(console_on(self.terminal, **console), clock=lambda: self.now)
        self.view.open()
        self.view.status(Status(state="listening"))

    def draw(self) -> list[str]:
        """The screen after the next drawing."""
        self.now += 1
        self.view.tick(self.now)
        return self.terminal.screen()

    def underlined(self) -> str:
        """All characters on the screen that are underlined."""
        rows = self.terminal.buffer
        return "".join(
            rows[y][x].data
            for y in range(self.terminal.lines)
            for x in sorted(rows[y])
            if rows[y][x].underscore
        )


@pytest.fixture
def shown() -> Iterator[Shown]:
    shown = Shown()
    yield shown
    shown.view.close()


def revision(*speakers: tuple[int, str | None]) -> SpeakerRevision:
    return SpeakerRevision([Revision(order, speaker) for order, speaker in speakers])


def test_what_a_message_says_stands_below_the_turn_and_drives_no_terminal(shown: Shown) -> None:
    shown.view.turn(update("One.", final=True))
    shown.view.other_message("answer: [red]Two[/red]\x1b[2J\nthree")
    assert shown.draw()[1] == "        answer: [red]Two[/red]␛[2J three"


def test_a_line_that_is_typed_stands_above_the_status_and_goes_without_a_trace(
    shown: Shown,
) -> None:
    shown.view.turn(update("One.", final=True))
    before = shown.draw()
    shown.view.prompt("key terms: ", "Zoë [bold]\x1b[2J")
    assert shown.draw()[-2:] == ["  key terms: Zoë [bold]␛[2J", STATUS]
    shown.view.prompt("key terms: ", "x" * 80 + "end")
    assert shown.draw()[-2].endswith("xxend")
    shown.view.prompt("key terms: ", None)
    assert shown.draw() == before


def test_help_comes_and_goes_without_a_trace(shown: Shown) -> None:
    shown.view.turn(update("One.", final=True))
    shown.view.turn(update("and two", turn=1))
    before = shown.draw()
    shown.view.toggle_help()
    screen = shown.draw()
    assert screen[:2] == before[:2]
    assert screen[2] == ""
    assert screen[3].startswith("  space  pause, go on")
    assert all(f"{binding.key:7}{binding.help}" in "\n".join(screen) for binding in keys_in("run"))
    assert screen[-1] == STATUS
    shown.view.toggle_help()
    assert shown.draw() == before
    assert shown.terminal.above == []


def test_languages_are_shown_as_they_are_now(shown: Shown) -> None:
    shares = {"en": 3000}
    shown.view.toggle_languages(shares)
    assert shown.draw()[-2].split() == ["en", "100%", "0:03", "English"]
    shares["es"] = 1000
    shown.view.turn(update("Hola.", final=True, language_code="es", language_confidence=0.85))
    screen = shown.draw()
    assert [row.split() for row in screen[-3:-1]] == [
        ["en", "75%", "0:03", "English"],
        ["es", "25%", "0:01", "Spanish", "now", "85%"],
    ]
    shown.view.toggle_languages(shares)
    assert "English" not in " ".join(shown.draw())


def test_one_panel_takes_the_place_of_the_other(shown: Shown) -> None:
    shown.view.toggle_help()
    shown.view.toggle_languages({"en": 1})
    assert "bookmark" not in " ".join(shown.draw())
    shown.view.toggle_help()
    screen = " ".join(shown.draw())
    assert "bookmark" in screen
    assert "English" not in screen


def test_a_panel_leaves_room_to_what_is_said_in_a_low_window() -> None:
    shown = Shown(columns=20, lines=8)
    shown.view.turn(update("what is being said now"))
    shown.view.toggle_help()
    screen = shown.draw()
    assert "said now" in " ".join(screen)
    assert screen[-1] == "● listening  0:00"
    assert any("space" in row for row in screen)


def test_unsure_words_are_underlined_until_told_not_to(shown: Shown) -> None:
    shown.view.turn(update("sure unsure", settled=2, confidences=[0.9, 0.1]))
    shown.draw()
    assert shown.underlined() == "unsure"
    shown.view.toggle_confidences()
    assert "  unsure words are not marked" in shown.draw()
    assert shown.underlined() == ""
    shown.view.turn(update("sure unsure", final=True, confidences=[0.9, 0.1]))
    shown.draw()
    assert shown.underlined() == ""
    shown.view.toggle_confidences()
    shown.view.turn(update("sure again", turn=1, final=True, confidences=[0.9, 0.1]))
    shown.draw()
    assert shown.underlined() == "again"


def test_words_without_confidences_are_not_marked(shown: Shown) -> None:
    shown.view.turn(update("none given", settled=2, confidences=[0.0, 0.0]))
    shown.draw()
    assert shown.underlined() == ""


def test_a_hint_passes(shown: Shown) -> None:
    shown.view.hint("something small")
    shown.now += 1
    assert shown.view.tick(shown.now) == pytest.approx(HINT_S)  # to take it away again
    assert shown.terminal.screen() == ["  something small", STATUS]
    shown.now = HINT_S
    shown.view.tick(shown.now)
    assert shown.terminal.screen() == ["", STATUS]


def test_a_bookmark_keeps_its_place_among_the_finals(shown: Shown) -> None:
    shown.view.turn(update("One.", final=True))
    shown.view.mark(12_000, "bookmark")
    shown.view.turn(update("Two.", turn=1, final=True, start_ms=13_000))
    assert shown.draw()[:3] == ["  0:00  One.", "  0:12  ── bookmark ──", "  0:13  Two."]


def test_lines_besides_the_transcript_are_dim(shown: Shown) -> None:
    shown.view.mark(0, "bookmark")
    shown.draw()
    wire = shown.view.console.file
    assert isinstance(wire, Wire)
    assert "\x1b[2m  0:00  ── bookmark ──\x1b[0m" in "".join(wire.writes)


def test_a_speaker_who_is_corrected_is_told_once(shown: Shown) -> None:
    words = "first words of a long turn that goes on"
    shown.view.turn(update(words, final=True, start_ms=12_000, speaker_label="A"))
    shown.view.revise(0, revision((0, "B")))
    shown.view.revise(0, revision((0, "B")))
    assert shown.draw()[:3] == [
        f"  0:12  A: {words}",
        'speaker: 0:12 "first words of a long…" is B, not A',
        "",
    ]


def test_speakers_are_corrected_in_the_session_that_is_meant(shown: Shown) -> None:
    shown.view.turn(update("one", turn=0, session=0, final=True, speaker_label="A"))
    shown.view.revise(1, revision((0, "B")))
    assert "speaker" not in " ".join(shown.draw())


def test_an_open_turn_is_corrected_in_place(shown: Shown) -> None:
    shown.view.turn(update("first raw", held=True, speaker_label="A"))
    assert shown.draw()[0] == "  0:00  A: first raw"
    shown.view.revise(0, revision((0, "B")))
    assert shown.draw()[0] == "  0:00  B: first raw"
    shown.view.turn(update("First, raw.", final=True, speaker_label="A"))
    assert shown.draw() == ["  0:00  B: First, raw.", "", STATUS]


def test_many_corrections_at_once_are_few_lines(shown: Shown) -> None:
    for number in range(10):
        shown.view.turn(update(f"turn {number}", turn=number, final=True, speaker_label="A"))
    shown.view.revise(0, revision(*[(number, None) for number in range(10)]))
    told = [row for row in shown.draw() if row.startswith("speaker:")]
    assert told[0] == 'speaker: 0:00 "turn 0" is nobody, not A'
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == "speaker: 4 more turns corrected"


def test_labels_and_words_from_outside_are_safe(shown: Shown) -> None:
    shown.view.turn(update("\x1b[2Jwords", final=True, speaker_label="\x1b]0;x\x07"))
    shown.view.revise(0, revision((0, "\x1b[1A")))
    assert "␛[1A" in " ".join(shown.draw())
    assert shown.terminal.titles == []


def test_in_the_background_finals_are_plain_lines(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = False
    monkeypatch.setattr(LiveView, "_in_foreground", lambda _: ours)
    shown.terminal.feed("$ ls\r\n")
    shown.view.turn(update("One.", final=True))
    shown.view.turn(update("still open", turn=1))
    shown.now = 5.0
    assert shown.view.tick(5.0) == 5.0 + FOREGROUND_POLL_S
    assert shown.terminal.screen() == ["$ ls", "  0:00  One."]
    assert shown.terminal.cursor_visible
    ours = True
    assert shown.draw() == ["$ ls", "  0:00  One.", "  0:00  still open", "", STATUS]


def test_keys_that_were_typed_ahead_are_pressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = True
    monkeypatch.setattr(LiveView, "_in_foreground", lambda _: ours)
    monkeypatch.setattr(region_view, "cursor_row", lambda *_: (0, b"m"))
    view = Shown(_environ={"TERM": "tmux", "TMUX": "/tmp/tmux,1,0"}).view
    assert view.typed_ahead == b"m"
    view.close()  # Ctrl+Z, and then `bg`
    ours = False
    view.open()
    assert view.typed_ahead == b""
    view.close()


def test_ending_in_the_background_erases_nothing_of_others(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.draw()
    shown.terminal.feed("\x1b[2J\x1b[H$ ls\r\nfile\r\n$ \r")  # the shell has the terminal by now
    monkeypatch.setattr(LiveView, "_in_foreground", lambda _: False)
    shown.view.mark(0, "last")
    shown.view.close()
    assert shown.terminal.screen() == ["$ ls", "file", "  0:00  ── last ──"]
    assert shown.terminal.cursor_visible


def test_the_linux_console_gets_glyphs_that_it_has() -> None:
    shown = Shown(_environ={"TERM": "linux"})
    shown.view.status(Status(state="listening", level_db=-30.0))
    shown.view.mark(0, "bookmark")
    shown.view.turn(update("日本", start_ms=1000, final=True))
    assert shown.draw() == [
        "  0:00  -- bookmark --",
        "  0:01  日本",  # what was said is said
        "",
        "  * listening  0:00  [########--------]",
    ]


def test_a_dumb_terminal_is_told_in_lines() -> None:
    shown = Shown(_environ={"TERM": "dumb"})
    shown.view.toggle_help()
    shown.view.toggle_confidences()
    shown.view.tick(1.0)
    said = "".join(shown.terminal.screen())
    assert "space  pause, go on" in said
    assert "unsure words are not marked" in said


def test_that_keys_exist_is_said_while_nothing_else_is_there_to_see(shown: Shown) -> None:
    shown.view.key_words = announced("run", has_keys=True)
    shown.view.status(Status(state="listening"))
    assert shown.draw() == ["", "  ? shows the keys, q stops", STATUS]
    shown.view.turn(update("words"))
    assert shown.draw() == ["  0:00  words", "", f"{STATUS}  ? keys  q stop"]


def test_a_stop_says_how_to_end_it_at_once(shown: Shown) -> None:
    shown.view.key_words = announced("run", has_keys=False)
    shown.view.status(Status(state="stopping"))
    assert shown.draw()[-1] == "  ■ stopping  0:00  Ctrl+C again ends it at once"


def test_a_mark_stands_after_the_turn_that_is_open() -> None:
    shown = Shown(lines=10)
    shown.view.turn(update("began before it", start_ms=2000))
    shown.view.mark(4000, "bookmark")
    assert shown.draw()[:2] == ["  0:02  began before it", "  0:04  ── bookmark ──"]
    shown.now += GRACE_S  # a turn may last for a minute
    shown.view.turn(update("Began before it.", start_ms=2000, final=True))
    shown.view.turn(update("after it", turn=1, start_ms=5000))
    assert shown.draw()[:3] == [
        "  0:02  Began before it.",
        "  0:04  ── bookmark ──",
        "  0:05  after it",
    ]


def test_a_mark_waits_for_words_that_are_still_on_their_way() -> None:
    shown = Shown(lines=10)
    shown.view.mark(4000, "bookmark")
    shown.draw()
    shown.view.turn(update("Said a moment before.", start_ms=3500, final=True))
    shown.now += GRACE_S
    assert shown.draw()[:2] == ["  0:03  Said a moment before.", "  0:04  ── bookmark ──"]


def test_a_mark_waits_as_long_as_no_session_hears_the_present() -> None:
    shown = Shown(lines=10)
    shown.view.mark(4000, "bookmark")
    for _ in range(20):
        shown.view.status(Status(state="reconnecting", backlog_s=shown.now))
        shown.draw()
    shown.view.turn(update("Said before.", start_ms=3500, final=True))
    shown.view.turn(update("Said after.", turn=1, start_ms=9000, final=True))
    assert [row.split()[0] for row in shown.draw()[:3]] == ["0:03", "0:04", "0:09"]


def test_marks_that_wait_are_left_when_the_view_closes(shown: Shown) -> None:
    shown.view.turn(update("open", start_ms=0))
    shown.view.mark(4000, "muted")
    shown.draw()
    shown.view.close()
    assert shown.terminal.screen() == ["  0:04  ── muted ──"]
