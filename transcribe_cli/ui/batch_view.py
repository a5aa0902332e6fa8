"""The live view of a batch: finished transcripts in the scrollback, progress bars below them.

When a file ends, its whole transcript goes into the scrollback under its name. Without cursor
control (`TERM=dumb`, a console without VT sequences) there are no bars, and transcripts are
printed as plain lines. Call it from one thread.
"""

import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.text import Text

from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.settings.option_types import NonSpeech
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui import panels, turn_rendering
from transcribe_cli.ui.batch_rows import BatchProgress, FileProgress, batch_rows, heading
from transcribe_cli.ui.batch_totals import BatchTotals
from transcribe_cli.ui.key_table import keys_in
from transcribe_cli.ui.live_region import draw_region
from transcribe_cli.ui.panels import cut_left, prompt_line
from transcribe_cli.ui.region_view import FOREGROUND_POLL_S, ROOMY_ROWS, RegionView, usable_columns
from transcribe_cli.ui.speaker_corrections import SpeakerCorrections
from transcribe_cli.ui.status_line import Status

DRAW_INTERVAL_S = 1 / 2
"""The region is drawn at most this often; each file's row changes as often."""


class FileView:
    """The view of one run in the batch: keeps its lines until the file has ended.

    Attributes:
        progress: how far the file is now.
        first_s: where this run began, in seconds; above 0 when it resumes a recording.
    """

    status_every_s = DRAW_INTERVAL_S  # there may be a hundred

    def __init__(self, batch: "BatchView", name: str) -> None:
        self.name = name
        self.progress = FileProgress(name)
        self.first_s = 0.0
        self.lines: list[tuple[Text, int | None]] = []  # each with a turn's start_ms
        self._batch = batch
        self._finished: set[int] = set()
        self._speakers = SpeakerCorrections(ascii_only=batch.ascii_only)

    def turn(self, update: TurnUpdate) -> None:
        """Keep a final as it will be shown. Partials are not shown."""
        if not update.final or update.turn in self._finished:
            return
        self._finished.add(update.turn)
        update = self._speakers.correct(update)
        self._speakers.commit(update)
        columns, non_speech = self._batch.columns, self._batch.non_speech
        for part in update.parts():
            line = turn_rendering.final_line(part, columns=columns, non_speech=non_speech)
            if line is not None:
                self.lines.append((line, part.start_ms))

    def revise(self, session: int, revision: SpeakerRevision) -> None:
        """Keep a line about each corrected speaker."""
        self.lines += [(line, None) for line in self._speakers.revise(session, revision)]

    def mark(self, at_ms: int, words: str) -> None:
        """Keep a line for a bookmark or a pause."""
        batch = self._batch
        line = turn_rendering.mark_line(at_ms, words, batch.columns, ascii_only=batch.ascii_only)
        self.lines.append((line, at_ms))

    def other_message(self, text: str) -> None:
        """Keep a line of what a message says beside the turns."""
        self.lines.append((turn_rendering.other_message_line(text, self._batch.columns), 0))

    def hint(self, text: str) -> None:
        """Not shown: there is no room for hints in a batch."""

    def prompt(self, label: str, text: str | None) -> None:
        """Not shown here: a line is typed for all files, into `BatchView`."""

    def toggle_help(self) -> None:
        """Not shown here: `BatchView` has the panel."""

    def toggle_languages(self, shares: Mapping[str, int]) -> None:
        """Not shown in a batch."""

    def toggle_confidences(self) -> None:
        """Not switched in a batch: unsure words are always marked."""

    def drop_partial(self, session: int | None = None) -> None:
        """Nothing to drop: partials are not shown."""

    def status(self, status: Status) -> None:
        """Take the file's progress."""
        position_s, length_s, _ = status.progress or (status.elapsed_s, None, 0.0)
        if self.progress.state == "connecting":
            self.first_s = position_s
        self.progress = FileProgress(
            self.name, position_s, length_s, status.turns, status.state, status.message
        )

    def tick(self, now: float | None = None) -> float | None:
        """Draw the whole batch if it is due.

        Returns None, for "no need to call again": every run's status update ticks the view.
        """
        self._batch.tick(now)
        return None


class BatchView(RegionView):
    """Shows a batch on a console.

    Args:
        files: number of files in the batch.
        non_speech: how tags such as `[Silence]` are shown.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        console: Console,
        files: int,
        *,
        non_speech: NonSpeech = NonSpeech.DIM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console)
        self.non_speech = non_speech
        self._clock = clock
        self._running: list[FileView] = []
        self._totals = BatchTotals(files)
        self._shows_help = False
        self._prompt: Text | None = None  # the line that is being typed
        self._drawn: list[str] = []
        self._size = (0, 0)
        self._due = float("-inf")

    @property
    def columns(self) -> int:
        """The window's width."""
        return self.console.size.width

    # The files.

    def begin(self, name: str) -> FileView:
        """The view for a file that is about to run; shown from its first status on."""
        self._totals.begin(self._clock())
        view = FileView(self, name)
        self._running.append(view)
        return view

    def drop(self, view: FileView) -> None:
        """Remove a file that did not run. May be called twice."""
        if view in self._running:
            self._running.remove(view)

    def end(self, view: FileView) -> None:
        """A file has ended: write its transcript into the scrollback, under its name."""
        self.drop(view)
        self._totals.end(view.progress, view.first_s)
        title = heading(view.name, usable_columns(self.columns), ascii_only=self.ascii_only)
        for line, start_ms in [(Text(), None), (title, None), *view.lines]:
            self._commit_text(line, start_ms)

    def count(self, *, failed: bool) -> None:
        """Count one more file as done or failed."""
        self._totals.count(failed=failed)

    def progress(self, now: float) -> BatchProgress:
        """How far the whole batch is."""
        running = [view.progress for view in self._running]
        return self._totals.progress(running, sum(view.first_s for view in self._running), now)

    def toggle_help(self) -> None:
        """Show or hide the panel of keys."""
        self._shows_help = not self._shows_help
        if not self._live:
            for binding in keys_in("batch"):
                self.notice(f"{binding.key}  {binding.help}")
        self._draw_now()

    def prompt(self, label: str, text: str | None) -> None:
        """Show a line that is being typed; None: it is no longer."""
        self._prompt = None if text is None else prompt_line(label, text)
        self._draw_now()

    def _draw_now(self) -> None:
        """What was typed is shown at once."""
        self._due = float("-inf")
        self.tick()

    # The terminal.

    def open(self) -> None:
        """Start drawing at the next `tick`. May be called when open."""
        if not self._is_open:
            self._drawn = []
        super().open()

    def close(self) -> None:
        """Draw what waits, remove the bars, give the cursor back. May be called twice."""
        super().close()
        self._due = float("-inf")

    def tick(self, now: float | None = None) -> None:
        """Draw if something changed and the last drawing is `DRAW_INTERVAL_S` ago.

        `now`: a time of the view's clock; the present by default.
        """
        now = self._clock() if now is None else now
        if not self._is_open or now < self._due or self._is_blocked:
            return
        self._due = now + DRAW_INTERVAL_S
        if not self._live:
            self._print_lines()
        elif not self._in_foreground():
            self._print_lines()
            self._due = now + FOREGROUND_POLL_S
        else:
            self._draw(now)

    def _draw(self, now: float) -> None:
        size = self.console.size
        resized, before = size != self._size, self._size
        self._size = size
        columns, height = size
        if self._rows_above is not None and before[0] not in (0, columns):
            self._rows_above.resized(columns)
        committed = self._take_committed(columns)
        rows = self._region(now, usable_columns(columns), height)
        above = self._rows_above
        if above is not None and above.at_risk(rows, len(committed), columns):
            rows = self._region(now, usable_columns(columns // 2), height)
        written = [self._ansi(row) for row in rows]
        if written == self._drawn and not committed and not resized:
            return
        self._drawn = written
        if above is not None:
            above.drawn(rows, len(committed), height)
        self._is_drawn = True
        self._write(draw_region(committed, written))

    def _region(self, now: float, width: int, height: int) -> list[Text]:
        """The rows of the region, in so many cells."""
        most = self._most_rows(height)
        panel: list[Text] = []
        if self._shows_help:
            panel = panels.keys_panel(width, most - 1, keys_in("batch"))
        if self._prompt is not None:
            panel = [*panel[: max(most - 2, 0)], cut_left(self._prompt, width)]
        rows = batch_rows(
            [view.progress for view in self._running],
            self.progress(now),
            width,
            most - len(panel),
            ascii_only=self.ascii_only,
            keys=self.key_words,
        )
        rows[-1:-1] = panel  # above the row for all files, as the live view has it
        if height >= ROOMY_ROWS:
            rows.insert(0, Text())
        return rows

    def _most_rows(self, height: int) -> int:
        """Half of the window, so that all rows still fit when the window is made half as wide."""
        return max(height // 2 - (height >= ROOMY_ROWS), 1)
