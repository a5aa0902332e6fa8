"""The live view of one recording: finals in the scrollback, partials and status line below.

`turn`, `status` and `notice` only note what changed, and `tick` draws, so that a burst of messages
costs one drawing. Without cursor control (a pipe, `TERM=dumb`, a console without VT sequences)
finals and notices are printed as plain lines. Call it from one thread.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rich.console import Console
from rich.style import Style
from rich.text import Text

from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui import panels, turn_rendering
from transcribe_cli.ui.batch_rows import heading
from transcribe_cli.ui.key_table import KeyBinding, keys_in
from transcribe_cli.ui.live_region import NARROWEST, draw_region, height_when_narrow
from transcribe_cli.ui.pending_marks import GRACE_S, PendingMark, PendingMarks
from transcribe_cli.ui.region_view import (
    BLOCKED_POLL_S,
    FOREGROUND_POLL_S,
    ROOMY_ROWS,
    RegionView,
    usable_columns,
)
from transcribe_cli.ui.safe_text import safe_text
from transcribe_cli.ui.speaker_corrections import SpeakerCorrections
from transcribe_cli.ui.status_line import Status, status_line
from transcribe_cli.ui.text_wrapping import cells, cut, cut_text, wrap

DRAW_INTERVAL_S = 1 / 12
"""Least time between two drawings."""

METER_INTERVAL_S = 1 / 5
"""Least time between two drawings when only the status line changed, mostly its level meter."""

MIN_PARTIAL_ROWS = 4
"""A long partial may have so many rows even when that is more than half of the window."""

ALWAYS_SHOWN_ROWS = 2
"""So many rows of a partial are shown even if a much narrower window could not hold them."""

EXTRA_CHARACTERS = 2000
"""Characters of a long partial that are laid out beyond what the window can hold."""

ROWS_LEFT_TO_WORDS = 1
"""Rows that a panel leaves for partials."""

MOST_MARKS = 2
"""So many marks that are not committed yet are shown."""

HEARS_LATER = ("connecting", "reconnecting", "offline", "catching up")
"""States in which no session hears the present."""

HURRY = ("Ctrl+C again ends it at once", "Ctrl+C again: at once")
"""What is said of keys once a stop was asked for."""

SETTLE_S = 0.5
"""For so long after a resize the region may be small: another resize follows while dragging."""

_CURSOR = Style(reverse=True)

HINT_S = 3.0
"""How long a hint is shown."""


class LiveView(RegionView):
    """Shows turns, notices and the status of one recording on a console.

    While the program is in the background, finals and notices are plain lines too.

    Args:
        non_speech: how tags such as `[Silence]` are shown.
        clock: a monotonic clock, in seconds.
        keys: the keys in the panel of keys.
        grace_s: how long a mark waits for words from before it.
    """

    def __init__(
        self,
        console: Console,
        *,
        non_speech: turn_rendering.NonSpeech = "dim",
        clock: Callable[[], float] = time.monotonic,
        keys: Sequence[KeyBinding] = keys_in("run"),
        grace_s: float = GRACE_S,
    ) -> None:
        super().__init__(console)
        self.non_speech = non_speech
        self._clock = clock
        self._keys = keys
        self._finished: set[int] = set()
        self._was_said = False  # there was a turn with words
        self._partials: dict[int, TurnUpdate] = {}  # by turn
        self._marks = PendingMarks(grace_s)
        self._speakers = SpeakerCorrections(ascii_only=self.ascii_only)
        self._language: str | None = None
        self._latest = ""  # language of the last turn, with its confidence
        self._confidences = True
        self._shows_help = False
        self._shares: Mapping[str, int] | None = None  # by language, while they are shown
        self._hint = ""
        self._hint_ends = float("-inf")
        self._prompt: Text | None = None  # the line that is being typed
        self._status = Status()
        self._status_changed = False
        self._content_changed = False
        self._size = (0, 0)
        self._drawn_at = float("-inf")
        self._is_settling = False  # the window may still be dragged
        self._settles_at = float("-inf")
        self._tallest = 0  # rows that the partial has had since the last final

    def open(self) -> None:
        """Start drawing at the next `tick`. May be called when open."""
        if not self._is_open:
            self._content_changed = True
        super().open()

    def close(self) -> None:
        """Draw what waits, erase the region, give the cursor back. May be called twice."""
        self._commit_marks(self._marks.all())
        super().close()
        self._drawn_at = float("-inf")

    def turn(self, update: TurnUpdate) -> None:
        """Show a turn as it is now. A final is committed once; later updates of it are ignored."""
        if update.turn in self._finished:
            return
        self._was_said |= bool(update.message.transcript or update.message.words)
        update = self._speakers.correct(update)
        for turn, older in list(self._partials.items()):
            # The service has gone on to the next turn. A held turn stays: its final comes.
            if older.session == update.session and turn < update.turn and not older.held:
                del self._partials[turn]
        self._marks.saw(update.start_ms)
        if update.final:
            self._commit_marks(self._marks.before(update.start_ms))
            self._finished.add(update.turn)
            self._partials.pop(update.turn, None)
            self._tallest = 0
            self._speakers.commit(update)
            self._announce_language(update)
            confidences = self._confidences
            for part in update.parts():
                self._commit(partial(self._final, part, confidences), part.start_ms)
        else:
            self._partials[update.turn] = update
        self._release_marks(self._clock())
        self._content_changed = True

    def head(self, name: str) -> None:
        """Commit a line that names one of several files."""
        self._commit(
            lambda columns: heading(name, usable_columns(columns), ascii_only=self.ascii_only), None
        )

    def revise(self, session: int, revision: SpeakerRevision) -> None:
        """Apply corrected speakers: partials in place, committed turns by a line about them."""
        for line in self._speakers.revise(session, revision):
            self.notice(line)
        for turn, update in self._partials.items():
            self._partials[turn] = self._speakers.correct(update)
        self._content_changed = True

    def mark(self, at_ms: int, words: str) -> None:
        """Show a line for what the user did: `bookmark`, `paused`, `goes on`, `muted` ...

        It is committed after the turns that began before it; until then it stands in the region.
        """
        now = self._clock()
        self._marks.add(at_ms, words, now)
        self._release_marks(now)
        self._content_changed = True

    def _release_marks(self, now: float) -> None:
        open_ms = [update.start_ms for update in self._partials.values()]
        self._commit_marks(self._marks.ready(now, min(open_ms, default=None)))

    def _commit_marks(self, marks: list[PendingMark]) -> None:
        for mark in marks:
            self._commit(partial(self._mark_line, mark), mark.at_ms)
            self._content_changed = True

    def _mark_line(self, mark: PendingMark, columns: int) -> Text:
        return turn_rendering.mark_line(mark.at_ms, mark.words, columns, ascii_only=self.ascii_only)

    def side_text(self, text: str) -> None:
        """Commit a quiet line below the turns: what a message of the service says beside them."""
        self._commit(partial(turn_rendering.side_line, text), 0)
        self._content_changed = True

    def hint(self, text: str) -> None:
        """Show a few words above the status line for `HINT_S`."""
        self._hint = safe_text(text)
        self._hint_ends = self._clock() + HINT_S
        self._content_changed = True
        if not self._live:
            self.notice(text)

    def prompt(self, label: str, text: str | None) -> None:
        """Show a line that is being typed above the status line; None: it is typed no more."""
        self._prompt = None if text is None else prompt_line(label, text)
        self._content_changed = True
        if not self._live and text == "":
            self.notice(label)

    def toggle_help(self) -> None:
        """Show or hide the panel of keys."""
        self._shows_help, self._shares = not self._shows_help, None
        self._content_changed = True
        if not self._live:
            for binding in self._keys:
                self.notice(f"{binding.key:<6} {binding.help}")

    def toggle_languages(self, shares: Mapping[str, int]) -> None:
        """Show or hide how long each language was spoken.

        `shares`: ms by language code; later changes of the mapping are shown too.
        """
        self._shows_help, self._shares = False, shares if self._shares is None else None
        self._content_changed = True
        if not self._live:
            for row in panels.languages_panel(shares, self._latest, 1000, 100, ascii_only=True):
                self.notice(row)

    def toggle_confidences(self) -> None:
        """Mark unsure words, or stop marking them; committed lines do not change."""
        self._confidences = not self._confidences
        self.hint("unsure words are " + ("underlined" if self._confidences else "not marked"))

    def drop_partial(self, session: int | None = None) -> None:
        """Remove the partials of a session that broke off; of all sessions by default."""
        for turn, update in list(self._partials.items()):
            if session is None or update.session == session:
                del self._partials[turn]
        self._tallest = 0
        self._content_changed = True

    def status(self, status: Status) -> None:
        """Set what the status line shows from the next drawing on."""
        if status.state in HEARS_LATER:
            self._marks.put_off(self._clock())
        if status != self._status:
            self._status = status
            self._status_changed = True

    def notice(self, text: Text | str) -> None:
        """Commit a line, in order with the finals."""
        super().notice(text)
        self._content_changed = True

    def tick(self, now: float | None = None) -> float | None:
        """Draw if something changed and the last drawing is long enough ago.

        `now`: a time of the view's clock; the present by default. Returns when to call again;
        None when nothing waits to be drawn.
        """
        if not self._is_open:
            return None
        now = self._clock() if now is None else now
        if self._is_blocked:
            return now + BLOCKED_POLL_S
        self._release_marks(now)
        if not self._live:
            self._print_lines()
            return self._marks.next_due(now)
        if self._hint and now >= self._hint_ends:
            self._hint = ""
            self._content_changed = True
        if self._is_settling and now >= self._settles_at:
            self._is_settling = False
            self._content_changed = True
        if self._content_changed or self.console.size != self._size:
            due = self._drawn_at + DRAW_INTERVAL_S
        elif self._status_changed:
            due = self._drawn_at + METER_INTERVAL_S
        else:
            return self._passing(now)
        if now < due:
            return due
        if not self._in_foreground():
            self._print_lines()
            return now + FOREGROUND_POLL_S
        self._draw(now)
        self._drawn_at = now
        return now + DRAW_INTERVAL_S if self._content_changed else self._passing(now)

    def _passing(self, now: float) -> float | None:
        """When something that is shown for a while goes away."""
        ends = [self._hint_ends] * bool(self._hint) + [self._settles_at] * self._is_settling
        due = self._marks.next_due(now)
        return min(ends if due is None else [*ends, due], default=None)

    def _draw(self, now: float) -> None:
        if self.console.size != self._size:
            self._resized(now)
        columns, height = self._size
        committed = self._take_committed(columns)
        texts = self._region(len(committed))
        if self._is_settling and self._at_risk(texts, len(committed), dragging=True):
            narrow = min(usable_columns(columns), NARROWEST - 1)
            texts = [status_line(self._status, narrow, ascii_only=self.ascii_only)]
        if self._rows_above is not None:
            self._rows_above.drawn(texts, len(committed), height)
        self._content_changed = self._has_committed()
        self._status_changed = False
        self._is_drawn = True
        self._write(draw_region(committed, [self._ansi(row) for row in texts]))

    def _resized(self, now: float) -> None:
        columns, _ = self.console.size
        if self._rows_above is not None and self._size[0] not in (0, columns):
            self._rows_above.resized(columns)
            self._is_settling, self._settles_at = True, now + SETTLE_S
        self._size = self.console.size
        self._tallest = 0

    def _at_risk(self, rows: Sequence[Text], committed: int, *, dragging: bool = False) -> bool:
        """Whether a narrower window would leave some of these rows behind."""
        above = self._rows_above
        return above is not None and above.at_risk(
            rows, committed, self._size[0], dragging=dragging
        )

    def _region(self, committed: int) -> list[Text]:
        """The rows of the region, which follow so many committed ones."""
        columns, height = self._size
        inset = 0 if columns < turn_rendering.NARROW else 2  # in line with the times above it
        width = usable_columns(columns) - inset
        panel = self._panel_rows(width, height - 1)
        hint = [Text(cut(self._hint, width, "..."), turn_rendering.DIM)] if self._hint else []
        keys: Sequence[str] = self.key_words[1:] or self.key_words
        opening: list[Text] = []  # there is nothing else to look at yet
        if self._status.state == "stopping":
            keys = HURRY
        elif keys and not (self._was_said or hint or panel or height == 1):
            opening = [Text(cut(self.key_words[0], width, "..."), turn_rendering.DIM)]
            keys = ()
        status = status_line(self._status, width, ascii_only=self.ascii_only, keys=keys)
        typed = [] if self._prompt is None else [cut_left(self._prompt, width)]
        below = [*opening, *hint, *panel, *typed, status]
        for row in below:
            row.pad_left(inset)
        marks = [cut_text(self._mark_line(mark, columns), width) for mark in self._marks]
        marks = marks[-MOST_MARKS:]
        partial = self._partial_rows(columns, height, [*marks, *below], committed)
        partial += marks
        if not hint and (height >= ROOMY_ROWS or (len(partial) + len(below) == 1 and height > 1)):
            below.insert(0, Text())
        return [*partial, *below][-height:]

    def _panel_rows(self, width: int, room: int) -> list[Text]:
        """The open panel, cut so that some rows are left for partials."""
        most = room - ROWS_LEFT_TO_WORDS
        if self._shows_help:
            panel = panels.keys_panel(width, most, self._keys)
        elif self._shares is not None:
            panel = panels.languages_panel(
                self._shares, self._latest, width, most, ascii_only=self.ascii_only
            )
        else:
            return []
        return panel

    def _partial_rows(
        self, columns: int, height: int, below: list[Text], committed: int
    ) -> list[Text]:
        """The newest rows of all partials, padded to the most rows since the last final.

        At most half of the window, and no more than a much narrower window could hold.
        """
        lines: list[Text] = []
        parts = [part for _, turn in sorted(self._partials.items()) for part in turn.parts()]
        for update in parts:
            line = turn_rendering.partial_line(
                update,
                columns=columns,
                non_speech=self.non_speech,
                confidences=self._confidences,
                most=columns * height + EXTRA_CHARACTERS,
            )
            if line is not None:
                indent = turn_rendering.hanging_indent(update.start_ms, columns)
                lines += wrap(line, usable_columns(columns), indent)
        room = height - len(below) - (height >= ROOMY_ROWS)
        most = max(min(max(height // 2, MIN_PARTIAL_ROWS), room), 0)
        always = ALWAYS_SHOWN_ROWS if len(below) == 1 else 1
        kept = _newest(lines, most, always, height - 1 - height_when_narrow(below))
        while len(kept) > 1 and self._at_risk([*kept, *below], committed):
            del kept[0]
        if len(kept) < len(lines) and kept and kept[0].plain.startswith("  "):
            mark = Text().append(". " if self.ascii_only else "… ", turn_rendering.DIM)
            kept[0] = mark + kept[0][2:]
        self._tallest = min(max(self._tallest, len(kept)), most)
        blank = min(self._tallest - len(kept), height - 1 - height_when_narrow([*kept, *below]))
        return kept + [Text()] * max(blank, 0)

    def _announce_language(self, update: TurnUpdate) -> None:
        if tag := turn_rendering.language_tag(update.message):
            self._latest = tag
        code = turn_rendering.confident_language(update.message)
        if code is None or code == self._language:
            return
        if self._language is not None:
            change = partial(turn_rendering.language_change, code, update.start_ms)
            self._commit(change, update.start_ms)
        self._language = code

    def _final(self, update: TurnUpdate, confidences: bool, columns: int) -> Text | None:
        return turn_rendering.final_line(
            update, columns=columns, non_speech=self.non_speech, confidences=confidences
        )


def prompt_line(label: str, text: str) -> Text:
    """A line that is being typed, with a cursor behind it."""
    return Text(label, turn_rendering.DIM).append(safe_text(text)).append(" ", _CURSOR)


def cut_left(line: Text, width: int) -> Text:
    """The end of a line, in at most `width` cells."""
    while cells(line.plain) > width:
        line = line[1:]
    return line


def _newest(lines: list[Text], most: int, always: int, room_when_narrow: int) -> list[Text]:
    """The last lines that fit now and in a narrow window; at least `always` of them."""
    kept: list[Text] = []
    for line in reversed(lines[-most:] if most else []):
        room_when_narrow -= height_when_narrow([line])
        if len(kept) >= always and room_when_narrow < 0:
            break
        kept.insert(0, line)
    return kept
