"""The bill: page "Streaming quickstart", "Streaming is billed per session"."""

import pytest

from transcribe_cli.run.billing import Bill


def test_open_session_is_billed_by_the_clock() -> None:
    bill = Bill(0.45)
    bill.began(0, 100.0)

    assert bill.session_s(1900.0) == 1800
    assert bill.cost_usd(1900.0) == pytest.approx(0.225)


def test_time_without_a_session_costs_nothing() -> None:
    assert Bill(0.45).cost_usd(100.0) == 0


def test_the_service_s_own_count_wins() -> None:
    bill = Bill(0.45)
    bill.began(0, 100.0)
    bill.ended(0, 13, 112.4)

    assert bill.session_s(500.0) == 13
    assert bill.terminated


def test_session_without_termination_is_counted_and_not_confirmed() -> None:
    bill = Bill(0.45)
    bill.began(0, 100.0)
    bill.ended(0, None, 107.0)

    assert bill.session_s(500.0) == 7
    assert not bill.terminated


def test_open_session_is_not_confirmed() -> None:
    bill = Bill(None)
    bill.began(0, 0.0)

    assert not bill.terminated


def test_session_that_never_began_is_not_billed() -> None:
    bill = Bill(0.45)
    bill.ended(0, None, 5.0)

    assert (bill.session_s(9.0), bill.sessions, bill.terminated) == (0, 0, True)


def test_parallel_sessions_add_up() -> None:
    bill = Bill(0.45)
    bill.began(0, 0.0)
    bill.began(1, 10.0)

    assert bill.session_s(20.0) == 30
    assert bill.sessions == 2


def test_unknown_price_stays_unknown() -> None:
    bill = Bill(None)
    bill.began(0, 0.0)

    assert bill.cost_usd(10.0) is None


def test_a_session_that_runs_another_model_costs_what_that_costs() -> None:
    bill = Bill(0.15)
    bill.began(0, 0.0)
    bill.ended(0, 3600, 3600.0)
    bill.began(1, 3600.0)
    bill.is_priced(1, 0.45)

    assert bill.cost_usd(5400.0) == pytest.approx(0.15 + 0.225)
    bill.ended(1, 3600, 7200.0)
    assert bill.cost_usd(9000.0) == pytest.approx(0.60)
    assert bill.session_s(9000.0) == 7200


def test_settings_that_were_changed_change_the_price_of_what_is_open_and_to_come() -> None:
    bill = Bill(0.15)
    bill.began(0, 0.0)
    bill.ended(0, 3600, 3600.0)
    bill.began(1, 3600.0)
    bill.is_priced(1, 0.15)
    bill.reprice(0.19)
    bill.ended(1, 3600, 7200.0)
    bill.began(2, 7200.0)

    assert bill.cost_usd(10_800.0) == pytest.approx(0.15 + 0.19 + 0.19)


def test_a_session_whose_price_is_not_known_leaves_the_cost_unknown() -> None:
    bill = Bill(None)
    bill.began(0, 0.0)
    bill.is_priced(0, 0.45)
    assert bill.cost_usd(3600.0) == pytest.approx(0.45)
    bill.began(1, 3600.0)

    assert bill.cost_usd(3601.0) is None
