"""The base of `LiveView` and `BatchView`: committed lines in the scrollback, a region below.

Without cursor control (a pipe, `TERM=dumb`, a console without VT sequences), and in the background,
there is no region and lines are printed plainly.
"""

import atexit
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple, Self

from rich.console import Console
from rich.text import Text

from transcribe_cli.outputs.queued_stream import QueuedStream, open_queued_stream
from transcribe_cli.system.terminal_input import cursor_row, in_foreground
from transcribe_cli.ui import turn_rendering
from transcribe_cli.ui.ansi import ASK_FOR_CURSOR, ansi, has_few_glyphs, is_tmux
from transcribe_cli.ui.live_region import RowsAbove, close_region
from transcribe_cli.ui.safe_text import encodable, is_utf8, safe_text
from transcribe_cli.ui.text_wrapping import wrap

ROOMY_ROWS = 12
"""A window of so many rows has room for a blank row above the region."""

MAX_COMMITTED_ROWS = 300
MOST_CHARACTERS = 30_000
"""The most rows and characters that one drawing commits; a longer turn takes several drawings."""

BLOCKED_POLL_S = 0.05
"""How often to look whether a blocked terminal takes output again."""

DRAIN_TIMEOUT_S = 1.0
"""How long `close` waits for a terminal that takes nothing."""

FOREGROUND_POLL_S = 0.5
"""How often to look whether the program is in the foreground again."""


class _Line(NamedTuple):
    """A line to commit. It is wrapped when it is drawn, since the window may change until then."""

    make: Callable[[int], Text | None]  # the text for a window of so many columns
    start_ms: int | None  # a turn's place, for the indent; None for a notice


class RegionView:
    """A context manager. Ctrl+Z closes it, and `fg` opens it again.

    Attributes:
        ascii_only: the console can show ASCII only.
        key_words: what says that keys exist, the longest form first; none where nobody reads keys.
        typed_ahead: what was typed before keys were read.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.key_words: Sequence[str] = ()
        self.typed_ahead = b""
        self._live = (
            console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows
        )
        # Asked of the stream: a console that was given no stream says UTF-8.
        self._encoding: str | None = getattr(console.file, "encoding", None)
        self.ascii_only = not is_utf8(self._encoding) or has_few_glyphs(console)
        self._rows_above = RowsAbove() if is_tmux(console) else None
        self._is_open = False
        self._is_drawn = False
        self._committed: deque[_Line] = deque()  # not drawn yet
        self._rows: Iterator[str] = iter(())  # of the line that is being drawn
        self._next_row: str | None = None  # of these, when it has been looked at
        self._terminal: QueuedStream | None = None  # what writes to it, while this is open

    @property
    def draws(self) -> bool:
        """Whether there is a region where the terminal is this program's; else lines alone."""
        return self._live

    def open(self) -> None:
        """Start drawing at the next `tick`. May be called when open."""
        if self._is_open:
            return
        self._is_open = True
        self.typed_ahead = b""  # was taken when this was opened before
        if self.console.is_terminal:
            self._terminal = open_queued_stream(self.console.file)
        if self._live:
            atexit.register(self.close)
            if self._rows_above is not None and self._in_foreground():
                row, self.typed_ahead = cursor_row(None, lambda: self._ask(ASK_FOR_CURSOR))
                self._rows_above = RowsAbove(row or 0)

    def close(self) -> None:
        """Draw what waits, erase the region, give the cursor back. May be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        if not self._live:
            self._print_lines()
            self._let_go()
            return
        atexit.unregister(self.close)
        committed = list(self._committed_rows(self.console.size.width))
        is_drawn, self._is_drawn = self._is_drawn, False
        # A terminal that has gone, or a stdout that was closed, has no cursor to give back.
        with suppress(OSError, ValueError):
            # Drawn and now in the background: what is below the cursor is another program's.
            self._write(close_region(committed, erase=is_drawn and self._in_foreground()))
        self._let_go()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def notice(self, text: Text | str) -> None:
        """Commit a line, in order with the others.

        A `str` is made safe. A `Text` is shown as it is: its maker has made it safe.
        """
        line = text if isinstance(text, Text) else Text(safe_text(text))
        self._commit_text(line, None)

    def _commit_text(self, text: Text, start_ms: int | None) -> None:
        self._commit(lambda _: text, start_ms)

    def _commit(self, make: Callable[[int], Text | None], start_ms: int | None) -> None:
        self._committed.append(_Line(make, start_ms))

    @property
    def _is_blocked(self) -> bool:
        """The terminal has not taken the last drawing: Ctrl+S was pressed, or it is slow."""
        return self._terminal is not None and self._terminal.busy

    def _take_committed(self, columns: int) -> list[str]:
        """The rows to commit now; the rest of a long line is left for the next drawing."""
        rows: list[str] = []
        characters = 0
        for row in islice(self._committed_rows(columns), MAX_COMMITTED_ROWS):
            rows.append(row)
            characters += len(row)
            if characters > MOST_CHARACTERS:
                break
        return rows

    def _has_committed(self) -> bool:
        """Whether committed rows are left to draw."""
        self._next_row = self._take_row()
        return self._next_row is not None or bool(self._committed)

    def _take_row(self) -> str | None:
        """The next row of the line that is being drawn; None at its end."""
        row, self._next_row = self._next_row, None
        return next(self._rows, None) if row is None else row

    def _committed_rows(self, columns: int) -> Iterator[str]:
        while True:
            # Not `yield from`: a caller that stops early would close the inner iterator.
            while (row := self._take_row()) is not None:
                yield row
            if not self._committed:
                return
            self._rows = self._rows_of(self._committed.popleft(), columns)

    def _rows_of(self, line: _Line, columns: int) -> Iterator[str]:
        text = line.make(columns)
        if text is not None:
            start_ms = line.start_ms
            indent = 2 if start_ms is None else turn_rendering.hanging_indent(start_ms, columns)
            for row in wrap(text, usable_columns(columns), indent):
                yield self._ansi(row)

    def _print_lines(self) -> None:
        """Print each line unwrapped, where the cursor cannot be controlled."""
        while (row := self._take_row()) is not None:
            self._write(row + "\n")
        while self._committed:
            text = self._committed.popleft().make(self.console.size.width)
            if text is not None:
                self._write(self._ansi(text) + "\n")

    def _ansi(self, text: Text) -> str:
        return ansi(text, self.console)

    def _in_foreground(self) -> bool:
        try:
            return in_foreground(self.console.file.fileno())
        except (OSError, ValueError, AttributeError):  # not a stream of the system
            return True

    def _write(self, data: str) -> None:
        """Write to the terminal. One that has gone away is ignored, and the run goes on."""
        data = encodable(data, self._encoding)
        with suppress(OSError):
            if self._terminal is not None:
                self._terminal.write_text(data, self._encoding)
            else:
                self.console.file.write(data)
                self.console.file.flush()

    def drain(self) -> None:
        """Wait until the terminal has taken what was drawn, `DRAIN_TIMEOUT_S` at most."""
        if self._terminal is not None:
            with suppress(OSError):
                self._terminal.drain(DRAIN_TIMEOUT_S)

    def _ask(self, question: str) -> None:
        self._write(question)
        self.drain()

    def _let_go(self) -> None:
        self.drain()
        terminal, self._terminal = self._terminal, None
        if terminal is not None:
            terminal.close()


def usable_columns(columns: int) -> int:
    """The columns to draw in: terminals differ in what a character in the last column does."""
    return max(columns - 1, 2)
