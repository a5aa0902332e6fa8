"""The live view of one recording: finals in the scrollback, partials and status line below.

`turn`, `status` and `notice` only note what changed, and `tick` draws, so that a burst of messages
costs one drawing. Without cursor control (a pipe, `TERM=dumb`, a console without VT sequences)
finals and notices are printed as plain lines. Call it from one thread.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.settings.option_types import NonSpeech
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui import panels, turn_rendering
from transcribe_cli.ui.batch_rows import heading
from transcribe_cli.ui.key_table import KeyBinding, keys_in
from transcribe_cli.ui.live_region import NARROWEST, draw_region
from transcribe_cli.ui.live_view_times import LiveViewTimes
from transcribe_cli.ui.panels import OpenPanel, cut_left, prompt_line
from transcribe_cli.ui.partial_turns import PartialTurns
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
from transcribe_cli.ui.text_wrapping import cut_end, cut_text

ROWS_LEFT_TO_WORDS = 1
"""Rows that a panel leaves for partials."""

MOST_MARKS = 2
"""So many marks that are not committed yet are shown."""

HEARS_LATER = ("connecting", "reconnecting", "offline", "catching up")
"""States in which no session hears the present."""

HURRY = ("Ctrl+C again ends it at once", "Ctrl+C again: at once")
"""What is said of keys once a stop was asked for."""

HINT_S = 3.0
"""How long a hint is shown."""


class _Hint(NamedTuple):
    text: str
    ends: float


class LiveView(RegionView):
    """Shows turns, notices and the status of one recording on a console.

    While the program is in the background, finals and notices are plain lines too.

    Args:
        non_speech: how tags such as `[Silence]` are shown.
        clock: a monotonic clock, in seconds.
        keys: the keys in the panel of keys.
        grace_s: how long a mark waits for words from before it.
    """

    status_every_s = 0.2

    def __init__(
        self,
        console: Console,
        *,
        non_speech: NonSpeech = NonSpeech.DIM,
        clock: Callable[[], float] = time.monotonic,
        keys: Sequence[KeyBinding] = keys_in("run"),
        grace_s: float = GRACE_S,
    ) -> None:
        super().__init__(console)
        self.non_speech = non_speech
        self._clock = clock
        self._partials = PartialTurns()
        self._marks = PendingMarks(grace_s)
        self._speakers = SpeakerCorrections(ascii_only=self.ascii_only)
        self._language: str | None = None
        self._latest = ""  # language of the last turn, with its confidence
        self._confidences = True
        self._panel = OpenPanel(keys)
        self._hint: _Hint | None = None
        self._prompt: Text | None = None  # the line that is being typed
        self._status = Status()
        self._times = LiveViewTimes()
        self._size = (0, 0)

    def open(self) -> None:
        """Start drawing at the next `tick`. May be called when open."""
        if not self._is_open:
            self._times.content_changed = True
        super().open()

    def close(self) -> None:
        """Draw what waits, erase the region, give the cursor back. May be called twice."""
        self._commit_marks(self._marks.all())
        super().close()
        self._times.closed()

    def turn(self, update: TurnUpdate) -> None:
        """Show a turn as it is now. A final is committed once; later updates of it are ignored."""
        if self._partials.is_final(update.turn):
            return
        update = self._speakers.correct(update)
        self._marks.saw(update.start_ms)
        self._partials.take(update)
        if update.final:
            self._commit_marks(self._marks.before(update.start_ms))
            self._speakers.commit(update)
            self._announce_language(update)
            confidences = self._confidences
            for part in update.parts():
                self._commit(partial(self._final, part, confidences), part.start_ms)
        self._release_marks(self._clock())
        self._times.content_changed = True

    def head(self, name: str) -> None:
        """Commit a line that names one of several files."""
        self._commit(
            lambda columns: heading(name, usable_columns(columns), ascii_only=self.ascii_only), None
        )

    def revise(self, session: int, revision: SpeakerRevision) -> None:
        """Apply corrected speakers: partials in place, committed turns by a line about them."""
        for line in self._speakers.revise(session, revision):
            self.notice(line)
        self._partials.correct(self._speakers.correct)
        self._times.content_changed = True

    def mark(self, at_ms: int, words: str) -> None:
        """Show a line for what the user did: `bookmark`, `paused`, `goes on`, `muted` ...

        It is committed after the turns that began before it; until then it stands in the region.
        """
        now = self._clock()
        self._marks.add(at_ms, words, now)
        self._release_marks(now)
        self._times.content_changed = True

    def _release_marks(self, now: float) -> None:
        self._commit_marks(self._marks.ready(now, self._partials.first_ms))

    def _commit_marks(self, marks: list[PendingMark]) -> None:
        for mark in marks:
            self._commit(partial(self._mark_line, mark), mark.at_ms)
            self._times.content_changed = True

    def _mark_line(self, mark: PendingMark, columns: int) -> Text:
        return turn_rendering.mark_line(mark.at_ms, mark.words, columns, ascii_only=self.ascii_only)

    def other_message(self, text: str) -> None:
        """Commit a quiet line below the turns: what a message of the service says beside them."""
        self._commit(partial(turn_rendering.other_message_line, text), 0)
        self._times.content_changed = True

    def hint(self, text: str) -> None:
        """Show a few words above the status line for `HINT_S`."""
        self._hint = _Hint(safe_text(text), self._clock() + HINT_S)
        self._times.content_changed = True
        if not self._live:
            self.notice(text)

    def prompt(self, label: str, text: str | None) -> None:
        """Show a line that is being typed above the status line; None: it is typed no more."""
        self._prompt = None if text is None else prompt_line(label, text)
        self._times.content_changed = True
        if not self._live and text == "":
            self.notice(label)

    def toggle_help(self) -> None:
        """Show or hide the panel of keys."""
        self._panel.toggle_keys()
        self._times.content_changed = True
        if not self._live:
            for binding in self._panel.keys:
                self.notice(f"{binding.key:<6} {binding.help}")

    def toggle_languages(self, shares: Mapping[str, int]) -> None:
        """Show or hide how long each language was spoken.

        `shares`: ms by language code; later changes of the mapping are shown too.
        """
        self._panel.toggle_languages(shares)
        self._times.content_changed = True
        if not self._live:
            for row in panels.languages_panel(shares, self._latest, 1000, 100, ascii_only=True):
                self.notice(row)

    def toggle_confidences(self) -> None:
        """Mark unsure words, or stop marking them; committed lines do not change."""
        self._confidences = not self._confidences
        self.hint("unsure words are " + ("underlined" if self._confidences else "not marked"))

    def drop_partial(self, session: int | None = None) -> None:
        """Remove the partials of a session that broke off; of all sessions by default."""
        self._partials.drop(session)
        self._times.content_changed = True

    def status(self, status: Status) -> None:
        """Set what the status line shows from the next drawing on."""
        if status.state in HEARS_LATER:
            self._marks.put_off(self._clock())
        if status != self._status:
            self._status = status
            self._times.status_changed = True

    def notice(self, text: Text | str) -> None:
        """Commit a line, in order with the finals."""
        super().notice(text)
        self._times.content_changed = True

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
        if self._hint is not None and now >= self._hint.ends:
            self._hint = None
            self._times.content_changed = True
        self._times.advance(now)
        due = self._times.due(resized=self.console.size != self._size)
        if due is None:
            return self._passing(now)
        if now < due:
            return due
        if not self._in_foreground():
            self._print_lines()
            return now + FOREGROUND_POLL_S
        self._draw(now)
        due = self._times.due(resized=False)
        return self._passing(now) if due is None else due

    def _passing(self, now: float) -> float | None:
        """When something that is shown for a while goes away."""
        hint_ends = None if self._hint is None else self._hint.ends
        ends = (hint_ends, self._times.settles_at, self._marks.next_due(now))
        return min((end for end in ends if end is not None), default=None)

    def _draw(self, now: float) -> None:
        if self.console.size != self._size:
            self._resized(now)
        columns, height = self._size
        committed = self._take_committed(columns)
        texts = self._region(len(committed))
        is_settling = self._times.settles_at is not None
        if is_settling and self._at_risk(texts, len(committed), dragging=True):
            narrow = min(usable_columns(columns), NARROWEST - 1)
            texts = [status_line(self._status, narrow, ascii_only=self.ascii_only)]
        if self._rows_above is not None:
            self._rows_above.drawn(texts, len(committed), height)
        self._times.drawn(now, more=self._has_committed())
        self._is_drawn = True
        self._write(draw_region(committed, [self._ansi(row) for row in texts]))

    def _resized(self, now: float) -> None:
        columns, _ = self.console.size
        if self._rows_above is not None and self._size[0] not in (0, columns):
            self._rows_above.resized(columns)
            self._times.resized(now)
        self._size = self.console.size
        self._partials.resized()

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
        most = height - 1 - ROWS_LEFT_TO_WORDS
        panel = self._panel.rows(self._latest, width, most, ascii_only=self.ascii_only)
        hint = []
        if self._hint is not None:
            hint.append(Text(cut_end(self._hint.text, width, "..."), turn_rendering.DIM))
        keys: Sequence[str] = self.key_words[1:] or self.key_words
        opening: list[Text] = []  # there is nothing else to look at yet
        if self._status.state == "stopping":
            keys = HURRY
        elif keys and not (self._partials.was_said or hint or panel or height == 1):
            opening = [Text(cut_end(self.key_words[0], width, "..."), turn_rendering.DIM)]
            keys = ()
        status = status_line(self._status, width, ascii_only=self.ascii_only, keys=keys)
        typed = [] if self._prompt is None else [cut_left(self._prompt, width)]
        below = [*opening, *hint, *panel, *typed, status]
        for row in below:
            row.pad_left(inset)
        marks = [cut_text(self._mark_line(mark, columns), width) for mark in self._marks]
        marks = marks[-MOST_MARKS:]
        words = self._partials.rows(
            self._partials.lines(columns, height, self.non_speech, confidences=self._confidences),
            height,
            [*marks, *below],
            lambda rows: self._at_risk(rows, committed),
            ascii_only=self.ascii_only,
        )
        words += marks
        if not hint and (height >= ROOMY_ROWS or (len(words) + len(below) == 1 and height > 1)):
            below.insert(0, Text())
        return [*words, *below][-height:]

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
