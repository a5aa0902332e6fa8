"""Terminals to draw on: pyte with a scrollback, and two ways of taking a resize.

`clip` is xterm: what is right of the new edge is gone. `reflow` is tmux, VTE, kitty, Windows
Terminal: lines that the terminal wrapped itself are joined and wrapped anew. Both drop rows below
the cursor first when they lose height, push rows from the top after that, and take them back when
they grow.
"""

import io
from typing import Any, Literal

import pyte
from pyte import modes
from pyte.screens import StaticDefaultDict
from rich.console import Console
from wcwidth import wcwidth

Cells = list[Any]  # of pyte.screens.Char


class Terminal(pyte.Screen):
    """A screen with a scrollback that can be resized at any moment."""

    def __init__(
        self, columns: int = 80, lines: int = 24, resizing: Literal["clip", "reflow"] = "reflow"
    ) -> None:
        self.above: list[Any] = []
        self.resizing = resizing
        self.titles: list[str] = []
        super().__init__(columns, lines)
        self._stream = pyte.Stream(self)

    def feed(self, data: str) -> None:
        """What the program wrote."""
        self._stream.feed(data)

    def set_title(self, param: str) -> None:
        self.titles.append(param)

    def draw(self, data: str) -> None:
        for char in data:
            width = wcwidth(char)
            if width > 0 and self.cursor.x + width > self.columns:
                if modes.DECAWM in self.mode:
                    self._row_at_cursor().wrapped = True
                    self.carriage_return()
                    self.linefeed()
                else:
                    self.cursor.x = self.columns - width
            super().draw(char)

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        if self.resizing == "reflow" and how == 0 and (self.cursor.x, self.cursor.y) == (0, 0):
            self.above += [self.buffer.pop(y) for y in range(self.lines)]  # as tmux does
        super().erase_in_display(how, *args, **kwargs)
        for y in range(self.cursor.y + 1, self.lines):
            self._forget_wrap(y)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        super().erase_in_line(how, private)
        if how == 2:  # not for the rest of a row: measured on tmux 3.3
            self._forget_wrap(self.cursor.y)

    def _forget_wrap(self, y: int) -> None:
        row: Any = self.buffer[y]
        row.wrapped = False

    def index(self) -> None:
        if self.cursor.y == self.lines - 1:
            self.above.append(self.buffer[0])
        super().index()

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        lines, columns = lines or self.lines, columns or self.columns
        rows = self.above + [self.buffer[y] for y in range(self.lines)]
        cursor = len(self.above) + self.cursor.y
        rows, top = self._fit_height(rows, cursor, lines)
        if self.resizing == "reflow" and columns != self.columns:
            rows, cursor, self.cursor.x = self._reflow(rows, cursor, columns)
            while len(rows) < lines:
                rows.append(self._row([]))
            top = len(rows) - lines
            if cursor < top:  # tmux: it is in the scrollback now
                cursor, self.cursor.x = top, 0
        for row in rows:
            for x in [x for x in row if x >= columns]:
                del row[x]
        self.above = rows[:top]
        self.lines, self.columns = lines, columns
        self.buffer.clear()
        for y, row in enumerate(rows[top:]):
            self.buffer[y] = row
        self.cursor.y = cursor - top
        self.cursor.x = min(self.cursor.x, columns - 1)

    def _fit_height(self, rows: list[Any], cursor: int, lines: int) -> tuple[list[Any], int]:
        top = len(self.above)
        if lines < self.lines:
            below = top + self.lines - 1 - cursor
            dropped = min(below, self.lines - lines)
            rows = rows[: len(rows) - dropped]
            return rows, len(rows) - lines
        top -= min(top, lines - self.lines)
        return rows + [self._row([]) for _ in range(top + lines - len(rows))], top

    def _reflow(self, rows: list[Any], cursor: int, columns: int) -> tuple[list[Any], int, int]:
        out: list[Any] = []
        new_cursor = new_x = 0
        line: Cells = []
        at: int | None = None  # where in this logical line the cursor is
        for number, row in enumerate(rows):
            if number == cursor:
                at = len(line) + self.cursor.x
            line += self._cells(row)
            if getattr(row, "wrapped", False):
                continue
            pieces = self._split(line, columns)
            if at is not None:
                passed = 0
                for index, piece in enumerate(pieces):
                    if at < passed + len(piece) or index == len(pieces) - 1:
                        new_cursor, new_x = len(out) + index, min(at - passed, columns - 1)
                        break
                    passed += len(piece)
                at = None
            for index, piece in enumerate(pieces):
                out.append(self._row(piece, wrapped=index < len(pieces) - 1))
            line = []
        return out, new_cursor, new_x

    def _split(self, line: Cells, columns: int) -> list[Cells]:
        pieces: list[Cells] = [[]]
        for index, cell in enumerate(line):
            wide = index + 1 < len(line) and line[index + 1].data == ""
            if len(pieces[-1]) + 1 + wide > columns:
                pieces.append([])
            pieces[-1].append(cell)
        return pieces

    def _row_at_cursor(self) -> Any:
        return self.buffer[self.cursor.y]

    def _cells(self, row: Any) -> Cells:
        last = max((x for x in row if row[x].data.strip() or row[x].data == ""), default=-1)
        return [row[x] for x in range(last + 1)]

    def _row(self, cells: Cells, wrapped: bool = False) -> Any:
        row: Any = StaticDefaultDict(self.default_char)
        row.update(enumerate(cells))
        row.wrapped = wrapped
        return row

    def rows(self) -> list[str]:
        """Scrollback and screen, as text without blanks at the end."""
        every = self.above + [self.buffer[y] for y in range(self.lines)]
        return ["".join(cell.data for cell in self._cells(row)).rstrip() for row in every]

    def screen(self) -> list[str]:
        """The rows that can be seen, without empty ones at the end."""
        rows = self.rows()[-self.lines :]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def widths_from_cursor(self) -> list[int]:
        """How many cells each row from the cursor's down takes, without empty ones at the end."""
        widths = [len(self._cells(self.buffer[y])) for y in range(self.cursor.y, self.lines)]
        while widths and not widths[-1]:
            widths.pop()
        return widths

    @property
    def cursor_visible(self) -> bool:
        return not self.cursor.hidden


class Wire(io.StringIO):
    """The console's file: all that is written goes to the terminal at once, and is kept."""

    encoding = "utf-8"

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.terminal = terminal
        self.writes: list[str] = []

    def write(self, data: str) -> int:
        self.writes.append(data)
        self.terminal.feed(data)
        return len(data)


def console_on(terminal: Terminal, **kwargs: Any) -> Console:
    """A console with colours whose size is that of the terminal."""
    settings: dict[str, Any] = {
        "file": Wire(terminal),
        "force_terminal": True,
        "legacy_windows": False,
        "color_system": "standard",
        "width": terminal.columns,
        "height": terminal.lines,
        "_environ": {"TERM": "xterm-256color"},
    }
    return Console(**(settings | kwargs))
