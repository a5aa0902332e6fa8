"""The rows at the bottom of the terminal that are rewritten, and how they survive a resize. Pure.

The cursor is parked at the start of the region's *first* row, not after its last. A terminal keeps
the cursor on its character when it rewraps lines for a new width, and drops rows below the cursor
first when it loses height. So whatever a resize did to the old rows, they are all found below the
cursor: nothing has to be counted, and nothing of them is pushed into the scrollback as long as what
the terminal makes of them fits the window. It does for every width down to `NARROWEST`, because no
more is shown than would: the scrollback is out of reach, what once got there cannot be taken back.

While rows are drawn the terminal's own wrapping is off: should the window have become narrower
since its size was read, or should it think an emoji wider than we do, a row is clipped and the
number of rows is still right. What is committed is written with wrapping on, because nothing of it
may be lost.
"""

from collections.abc import Iterable, Sequence

from rich.text import Text

from transcribe_cli.ui.text_wrapping import rows_at

NARROWEST = 20
"""Columns of the narrowest window whose resizing must not leave a trace."""

_BEGIN_SYNC, _END_SYNC = "\x1b[?2026h", "\x1b[?2026l"
_WRAP_OFF, _WRAP_ON = "\x1b[?7l", "\x1b[?7h"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
# The whole row and before its words: only so does tmux forget that an older row here went on in the
# next one, which it would join with it at the next resize.
_CLEAR_ROW = "\x1b[2K"
# One step to the right first: tmux takes "clear below" at the top left corner for "clear the
# screen" and moves the whole screen into the scrollback.
_CLEAR_BELOW = "\x1b[C\x1b[J"


class Headroom:
    """Blank rows that the region needs on top in tmux, which rewraps unlike other terminals.

    A row of the region that becomes two pushes another one off the top of the screen, also where
    rows below are free. Near the top that would be the region's own first rows: so there it begins
    with blank ones, into which the finals grow. Pure arithmetic: `above` is the least number of
    rows that are above the region on the screen. It is too high after a narrow width that has come
    and gone between two drawings, because nothing tells of it: then one more narrow one may leave a
    row behind.
    """

    def __init__(self, above: int = 0) -> None:
        self._above = above
        self._drawn: Sequence[Text] = ()
        self._wanted = 0

    def blank_rows(self, rows: Sequence[Text], committed: int, height: int) -> int:
        """How many to draw above these rows, after so many that are committed."""
        self._drawn = rows
        # Never less than before, so that the region does not jump with its words.
        self._wanted = max(self._wanted, height_when_narrow(rows) - len(rows))
        above = self._above + committed
        blank = max(0, min(self._wanted - above, height - len(rows)))
        self._above = min(above, height - len(rows) - blank)
        return blank

    def resized(self, columns: int) -> None:
        """The window has another width: what became of the rows that were drawn."""
        gained = sum(rows_at(row.plain, columns) - 1 for row in self._drawn)
        self._above = max(0, self._above - gained)
        self._wanted = 0


def height_when_narrow(rows: Iterable[Text]) -> int:
    """How many rows the terminal makes of these in a window of `NARROWEST` columns."""
    return sum(rows_at(row.plain, NARROWEST) for row in rows)


def draw_region(committed: Sequence[str], rows: Sequence[str]) -> str:
    """Rows that stay, above rows that replace what the region showed; to be written at once.

    `rows` are at least one and at most as many as the window has; none is wider than the window.
    """
    parts = [_BEGIN_SYNC, _HIDE_CURSOR, "\r"]
    parts += [f"{_CLEAR_ROW}{row}\r\n" for row in committed]
    parts.append(_WRAP_OFF)
    parts.append("\r\n".join(f"{_CLEAR_ROW}{row}" for row in rows))
    parts.append(_CLEAR_BELOW)
    if len(rows) > 1:
        parts.append(f"\x1b[{len(rows) - 1}A")
    parts += ["\r", _WRAP_ON, _END_SYNC]
    return "".join(parts)


def close_region(committed: Sequence[str], *, erase: bool = True) -> str:
    """Rows that stay; the region goes, and the cursor is given back where the region began.

    `erase`: false where no region is drawn, or none that is still below the cursor.
    """
    rows = "".join(f"{_CLEAR_ROW if erase else ''}{row}\r\n" for row in committed)
    if not erase:
        return f"{rows}{_SHOW_CURSOR}"
    return f"{_BEGIN_SYNC}\r{rows}{_CLEAR_ROW}{_CLEAR_BELOW}\r{_END_SYNC}{_SHOW_CURSOR}"
