"""Whatever goes wrong, in virtual time: each word once, in order, within 20 ms of its time.

Each run is a whole recording through the program's own main loop, with up to seven faults. One that
could not be finished is taken up again in better times, and is then complete. Further figures:
`python -m tests.simulated --runs 10000`.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.simulated.chances import scenarios
from tests.simulated.judging import survive
from tests.simulated.scenario import Scenario

RUNS, MORE_RUNS = 8, 1000  # of each kind
SLICES = 4  # so that the workers share them

Test = Callable[..., None]


def runs(count: int) -> Callable[[Test], Test]:
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(300)
@runs(RUNS)
@given(scenarios(stopped=False))
def test_no_fault_loses_doubles_or_moves_a_word(scenario: Scenario) -> None:
    survive(scenario)


@pytest.mark.timeout(300)
@runs(RUNS)
@given(scenarios(stopped=True))
def test_a_recording_that_is_stopped_amid_faults_can_be_taken_up_again(scenario: Scenario) -> None:
    survive(scenario)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("slice_number", range(SLICES))
def test_more_faults_lose_nothing_either(slice_number: int) -> None:
    @runs(MORE_RUNS // SLICES)
    @given(scenarios(stopped=False))
    def go_wrong(scenario: Scenario) -> None:
        survive(scenario)

    go_wrong()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("slice_number", range(SLICES))
def test_more_stopped_recordings_can_be_taken_up_again(slice_number: int) -> None:
    @runs(MORE_RUNS // SLICES)
    @given(scenarios(stopped=True))
    def go_wrong(scenario: Scenario) -> None:
        survive(scenario)

    go_wrong()
