"""`python -m tests.simulated --runs 10000`: random faults in virtual time, as a table's row."""

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.figures import RULE, TITLES, Figures
from tests.simulated.chances import scenarios
from tests.simulated.judging import survive
from tests.simulated.scenario import Scenario


def figures_of(count: int, first: int) -> Figures:
    """What came of so many runs; stops at the first that went wrong."""
    total = Figures()

    @seed(first)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios())
    def run(scenario: Scenario) -> None:
        nonlocal total
        total += survive(scenario)

    run()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulated", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="for the same runs again (default: by chance)")
    asked = parser.parse_args()
    first = time.time_ns() if asked.seed is None else asked.seed
    sys.stdout.write(f"seed {first}\n")
    figures = figures_of(asked.runs, first)
    sys.stdout.write("\n".join((TITLES, RULE, figures.as_row(), "")))


if __name__ == "__main__":
    main()
