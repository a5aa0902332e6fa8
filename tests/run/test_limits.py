"""When a limit stops a run, or keeps a command from beginning more files."""

import pytest

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.limits import COST_REACHED, Budget, Limits, RunLimits

USD_PER_HOUR = 3600.0
"""So that each second of session costs a dollar."""


def billed(budget: Budget, *, began: float, usd_per_hour: float | None = USD_PER_HOUR) -> Bill:
    """The bill of a run whose session began then."""
    bill = Bill(usd_per_hour)
    bill.began(0, began)
    budget.add(bill)
    return bill


def idle(idle_stop_s: float | None) -> RunLimits:
    budget = Budget()
    return RunLimits(Limits(idle_stop_s=idle_stop_s), budget, billed(budget, began=0.0), now=0.0)


def test_longest_duration_is_counted_in_whole_frames() -> None:
    assert Limits(max_duration_s=1.5).max_frames(AudioFormat(16_000)) == 24_000
    assert Limits().max_frames(AudioFormat(16_000)) is None


def test_cost_of_all_recordings_stops_each_of_them() -> None:
    budget = Budget(max_cost_usd=10.0)
    bills = [billed(budget, began=0.0), billed(budget, began=0.0)]
    runs = [RunLimits(Limits(), budget, bill, now=0.0) for bill in bills]
    assert [run.reached(4.9, listening=True, lag_s=0.0) for run in runs] == [None, None]
    assert [run.reached(5.0, listening=True, lag_s=0.0) for run in runs] == [COST_REACHED] * 2


def test_recording_that_is_over_still_counts() -> None:
    budget = Budget(max_cost_usd=10.0)
    first = billed(budget, began=0.0)
    first.ended(0, billed_s=8.0, now=8.0)
    budget.settle(first, 8.0)
    later = RunLimits(Limits(), budget, billed(budget, began=20.0), now=20.0)
    assert later.reached(21.9, listening=True, lag_s=0.0) is None
    assert later.reached(22.0, listening=True, lag_s=0.0) == COST_REACHED


def test_used_budget_stays_used_where_the_service_bills_less_in_the_end() -> None:
    budget = Budget(max_cost_usd=10.0)
    bill = billed(budget, began=0.0)
    assert not budget.is_used
    assert budget.is_reached(10.0)
    bill.ended(0, billed_s=7.0, now=10.0)
    budget.settle(bill, 10.0)
    assert budget.is_used


def test_budget_that_others_have_used_up_stops_what_runs_and_lets_nothing_begin() -> None:
    budget = Budget()
    run = RunLimits(Limits(), budget, billed(budget, began=0.0), now=0.0)
    assert run.reached(1.0, listening=True, lag_s=0.0) is None
    budget.use_up()
    assert budget.is_used
    assert run.needs_clock
    assert run.reached(1.0, listening=True, lag_s=0.0) == COST_REACHED


def test_recordings_that_ended_by_themselves_use_the_budget_up() -> None:
    budget = Budget(max_cost_usd=10.0)
    bill = billed(budget, began=0.0)
    bill.ended(0, billed_s=10.0, now=10.0)
    budget.settle(bill, 10.0)
    assert budget.is_used


@pytest.mark.parametrize("max_cost_usd", [None, 0.0])
def test_no_price_or_no_limit_stops_nothing(max_cost_usd: float | None) -> None:
    budget = Budget(max_cost_usd)
    price = USD_PER_HOUR if max_cost_usd is None else None
    run = RunLimits(Limits(), budget, billed(budget, began=0.0, usd_per_hour=price), now=0.0)
    assert run.reached(1e6, listening=True, lag_s=0.0) is None


def test_idle_stop_counts_from_the_last_words() -> None:
    run = idle(5.0)
    assert run.reached(4.9, listening=True, lag_s=0.0) is None
    run.heard_words(4.9)
    assert run.reached(9.8, listening=True, lag_s=0.0) is None
    assert run.reached(9.9, listening=True, lag_s=0.0) == "no words for 5 s"


@pytest.mark.parametrize(("listening", "lag_s"), [(False, 0.0), (True, 2.1)])
def test_time_in_which_nobody_could_hear_words_is_no_silence(listening: bool, lag_s: float) -> None:
    run = idle(5.0)
    assert run.reached(60.0, listening=listening, lag_s=lag_s) is None
    assert run.quiet_s(60.0) == 0.0
    assert run.reached(64.9, listening=True, lag_s=2.0) is None
    assert run.reached(65.0, listening=True, lag_s=2.0) is not None


def test_clock_is_needed_for_cost_and_idle_time_only() -> None:
    assert not idle(None).needs_clock
    assert idle(5.0).needs_clock
    assert RunLimits(Limits(), Budget(1.0), Bill(None), now=0.0).needs_clock
