"""The live region: the rows at the bottom of the terminal that are redrawn in place. Pure.

Surviving a resize: between drawings the cursor stands at the start of the region's *first* row. A
terminal that rewraps lines for a new width keeps the cursor on its character, and one that loses
height drops rows below the cursor first. So after any resize all old rows are below the cursor and
can be erased without counting them. None of them is pushed into the scrollback, where it could not
be erased, as long as the rewrapped rows fit the window. The region is kept small enough that they
do, for every width down to `NARROWEST`.

While the region is drawn the terminal's own wrapping is off. If the window has become narrower
since its size was read, or if the terminal takes an emoji for wider than we do, a row is clipped
and the number of rows stays right. Committed rows are written with wrapping on: nothing of them may
be lost.
"""

from collections.abc import Iterable, Sequence

from rich.text import Text

from transcribe_cli.ui.text_wrapping import rows_at

NARROWEST = 20
"""Columns of the narrowest window that a resize to must not leave stray rows."""

_BEGIN_SYNC, _END_SYNC = "\x1b[?2026h", "\x1b[?2026l"
_WRAP_OFF, _WRAP_ON = "\x1b[?7l", "\x1b[?7h"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
# Clears the whole row, before its text is written. Otherwise tmux remembers that an older row here
# was wrapped into the next one, and joins the two at the next resize.
_CLEAR_ROW = "\x1b[2K"
# One step to the right first: at the top left corner tmux takes "clear below" for "clear the
# screen", and moves the whole screen into the scrollback.
_CLEAR_BELOW = "\x1b[C\x1b[J"


class RowsAbove:
    """How many rows stand above the region in tmux, which rewraps unlike other terminals.

    In tmux a row that becomes two pushes a row off the top of the screen, even if rows at the
    bottom are free. Near the top of the screen that is a row of the region, and nothing can erase
    it in the scrollback. So the region is kept small there (`at_risk`): no blank rows stand in for
    what is missing above it.

    `above` is the least number of rows above the region on the screen. If the window was narrow and
    wide again between two drawings, nothing tells of it, and `above` is too high.
    """

    def __init__(self, above: int = 0) -> None:
        self._above = above
        self._was_full = False  # the region has reached the last row of the screen
        self._drawn: Sequence[Text] = ()

    def at_risk(
        self, rows: Sequence[Text], committed: int, columns: int, *, dragging: bool = False
    ) -> bool:
        """Whether `rows`, drawn after so many `committed` ones, would leave some of them behind.

        On a screen that has been full once, in a window of any width down to `NARROWEST`. On a
        fresh one hardly a row could be shown then: half the width counts, and a single row is
        borne, unless the window is being dragged and each step could cost one.
        """
        narrow = NARROWEST if self._was_full else max(columns // 2, NARROWEST)
        heights = [rows_at(row.plain, narrow) for row in rows]
        pushed = sum(heights) - len(heights) - self._above - committed
        borne = 0 if self._was_full or dragging else heights[0]
        return pushed > borne

    def drawn(self, rows: Sequence[Text], committed: int, height: int) -> None:
        """These rows were drawn, after `committed` rows that stay."""
        self._drawn = rows
        self._above = min(self._above + committed, height - len(rows))
        self._was_full |= self._above == height - len(rows)

    def resized(self, columns: int) -> None:
        """The window has another width: count what became of the rows that were drawn."""
        gained = sum(rows_at(row.plain, columns) - 1 for row in self._drawn)
        self._above = max(0, self._above - gained)


def height_when_narrow(rows: Iterable[Text]) -> int:
    """How many rows these take in a window of `NARROWEST` columns."""
    return sum(rows_at(row.plain, NARROWEST) for row in rows)


def draw_region(committed: Sequence[str], rows: Sequence[str]) -> str:
    """The text that writes `committed` rows into the scrollback and redraws the region below.

    Write it in one piece. `rows`: one to as many as the window has, none wider than the window.
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
    """The text that writes `committed` rows, erases the region and shows the cursor in its place.

    `erase`: False when no region is drawn, or it is no longer below the cursor.
    """
    rows = "".join(f"{_CLEAR_ROW if erase else ''}{row}\r\n" for row in committed)
    if not erase:
        return f"{rows}{_SHOW_CURSOR}"
    return f"{_BEGIN_SYNC}\r{rows}{_CLEAR_ROW}{_CLEAR_BELOW}\r{_END_SYNC}{_SHOW_CURSOR}"
