"""Writes the output of listing commands: tables for people, JSON for programs."""

import json
from collections.abc import Sequence
from typing import Any

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.plain_text import one_line
from transcribe_cli.settings.environment import Environment


def write_json(environment: Environment, value: Any) -> ExitStatus:
    """Write a value as indented JSON."""
    environment.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return ExitStatus.OK


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
