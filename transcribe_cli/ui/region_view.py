"""What the live view and the view of many files share: lines that stay, above a region.

Where a cursor cannot be controlled (a pipe, `TERM=dumb`, a console without VT sequences), and while
the terminal is another program's, the lines are printed plainly and there is no region.
"""

import atexit
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from rich.console import Console
from rich.text import Text

from transcribe_cli.outputs.queued_stream import QueuedStream, open_queued_stream
from transcribe_cli.system.terminal_input import cursor_row, in_foreground
from transcribe_cli.ui import turn_rendering
from transcribe_cli.ui.ansi import ASK_FOR_CURSOR, ansi, has_few_glyphs, is_tmux
from transcribe_cli.ui.live_region import Headroom, close_region
from transcribe_cli.ui.safe_text import encodable, is_utf8, safe_text
from transcribe_cli.ui.text_wrapping import wrap

ROOMY_ROWS = 12
"""Windows of this many rows have room for a blank row in the region."""

MAX_COMMITTED_ROWS = 300
MOST_CHARACTERS = 30_000
"""Rows, and characters in them, of one drawing; a turn that has more is drawn bit by bit."""

BLOCKED_POLL_S = 0.05
"""While the terminal takes nothing, so often it is looked whether it does again."""

DRAIN_TIMEOUT_S = 1.0
"""So long a terminal may take nothing before it is left as it is."""

FOREGROUND_POLL_S = 0.5
"""In the background so often it is looked whether the terminal is ours again."""


class _Line(NamedTuple):
    """A line to commit, wrapped only when it is drawn: the window may change until then."""

    make: Callable[[int], Text | None]  # the text for a window of so many columns
    start_ms: int | None  # a turn's place, for the indent; None for a notice


class RegionView:
    """A context manager; `close` and a new `open` also serve for stopping the program and going on.

    Attributes:
        ascii_only: the console can show nothing else.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = (
            console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows
        )
        # Of the stream: the console says UTF-8 of a stdout that it was not given.
        self._encoding: str | None = getattr(console.file, "encoding", None)
        self.ascii_only = not is_utf8(self._encoding) or has_few_glyphs(console)
        self._headroom = Headroom() if is_tmux(console) else None
        self._is_open = False
        self._is_drawn = False
        self._committed: deque[_Line] = deque()  # not drawn yet
        self._rows: Iterator[str] = iter(())  # of the line that is being drawn
        self._next_row: str | None = None  # of these, when it has been looked at
        self._terminal: QueuedStream | None = None  # what writes to it, while this is open

    def open(self) -> None:
        """Start drawing, from the next `tick` on; harmless when open."""
        if self._is_open:
            return
        self._is_open = True
        if self.console.is_terminal:
            self._terminal = open_queued_stream(self.console.file)
        if self._live:
            atexit.register(self.close)
            if self._headroom is not None and self._in_foreground():
                row = cursor_row(0, lambda: self._ask(ASK_FOR_CURSOR))
                self._headroom = Headroom(row or 0)

    def close(self) -> None:
        """Draw what waits, remove the region, give the cursor back; harmless twice."""
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

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def notice(self, text: Text | str) -> None:
        """A line above the region, in its order among the others.

        A `str` is made safe; a `Text` is shown as it is, so its maker made it safe.
        """
        line = text if isinstance(text, Text) else Text(safe_text(text))
        self._commit_text(line, None)

    def _commit_text(self, text: Text, start_ms: int | None) -> None:
        self._commit(lambda _: text, start_ms)

    def _commit(self, make: Callable[[int], Text | None], start_ms: int | None) -> None:
        self._committed.append(_Line(make, start_ms))

    @property
    def _is_blocked(self) -> bool:
        """The terminal has not taken the last drawing: it is held, or its reader is slow."""
        return self._terminal is not None and self._terminal.busy

    def _take_committed(self, columns: int) -> list[str]:
        """Rows to draw above the region now; after a long line more are left for the next time."""
        rows: list[str] = []
        characters = 0
        for row in islice(self._committed_rows(columns), MAX_COMMITTED_ROWS):
            rows.append(row)
            characters += len(row)
            if characters > MOST_CHARACTERS:
                break
        return rows

    def _has_committed(self) -> bool:
        """Whether rows are left that were committed and not drawn."""
        self._next_row = self._take_row()
        return self._next_row is not None or bool(self._committed)

    def _take_row(self) -> str | None:
        """The next row of the line that is being drawn; None after the last."""
        row, self._next_row = self._next_row, None
        return next(self._rows, None) if row is None else row

    def _committed_rows(self, columns: int) -> Iterator[str]:
        while True:
            # Not `yield from`: that would end them with whoever takes only some.
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
        """Without cursor control: each line as one line, wrapped by whatever shows it."""
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
        """A terminal that has gone away takes nothing; the run it showed goes on."""
        data = encodable(data, self._encoding)
        with suppress(OSError):
            if self._terminal is not None:
                self._terminal.write_text(data, self._encoding)
            else:
                self.console.file.write(data)
                self.console.file.flush()

    def drain(self) -> None:
        """Wait for the terminal to take what was drawn, but not for one that takes nothing."""
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
    """The last column stays free: what a terminal does after a character there differs."""
    return max(columns - 1, 2)
