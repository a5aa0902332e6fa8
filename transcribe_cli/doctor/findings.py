"""Findings: the results of checks, their text, and the exit status they give. Pure."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from transcribe_cli.errors import InternalError, StreamError
from transcribe_cli.exit_status import ExitStatus, first_failure

_AREA_WIDTH = 9
_STATE_WIDTH = 8


class FindingState(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"  # it works, perhaps not as it should
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of one check.

    Attributes:
        area: what it is about, as one word.
        text: at most one sentence.
        hint: how to fix it.
        exit_status: the exit status of a run that meets this; 0 unless the check failed.
        traceback: where a fault of this program came from.
    """

    area: str
    state: FindingState
    text: str
    hint: str = ""
    exit_status: ExitStatus = ExitStatus.OK
    traceback: str = ""


def ok(area: str, text: str) -> Finding:
    """A check that passed."""
    return Finding(area, FindingState.OK, text)


def warning(area: str, text: str, hint: str) -> Finding:
    """A warning: it works, perhaps not as it should."""
    return Finding(area, FindingState.WARNING, text, hint)


def failed(area: str, error: StreamError) -> Finding:
    """A failed check, with the error that a run would end with."""
    traceback = error.traceback if isinstance(error, InternalError) else ""
    return Finding(
        area, FindingState.FAILED, error.message, error.hint, error.exit_status, traceback
    )


def exit_status_of(findings: Sequence[Finding]) -> ExitStatus:
    """The exit status of the first failed finding."""
    return first_failure(f.exit_status for f in findings if f.state is FindingState.FAILED)


def lines_of(
    finding: Finding, before: Finding | None = None, width: int | None = None
) -> list[str]:
    """A finding as lines of text; the area is shown only if `before` has another one.

    `width`: columns of the terminal to wrap to; None to not wrap.

    >>> lines_of(warning("disk", "2 GB are free", "make room"))
    ['warning  disk      2 GB are free', '                   -> make room']
    """
    area = "" if before is not None and before.area == finding.area else finding.area
    start = f"{finding.state:<{_STATE_WIDTH}} {area:<{_AREA_WIDTH}} "
    indent = " " * len(start)
    lines = _wrapped(finding.text, width, start, indent)
    if finding.hint:
        lines += _wrapped(finding.hint, width, f"{indent}-> ", f"{indent}   ")
    return lines


def _wrapped(text: str, width: int | None, first: str, others: str) -> list[str]:
    if width is None or width < 2 * len(others):
        return [first + text]
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,  # a path is to be copied whole
        break_on_hyphens=False,
    ) or [first.rstrip()]


def summary_of(findings: Sequence[Finding]) -> str:
    """The number of failures and warnings, in words.

    >>> summary_of([ok("key", ""), warning("disk", "", "")])
    'nothing failed, 1 warning'
    """
    states = [finding.state for finding in findings]
    failures, warnings = states.count(FindingState.FAILED), states.count(FindingState.WARNING)
    if not failures and not warnings:
        return "all is well"
    said = f"{failures} failed" if failures else "nothing failed"
    return said + (f", {warnings} warning{'s' * (warnings > 1)}" if warnings else "")


def to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings as a JSON object."""
    return {
        "exit_code": int(exit_status_of(findings)),
        "findings": [
            {
                "area": finding.area,
                "state": finding.state.value,
                "text": finding.text,
                "hint": finding.hint,
                "exit_code": int(finding.exit_status),
            }
            for finding in findings
        ],
    }
