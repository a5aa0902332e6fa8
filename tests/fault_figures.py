"""Figures of many runs, added up and told as a row of the README's table."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

TITLES = "| runs | faults | words | lost | doubled | greatest time error |"
RULE = "| ---: | ---: | ---: | ---: | ---: | ---: |"


@dataclass(frozen=True)
class Figures:
    """What came of runs in which things went wrong; `a + b` is both together."""

    PROPERTY: ClassVar[str] = "figures of faults"  # of a test's report

    runs: int = 0
    faults: int = 0
    words: int = 0
    lost: int = 0
    doubled: int = 0
    greatest_error_ms: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.runs + other.runs,
            self.faults + other.faults,
            self.words + other.words,
            self.lost + other.lost,
            self.doubled + other.doubled,
            max(self.greatest_error_ms, other.greatest_error_ms),
        )

    def as_dict(self) -> dict[str, int]:
        """The figures as what a test's report can carry from one process to another."""
        return asdict(self)

    def as_row(self) -> str:
        """The figures in the table's columns."""
        cells = (self.runs, self.faults, self.words, self.lost, self.doubled)
        return f"| {' | '.join(f'{cell:,}' for cell in cells)} | {self.greatest_error_ms} ms |"


def figures_in(reports: Iterable[Any]) -> Figures:
    """All figures that tests have put into their reports."""
    total = Figures()
    for report in reports:
        properties: Mapping[str, Any] = dict(report.user_properties)
        if found := properties.get(Figures.PROPERTY):
            total += Figures(**found)
    return total
