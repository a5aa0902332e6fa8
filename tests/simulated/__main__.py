"""`python -m tests.simulated --runs 10000`: random faults in virtual time, as a table's row."""

import argparse
import sys
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fault_figures import RULE, TITLES, Figures
from tests.simulated.chances import calls, scenarios
from tests.simulated.judging import Survival, survive, survive_call
from tests.simulated.scenario import Scenario


def survive_many(count: int, first: int, *, are_calls: bool = False) -> Survival:
    """What came of so many runs; stops at the first that went wrong."""
    drawn, survived = scenarios(), survive
    if are_calls:
        drawn, survived = st.one_of(calls("mix"), calls("each")), survive_call
    figures, met = Figures(), Counter[str]()

    @seed(first)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def run(scenario: Scenario) -> None:
        nonlocal figures
        survival = survived(scenario)
        figures += survival.figures
        met.update(survival.met)

    run()
    return Survival(figures, met)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulated", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="for the same runs again (default: by chance)")
    parser.add_argument("--calls", action="store_true", help="of both sides of a call")
    asked = parser.parse_args()
    first = time.time_ns() if asked.seed is None else asked.seed
    sys.stdout.write(f"seed {first}\n")
    figures, met = survive_many(asked.runs, first, are_calls=asked.calls)
    sys.stdout.write("\n".join((TITLES, RULE, figures.as_row(), "")))
    sys.stdout.writelines(f"{count:8,}  {what}\n" for what, count in sorted(met.items()))


if __name__ == "__main__":
    main()
