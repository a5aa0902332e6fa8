"""A level meter for each input device, as lines of text. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from transcribe_cli.outputs.listings import cut_to
from transcribe_cli.ui.safe_text import safe_text

BAR = 24
QUIETEST_DB = -60.0
_NAME = 40  # columns, at most


class Level(NamedTuple):
    """One device at one moment; `level_db`: its peak, None where it cannot be opened."""

    name: str
    is_default: bool
    level_db: float | None


def meter_lines(levels: Sequence[Level], columns: int, *, ascii_only: bool = False) -> list[str]:
    """One line a device, no wider than that.

    >>> meter_lines([Level("USB", True, -30.0)], 60, ascii_only=True)
    ['* USB  ############              -30 dB']
    """
    names = [cut_to(safe_text(level.name), _NAME) for level in levels]
    width = max(map(len, names), default=0)
    return [
        cut_to(
            f"{'*' if level.is_default else ' '} {name:{width}}  {_bar(level, ascii_only)}", columns
        )
        for level, name in zip(levels, names, strict=True)
    ]


def _bar(level: Level, ascii_only: bool) -> str:
    if level.level_db is None:
        return "cannot be opened"
    share = min(max(1 - level.level_db / QUIETEST_DB, 0.0), 1.0)
    bar = ("#" if ascii_only else "\N{FULL BLOCK}") * round(share * BAR)
    return f"{bar:{BAR}} {level.level_db:4.0f} dB"
