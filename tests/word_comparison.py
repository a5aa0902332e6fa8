"""What came out of a run against what was said: words lost, doubled, out of order, moved."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.counting import true_times
from tests.program import finals

TOLERANCE_MS = 20


@dataclass(frozen=True)
class Verdict:
    """How a transcript differs from the truth.

    Attributes:
        lost, doubled, invented: words, by their numbers.
        ordered: the numbers only grow, over all turns.
        greatest_error_ms: of any word's start or end.
    """

    lost: list[int]
    doubled: list[int]
    invented: list[str]
    ordered: bool
    greatest_error_ms: int

    @property
    def is_exact(self) -> bool:
        wrong = self.lost or self.doubled or self.invented or not self.ordered
        return not wrong and self.greatest_error_ms <= TOLERANCE_MS


def judge(records: Sequence[dict[str, Any]], count: int, lead_ms: int = 0) -> Verdict:
    """Compare a run's records with the words 1 to `count`, said after `lead_ms` of silence."""
    words = [word for turn in finals(list(records)) for word in turn["words"]]
    expected = {f"w{number}": number for number in range(1, count + 1)}
    numbers = [expected[word["text"]] for word in words if word["text"] in expected]
    found = Counter(numbers)
    errors = [
        abs(word[edge] - lead_ms - truth)
        for word in words
        if word["text"] in expected
        for edge, truth in zip(("start", "end"), true_times(expected[word["text"]]), strict=True)
    ]
    return Verdict(
        lost=[number for number in expected.values() if number not in found],
        doubled=[number for number, times in found.items() if times > 1],
        invented=[word["text"] for word in words if word["text"] not in expected],
        ordered=numbers == sorted(numbers),
        greatest_error_ms=max(errors, default=0),
    )


def assert_exact(records: Sequence[dict[str, Any]], count: int, lead_ms: int = 0) -> None:
    """Every word from 1 to `count` once, in order, at its time, and `turn` counting on."""
    verdict = judge(records, count, lead_ms)
    assert verdict.is_exact, verdict
    turns = [turn["turn"] for turn in finals(list(records))]
    assert turns == list(range(len(turns)))
