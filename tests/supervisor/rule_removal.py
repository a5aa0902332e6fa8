"""`python -m tests.supervisor.rule_removal`: drops each rule in turn, and tells what notices.

Each rule is dropped in a process of its own, which asks the conversations with the supervisor, the
search, and recordings at random. A rule that nothing misses is no rule.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from transcribe_cli.supervisor import rule_table

CONVERSATIONS = Path(__file__).parent / "test_supervisor.py"
_SEARCH_STEPS = 8000
_LONGEST_S = 600.0
_TEST_S = 10


class _Failures:
    """Counts the tests that failed."""

    def __init__(self) -> None:
        self.tests: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.tests.add(report.nodeid)


def failures_in(tests: Path) -> int:
    """How many of these tests fail."""
    failures = _Failures()
    quiet = ("-q", "--no-header", "--tb=no", "-p", "no:xdist", "-o", "addopts=")
    pytest.main([str(tests), *quiet, "--timeout", str(_TEST_S)], plugins=[failures])
    return len(failures.tests)


def wrong_in_search() -> str:
    """What the search comes upon."""
    from tests.supervisor.exploring import FILE, MIC, Wrong, explore

    try:
        for policy in (MIC, FILE):
            explore(policy, _SEARCH_STEPS)
    except Wrong as e:
        return str(e).splitlines()[0].partition(", after")[0]
    return ""


def wrong_at_random(runs: int, seed: int) -> str:
    """What recordings at random come upon."""
    from tests.simulated.__main__ import survive_many

    try:
        survive_many(runs, seed)
    except BaseException as e:
        return (str(e).splitlines() or [type(e).__name__])[0][:60]
    return ""


def ask(rule: str, runs: int, seed: int) -> None:
    """Drop a rule in this process, and tell what notices, as a row of a table."""
    kept = tuple(other for other in rule_table.RULES if other.name != rule)
    assert len(kept) == len(rule_table.RULES) - bool(rule)
    rule_table.RULES = kept
    parts: list[Callable[[], object]] = [
        lambda: failures_in(CONVERSATIONS) or "",
        wrong_in_search,
        lambda: wrong_at_random(runs, seed),
    ]
    found = [str(part()) for part in parts]
    sys.stderr.write(f"| {rule or '(none)'} | {' | '.join(found)} |\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.supervisor.rule_removal", description=__doc__
    )
    parser.add_argument("--rule", help="only this one, in this process; empty: none")
    parser.add_argument("--runs", type=int, default=100, help="at random (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.rule is not None:
        ask(asked.rule, asked.runs, asked.seed)
        return
    sys.stdout.write("| without | conversations | search | at random |\n")
    sys.stdout.write("| --- | ---: | --- | --- |\n")
    for rule in ("", *(rule.name for rule in rule_table.RULES)):
        command = [sys.executable, "-m", "tests.supervisor.rule_removal", "--rule", rule]
        command += ["--runs", str(asked.runs), "--seed", str(asked.seed)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S)
            row = done.stderr.strip().splitlines()[-1]
        except subprocess.TimeoutExpired:
            row = f"| {rule} | does not end | | |"
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
