"""Both sides of a call in virtual time, of which one or both go: each word once, at its time."""

from dataclasses import replace

import pytest
from hypothesis import given

from tests.simulated.chances import calls
from tests.simulated.faults import Fault
from tests.simulated.judging import check_call, survive_call
from tests.simulated.scenario import CALM, Outcome, Scenario, play
from tests.simulated.test_random_faults import runs

RUNS = 10


def talk(how: str, *faults: Fault) -> Scenario:
    """Ten seconds of which a device misses some, while its side speaks."""
    return replace(CALM, call=how, stretches=((30, 1.0),) * 3, per_minute=None, faults=faults)


def devices(outcome: Outcome) -> list[str]:
    return [r["type"] for r in outcome.records if r["type"].startswith("Device")]


@pytest.mark.parametrize("how", ["mix", "each"])
def test_side_that_is_gone_takes_nothing_from_the_other(how: str) -> None:
    outcome = play(talk(how, Fault("unplug", "time", 1.0, seconds=5.0, value=1)))
    you, them = check_call(outcome)
    assert outcome.result.summary["complete"] is True
    assert you.said == (90 if how == "each" else 60)
    assert 0 < them.said < (60 if how == "each" else 30)
    assert devices(outcome) == []  # the call itself goes on
    assert "the other side goes on" in outcome.talk_of_the_console


def test_call_without_either_side_is_lost_until_one_is_back() -> None:
    outcome = play(talk("each", Fault("unplug", "time", 1.0, seconds=5.0)))
    sides = check_call(outcome)
    assert all(0 < words.said < 60 for words in sides)
    assert devices(outcome) == ["DeviceLost", "DeviceBack"]
    assert outcome.result.summary["missing_ms"] == pytest.approx(5000, abs=100)
    assert outcome.result.summary["complete"] is True


def test_machine_that_sleeps_in_the_first_second_moves_no_word() -> None:
    asleep = Fault("sleep", "time", 0.45, seconds=6.0)
    check_call(play(replace(talk("each", asleep), lead_s=0.0)))


@pytest.mark.long
@pytest.mark.parametrize("how", ["mix", "each"])
def test_no_fault_loses_doubles_or_moves_a_word_of_either_side(how: str) -> None:
    @runs(RUNS)
    @given(calls(how))
    def go_wrong(scenario: Scenario) -> None:
        survive_call(scenario)

    go_wrong()
