"""Writes the output of listing commands: tables for people, JSON for programs."""

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any
from unicodedata import east_asian_width

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.plain_text import one_line
from transcribe_cli.settings.environment import Environment

_GAP = 2
_LEAST_WIDTH = 8


def write_json(environment: Environment, value: Any) -> ExitStatus:
    """Write a value as indented JSON."""
    environment.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return ExitStatus.OK


def window_columns(environment: Environment) -> int | None:
    """How many columns a line has; None where it may be of any length, as in a pipe."""
    if (given := environment.variables.get("COLUMNS", "")).isdecimal() and int(given) > 0:
        return int(given)
    return shutil.get_terminal_size().columns if environment.stdout.isatty() else None


def cut_to(text: str, columns: int) -> str:
    """The beginning of a text that takes so many columns, with an ellipsis where it is cut."""
    if len(text) <= columns and text.isascii():
        return text
    kept, taken = 0, 0
    for number, character in enumerate(text, 1):
        taken += 2 if east_asian_width(character) in ("W", "F") else 1
        if taken > columns:
            return text[:kept] + "\N{HORIZONTAL ELLIPSIS}"
        if taken < columns:  # one is left for the ellipsis
            kept = number
    return text


def write_table(
    environment: Environment, titles: Sequence[str], rows: Sequence[Sequence[str]]
) -> ExitStatus:
    """Write rows in columns under their titles, on a terminal no wider than that."""
    width = None
    if environment.stdout.isatty() or environment.variables.get("COLUMNS"):
        width = shutil.get_terminal_size().columns
    environment.write("".join(line + "\n" for line in table_lines(titles, rows, width)))
    return ExitStatus.OK


def table_lines(
    titles: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None
) -> list[str]:
    """The lines of a table; control characters are removed.

    Args:
        width: in columns of the terminal; the widest cells are wrapped until the table fits.
    """
    cells = [list(titles), *([one_line(cell) or " " for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if width is not None and sum(widths) + _GAP * (len(widths) - 1) > width:
        widths = _narrowed(cells, widths, width)
        cells = [line for row in cells for line in _wrapped(row, widths)]
    gap = " " * _GAP
    return [gap.join(map(str.ljust, row, widths)).rstrip() for row in cells]


def _narrowed(cells: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> list[int]:
    """Widths of the columns that together are at most that, as far as that goes."""
    widths = list(widths)
    least = [
        max(max(map(len, cell.split()), default=0) for cell in column)
        for column in zip(*cells, strict=True)
    ]
    while sum(widths) + _GAP * (len(widths) - 1) > width:
        # Between words first: a name may be wanted for copying.
        wraps = [c for c, size in enumerate(widths) if size > least[c]]
        widest = max(wraps or range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _LEAST_WIDTH and not wraps:
            break
        widths[widest] -= 1
    return widths


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> Iterator[list[str]]:
    """The lines of a row whose cells are no wider than their columns."""
    from textwrap import wrap

    parts = [
        wrap(cell, size, break_on_hyphens=False) for cell, size in zip(row, widths, strict=True)
    ]
    yield from map(list, zip_longest(*parts, fillvalue=""))
