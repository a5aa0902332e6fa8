"""Writes the output of listing commands: tables for people, JSON for programs."""

import json
import shutil
from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.plain_text import one_line
from transcribe_cli.settings.environment import Environment


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
    """Write rows in columns under their titles; control characters are removed."""
    cells = [titles, *([one_line(cell) or " " for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    environment.write("".join(line.rstrip() + "\n" for line in lines))
    return ExitStatus.OK
