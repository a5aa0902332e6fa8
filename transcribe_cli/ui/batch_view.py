"""The view of many files at once: a bar for each that runs and one for all, under what is done.

A file's transcript goes into the terminal's own scrollback when the file has ended, in one piece
under its name. Called from one thread. Where a cursor cannot be controlled (`TERM=dumb`, a console
without VT sequences) there are no bars, and the transcripts are printed as plain lines.
"""

import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.text import Text

from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui import panels, turn_rendering
from transcribe_cli.ui.batch_rows import BatchProgress, FileProgress, batch_rows, heading
from transcribe_cli.ui.key_table import keys_in
from transcribe_cli.ui.live_region import draw_region
from transcribe_cli.ui.region_view import FOREGROUND_POLL_S, ROOMY_ROWS, RegionView, usable_columns
from transcribe_cli.ui.speaker_corrections import SpeakerCorrections
from transcribe_cli.ui.status_line import Status

DRAW_INTERVAL_S = 1 / 5
"""The region is drawn at most this often."""

_SOON_S = 3.0  # before that nobody can tell how long it will take


class FileView:
    """One file of the view: what its run shows, kept until the file has ended.

    Attributes:
        progress: as it stands now.
        first_s: where it began; not at 0 where an earlier run has done a part of it.
    """

    def __init__(self, batch: "BatchView", name: str) -> None:
        self.name = name
        self.progress = FileProgress(name)
        self.first_s = 0.0
        self.lines: list[tuple[Text, int | None]] = []  # each with a turn's place, for the indent
        self._batch = batch
        self._finished: set[int] = set()
        self._speakers = SpeakerCorrections(ascii_only=batch.ascii_only)

    def turn(self, update: TurnUpdate) -> None:
        """A final is kept as it will look; partials are not shown."""
        if not update.final or update.turn in self._finished:
            return
        self._finished.add(update.turn)
        update = self._speakers.correct(update)
        self._speakers.commit(update)
        line = turn_rendering.final_line(
            update, columns=self._batch.columns, non_speech=self._batch.non_speech
        )
        if line is not None:
            self.lines.append((line, update.start_ms))

    def revise(self, session: int, revision: SpeakerRevision) -> None:
        """The service corrected speakers."""
        self.lines += [(line, None) for line in self._speakers.revise(session, revision)]

    def mark(self, at_ms: int, words: str) -> None:
        """A line for what happened there."""
        batch = self._batch
        line = turn_rendering.mark_line(at_ms, words, batch.columns, ascii_only=batch.ascii_only)
        self.lines.append((line, at_ms))

    def hint(self, text: str) -> None:
        """Passing words have no place among many files."""

    def toggle_help(self) -> None:
        """The panel of keys is that of all files."""

    def toggle_languages(self, shares: Mapping[str, int]) -> None:
        """There is no panel."""

    def toggle_confidences(self) -> None:
        """What is unsure is marked."""

    def drop_partial(self, session: int | None = None) -> None:
        """Partials are not shown."""

    def status(self, status: Status) -> None:
        """How far it is now."""
        position_s, length_s, _ = status.progress or (status.elapsed_s, None, 0.0)
        if self.progress.state == "connecting":
            self.first_s = position_s
        self.progress = FileProgress(
            self.name, position_s, length_s, status.turns, status.state, status.message
        )

    def tick(self, now: float | None = None) -> float | None:
        """Draw the whole view if it is time.

        Never asks to be called again: a run that is shown comes back for its status anyway.
        """
        self._batch.tick(now)
        return None


class BatchView(RegionView):
    """Shows how far many files are, and what became of each, on a console.

    Args:
        files: how many there are.
        non_speech: what becomes of `[Silence]` and its like.
        clock: seconds, only forward.
    """

    def __init__(
        self,
        console: Console,
        files: int,
        *,
        non_speech: turn_rendering.NonSpeech = "dim",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console)
        self.non_speech = non_speech
        self._clock = clock
        self._files = files
        self._running: list[FileView] = []
        self._done = self._failed = 0
        self._lengths: list[float] = []  # of the files that have begun, as far as known, in s
        self._heard_s = 0.0  # audio of the files that have ended
        self._skipped_s = 0.0  # and what of it earlier runs had done
        self._began: float | None = None
        self._shows_help = False
        self._drawn: list[str] = []
        self._size = (0, 0)
        self._due = float("-inf")

    @property
    def columns(self) -> int:
        """The window's width."""
        return self.console.size.width

    # What becomes of the files.

    def begin(self, name: str) -> FileView:
        """A file that is about to run; it is shown from its first status on."""
        if self._began is None:
            self._began = self._clock()
        view = FileView(self, name)
        self._running.append(view)
        return view

    def drop(self, view: FileView) -> None:
        """It did not come to run; harmless twice."""
        if view in self._running:
            self._running.remove(view)

    def end(self, view: FileView) -> None:
        """A file has run to its end: its transcript goes into the scrollback, under its name."""
        self.drop(view)
        self._heard_s += view.progress.position_s
        self._skipped_s += view.first_s
        self._lengths.append(view.progress.length_s or view.progress.position_s)
        title = heading(view.name, usable_columns(self.columns), ascii_only=self.ascii_only)
        for line, start_ms in [(Text(), None), (title, None), *view.lines]:
            self._commit_text(line, start_ms)

    def count(self, *, failed: bool) -> None:
        """One file more is done, or has failed."""
        if failed:
            self._failed += 1
        else:
            self._done += 1

    def progress(self, now: float) -> BatchProgress:
        """How far all of it is."""
        running = [view.progress for view in self._running]
        lengths = [one.length_s for one in running if one.length_s]
        known = [*self._lengths, *lengths]
        share = left_s = None
        if known:
            usual_s = sum(known) / len(known)
            heard_s = self._heard_s + sum(one.position_s for one in running)
            begun_s = sum(self._lengths) + sum(one.length_s or usual_s for one in running)
            ended = self._done + self._failed
            to_come = max(self._files - ended - len(running), 0)
            whole_s = begun_s + to_come * usual_s
            share = min(heard_s / whole_s, 1.0) if whole_s else None
            elapsed_s = now - (now if self._began is None else self._began)
            new_s = heard_s - self._skipped_s - sum(view.first_s for view in self._running)
            if elapsed_s >= _SOON_S and new_s > 0:
                left_s = max(whole_s - heard_s, 0.0) * elapsed_s / new_s
        return BatchProgress(self._files, self._done, self._failed, len(running), share, left_s)

    def toggle_help(self) -> None:
        """Show what the keys do, or no longer."""
        self._shows_help = not self._shows_help
        if not self._live:
            for binding in keys_in("batch"):
                self.notice(f"{binding.key}  {binding.help}")

    # The terminal.

    def open(self) -> None:
        """Start drawing, from the next `tick` on; harmless when open."""
        if not self._is_open:
            self._drawn = []
        super().open()

    def close(self) -> None:
        """Draw what waits, remove the bars, give the cursor back; harmless twice."""
        super().close()
        self._due = float("-inf")

    def tick(self, now: float | None = None) -> None:
        """Draw if something changed and the last drawing is long enough ago.

        `now` is a time of the view's clock, by default the present.
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
        resized, self._size = size != self._size, size
        columns, height = size
        if resized and self._headroom is not None:
            self._headroom.resized(columns)
        width, most = usable_columns(columns), self._most_rows(height)
        panel: list[Text] = []
        if self._shows_help:
            panel = panels.keys_panel(width, most - 1, keys_in("batch"))
        rows = batch_rows(
            [view.progress for view in self._running],
            self.progress(now),
            width,
            most - len(panel),
            ascii_only=self.ascii_only,
        )
        rows[-1:-1] = panel  # above the row for all files, as the live view has it
        if height >= ROOMY_ROWS:
            rows.insert(0, Text())
        written = [self._ansi(row) for row in rows]
        if written == self._drawn and not self._has_committed() and not resized:
            return
        self._drawn = written
        committed = self._take_committed(columns)
        blank = 0
        if self._headroom is not None:
            blank = self._headroom.blank_rows(rows, len(committed), height)
        self._is_drawn = True
        self._write(draw_region(committed, [""] * blank + written))

    def _most_rows(self, height: int) -> int:
        """Half of the window: then a window that is made half as wide still holds them all."""
        return max(height // 2 - (height >= ROOMY_ROWS), 1)
