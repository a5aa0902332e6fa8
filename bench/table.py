"""Rows of the result, and how they are printed: a Markdown table, ratios first."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple


class Row(NamedTuple):
    """One figure.

    Attributes:
        what: what was measured.
        ratio: ours to the yardstick's, median of pairs; None where there is nothing to compare.
        ours, yardstick: the figures themselves, with their units.
        target: what is aimed for, in words; "" for a figure that is told for its own sake.
        met: whether it was reached here; None where there is no target.
    """

    what: str
    ratio: float | None
    ours: str
    yardstick: str = ""
    target: str = ""
    met: bool | None = None


def as_markdown(rows: Iterable[Row]) -> str:
    """The rows as a table."""
    lines = [
        "| what | ratio | aai-stream | beside it | target | met |",
        "| --- | ---: | ---: | ---: | --- | --- |",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        met = {None: "", True: "yes", False: "**no**"}[row.met]
        lines.append(
            f"| {row.what} | {ratio} | {row.ours} | {row.yardstick} | {row.target} | {met} |"
        )
    return "\n".join(lines)


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of runs made one after the other."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
