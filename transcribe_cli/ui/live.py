"""The live view: finals in the terminal's own scrollback, and under them what is being said now.

Called from one thread. Nothing is drawn by `turn`, `status` or `notice`: they note what changed,
and `tick` draws, so that a burst of messages costs one drawing. Where a cursor cannot be controlled
(a pipe, `TERM=dumb`, a console without VT sequences) finals and notices are printed as plain lines.
"""

import atexit
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui import render
from transcribe_cli.ui.layout import wrap
from transcribe_cli.ui.region import close_region, draw_region, open_region
from transcribe_cli.ui.safe_text import encodable, is_utf8, safe_text
from transcribe_cli.ui.status_line import Status, status_line

DRAW_INTERVAL_S = 1 / 12
"""The region is drawn at most this often."""

METER_INTERVAL_S = 1 / 5
"""A change of the status line alone, mostly of the meter, waits this long."""

ROOMY = 12
"""Windows of this many rows keep a blank row above the status line all the time."""

SMALLEST_PARTIAL = 4
"""Rows of a long partial that are shown even where they are more than half of the window."""

_COLOR_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}  # a console of old Windows is not here: it would show the codes


class _Line(NamedTuple):
    """A line to commit, wrapped only when it is drawn: the window may change until then."""

    make: Callable[[int], Text | None]  # the text for a window of so many columns
    start_ms: int | None  # a turn's place, for the indent; None for a notice


class LiveView:
    """Shows turns, notices and the status of one recording on a console.

    A context manager; `close` and a new `open` also serve for stopping the program and going on.
    `non_speech`: what becomes of `[Silence]` and its like. `clock`: seconds, only forward.
    """

    def __init__(
        self,
        console: Console,
        *,
        non_speech: render.NonSpeech = "dim",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console = console
        self.non_speech = non_speech
        self._clock = clock
        self._live = (
            console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows
        )
        # Of the stream: the console says UTF-8 of a stdout that it was not given.
        self._encoding: str | None = getattr(console.file, "encoding", None)
        self._utf8 = is_utf8(self._encoding)
        self._is_open = False
        self._committed: list[_Line] = []  # not drawn yet
        self._finished: set[int] = set()
        self._partials: dict[int, TurnUpdate] = {}  # by turn
        self._language: str | None = None
        self._status = Status()
        self._status_changed = False
        self._content_changed = False
        self._size = (0, 0)
        self._drawn_at = float("-inf")
        self._tallest = 0  # rows that the partial has had since the last final

    def open(self) -> None:
        """Hide the cursor and start drawing; harmless when open."""
        if self._is_open:
            return
        self._is_open = True
        self._content_changed = True
        if self._live:
            atexit.register(self.close)
            self._write(open_region())

    def close(self) -> None:
        """Draw what waits, remove partial and status line, give the cursor back; harmless twice."""
        if not self._is_open:
            return
        self._is_open = False
        if not self._live:
            self._print_lines()
            return
        atexit.unregister(self.close)
        # A terminal that has gone, or a stdout that was closed, has no cursor to give back.
        with suppress(OSError, ValueError):
            self._write(close_region(self._take_committed(self.console.size.width)))
        self._drawn_at = float("-inf")

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def turn(self, update: TurnUpdate) -> None:
        """A turn as it stands now; a final is committed once, whatever comes after it."""
        if update.turn in self._finished:
            return
        for turn, older in list(self._partials.items()):
            # The service went on to the next turn; one that is held comes again as a final.
            if older.session == update.session and turn < update.turn and not older.held:
                del self._partials[turn]
        if update.final:
            self._finished.add(update.turn)
            self._partials.pop(update.turn, None)
            self._tallest = 0
            self._announce_language(update)
            self._commit(lambda columns: self._final(update, columns), update.start_ms)
        else:
            self._partials[update.turn] = update
        self._content_changed = True

    def drop_partial(self, session: int | None = None) -> None:
        """A session broke off: its open turns will be said again (of all sessions by default)."""
        for turn, update in list(self._partials.items()):
            if session is None or update.session == session:
                del self._partials[turn]
        self._tallest = 0
        self._content_changed = True

    def status(self, status: Status) -> None:
        """What the status line shows from the next drawing on."""
        if status != self._status:
            self._status = status
            self._status_changed = True

    def notice(self, text: Text | str) -> None:
        """A line above the region, in its order among the finals.

        A `str` is made safe; a `Text` is shown as it is, so its maker made it safe.
        """
        line = text if isinstance(text, Text) else Text(safe_text(text))
        self._commit(lambda _: line, None)
        self._content_changed = True

    def tick(self, now: float | None = None) -> float | None:
        """Draw if something changed and the last drawing is long enough ago.

        `now` is a time of the view's clock, by default the present. Returns when to call again,
        None when nothing is waiting to be drawn.
        """
        if not self._is_open:
            return None
        if not self._live:
            self._print_lines()
            return None
        now = self._clock() if now is None else now
        if self._content_changed or self.console.size != self._size:
            due = self._drawn_at + DRAW_INTERVAL_S
        elif self._status_changed:
            due = self._drawn_at + METER_INTERVAL_S
        else:
            return None
        if now < due:
            return due
        self._draw()
        self._drawn_at = now
        return None

    def _draw(self) -> None:
        if self.console.size != self._size:
            self._size = self.console.size
            self._tallest = 0
        columns, height = self._size
        rows = self._partial_rows(columns, height)
        inset = 0 if columns < render.NARROW else 2  # in line with the times above it
        status = status_line(self._status, _usable(columns) - inset, ascii_only=not self._utf8)
        status.pad_left(inset)
        rows.append(self._ansi(status))
        committed = self._take_committed(columns)
        self._content_changed = self._status_changed = False
        self._write(draw_region(committed, rows))

    def _partial_rows(self, columns: int, height: int) -> list[str]:
        """The newest rows of what is being said, never fewer than this turn had before.

        At most half of the window: what a narrower window makes of them should still fit it.
        """
        lines: list[Text] = []
        for _, update in sorted(self._partials.items()):
            line = render.partial_line(update, columns=columns, non_speech=self.non_speech)
            if line is not None:
                indent = render.hanging_indent(update.start_ms, columns)
                lines += wrap(line, _usable(columns), indent)
        most = max(min(max(height // 2, SMALLEST_PARTIAL), height - 1), 0)
        if len(lines) > most:
            lines = lines[len(lines) - most :]
            if lines and lines[0].plain.startswith("  "):
                mark = Text().append("… " if self._utf8 else ". ", render.DIM)
                lines[0] = mark + lines[0][2:]
        self._tallest = min(max(self._tallest, len(lines)), most)
        rows = [self._ansi(line) for line in lines]
        rows += [""] * (self._tallest - len(rows))
        if height >= ROOMY or (not rows and height > 1):
            rows.append("")
        return rows

    def _commit(self, make: Callable[[int], Text | None], start_ms: int | None) -> None:
        self._committed.append(_Line(make, start_ms))

    def _announce_language(self, update: TurnUpdate) -> None:
        code = render.confident_language(update.message)
        if code is None or code == self._language:
            return
        if self._language is not None:
            start_ms = update.start_ms
            self._commit(lambda columns: render.language_change(code, start_ms, columns), start_ms)
        self._language = code

    def _final(self, update: TurnUpdate, columns: int) -> Text | None:
        return render.final_line(update, columns=columns, non_speech=self.non_speech)

    def _take_committed(self, columns: int) -> list[str]:
        rows: list[str] = []
        for line in self._committed:
            text = line.make(columns)
            if text is not None:
                start_ms = line.start_ms
                indent = 2 if start_ms is None else render.hanging_indent(start_ms, columns)
                rows += [self._ansi(row) for row in wrap(text, _usable(columns), indent)]
        self._committed.clear()
        return rows

    def _print_lines(self) -> None:
        """Without cursor control: each line as one line, wrapped by whatever shows it."""
        lines, self._committed = self._committed, []
        for line in lines:
            text = line.make(self.console.size.width)
            if text is not None:
                self._write(self._ansi(text) + "\n")

    def _ansi(self, text: Text) -> str:
        console = self.console
        segments = text.render(console)
        if console.no_color:
            segments = Segment.remove_color(segments)
        color_system = _COLOR_SYSTEMS.get(console.color_system or "")
        return "".join(
            style.render(words, color_system=color_system) if style else words
            for words, style, _ in segments
        ).replace(render.NO_BREAK, " ")  # it has done its work; a search should find a blank

    def _write(self, data: str) -> None:
        """A terminal that has gone away takes nothing; the run it showed goes on."""
        with suppress(OSError):
            self.console.file.write(encodable(data, self._encoding))
            self.console.file.flush()


def _usable(columns: int) -> int:
    """The last column stays free: what a terminal does after a character there differs."""
    return max(columns - 1, 2)
