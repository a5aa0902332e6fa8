"""The rows at the bottom of the terminal that are rewritten, and how they survive a resize. Pure.

The cursor is parked at the start of the region's *first* row, not after its last. A terminal keeps
the cursor on its character when it rewraps lines for a new width, and drops rows below the cursor
first when it loses height. So whatever a resize did to the old rows, they are all found below the
cursor: nothing has to be counted, and nothing of them is pushed into the scrollback as long as what
the terminal makes of them fits the window.

While rows are drawn the terminal's own wrapping is off: should the window have become narrower
since its size was read, or should it think an emoji wider than we do, a row is clipped and the
number of rows is still right. What is committed is written with wrapping on, because nothing of it
may be lost.
"""

from collections.abc import Sequence

_BEGIN_SYNC, _END_SYNC = "\x1b[?2026h", "\x1b[?2026l"
_WRAP_OFF, _WRAP_ON = "\x1b[?7l", "\x1b[?7h"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
# The whole row and before its words: only so does tmux forget that an older row here went on in the
# next one, which it would join with it at the next resize.
_CLEAR_ROW = "\x1b[2K"
# One step to the right first: tmux takes "clear below" at the top left corner for "clear the
# screen" and moves the whole screen into the scrollback.
_CLEAR_BELOW = "\x1b[C\x1b[J"


def open_region() -> str:
    """What to write before the first drawing, with the cursor at the start of a row."""
    return _HIDE_CURSOR


def draw_region(committed: Sequence[str], rows: Sequence[str]) -> str:
    """Rows that stay, above rows that replace what the region showed; to be written at once.

    `rows` are at least one and at most as many as the window has; none is wider than the window.
    """
    parts = [_BEGIN_SYNC, "\r"]
    parts += [f"{_CLEAR_ROW}{row}\r\n" for row in committed]
    parts.append(_WRAP_OFF)
    parts.append("\r\n".join(f"{_CLEAR_ROW}{row}" for row in rows))
    parts.append(_CLEAR_BELOW)
    if len(rows) > 1:
        parts.append(f"\x1b[{len(rows) - 1}A")
    parts += ["\r", _WRAP_ON, _END_SYNC]
    return "".join(parts)


def close_region(committed: Sequence[str]) -> str:
    """Rows that stay; the region goes, and the cursor is given back where the region began."""
    rows = "".join(f"{_CLEAR_ROW}{row}\r\n" for row in committed)
    return f"{_BEGIN_SYNC}\r{rows}{_CLEAR_ROW}{_CLEAR_BELOW}\r{_END_SYNC}{_SHOW_CURSOR}"
