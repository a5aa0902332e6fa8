"""The waits between sessions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.protocol.close_codes import Retry
from transcribe_cli.session.backoff import Arrivals, Backoff

chances = st.floats(0, 1)


def waits(backoff: Backoff, count: int, retry: Retry = Retry.BACK_OFF) -> list[float]:
    return [backoff.next_try(retry, 0.0, 0.0) for _ in range(count)]


@given(chances)
def test_first_try_comes_within_half_a_second(chance: float) -> None:
    assert 0 < Backoff(Arrivals(None)).next_try(Retry.BACK_OFF, 0.0, chance) < 0.5


def test_waits_double_up_to_half_a_minute() -> None:
    assert waits(Backoff(Arrivals(None)), 10) == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_slot_that_must_come_free_is_waited_for_longer() -> None:
    assert waits(Backoff(Arrivals(None)), 4, Retry.SLOWLY) == [4, 8, 16, 30]


@given(st.integers(1, 20), chances)
def test_jitter_adds_at_most_half(tries: int, chance: float) -> None:
    plain, jittered = Backoff(Arrivals(None)), Backoff(Arrivals(None))
    plain_wait = waits(plain, tries)[-1]
    waits(jittered, tries - 1)

    assert plain_wait <= jittered.next_try(Retry.BACK_OFF, 0.0, chance) <= plain_wait * 1.5


def test_a_week_offline_still_has_a_next_try() -> None:
    assert waits(Backoff(Arrivals(None)), 20_000)[-1] == 30


def test_another_kind_of_failure_waits_from_its_own_beginning() -> None:
    backoff = Backoff(Arrivals(None))
    waits(backoff, 5)

    assert waits(backoff, 2, Retry.SLOWLY) == [4, 8]
    assert waits(backoff, 1) == [0.25]


def test_success_makes_the_waits_small_again() -> None:
    backoff = Backoff(Arrivals(None))
    waits(backoff, 5)
    backoff.succeeded()

    assert waits(backoff, 1) == [0.25]


def test_session_that_had_its_time_is_followed_at_once() -> None:
    assert waits(Backoff(Arrivals(None)), 1, Retry.AT_ONCE) == [0]


def test_sessions_that_end_at_once_again_and_again_have_to_wait() -> None:
    assert waits(Backoff(Arrivals(None)), 3, Retry.AT_ONCE) == [0, 0.5, 1]


@pytest.mark.parametrize("retry", [Retry.AT_ONCE, Retry.BACK_OFF])
def test_sixth_session_of_a_minute_waits_for_the_minute_to_pass(retry: Retry) -> None:
    arrivals = Arrivals(5)
    backoff = Backoff(arrivals)
    for second in range(5):
        arrivals.opened(float(second))

    assert backoff.next_try(retry, 5.0, 0.0) == 61.0


def test_sessions_of_an_earlier_minute_do_not_count() -> None:
    arrivals = Arrivals(5)
    backoff = Backoff(arrivals)
    for second in range(5):
        arrivals.opened(float(second))

    assert backoff.next_try(Retry.AT_ONCE, 65.0, 0.0) == 65.0


def test_session_that_never_reached_the_service_does_not_count() -> None:
    arrivals = Arrivals(1)
    backoff = Backoff(arrivals)
    arrivals.opened(0.0)
    arrivals.unopened()

    assert backoff.next_try(Retry.AT_ONCE, 1.0, 0.0) == 1.0


@given(st.lists(st.tuples(st.floats(0, 20), chances), min_size=6, max_size=60))
def test_never_more_than_five_new_sessions_in_any_minute(steps: list[tuple[float, float]]) -> None:
    arrivals = Arrivals(5)
    backoff = Backoff(arrivals)
    now, opened = 0.0, [0.0]
    arrivals.opened(now)
    for lasted, chance in steps:
        now = backoff.next_try(Retry.AT_ONCE, now + lasted, chance)
        backoff.succeeded()
        arrivals.opened(now)
        opened.append(now)

    assert all(later - earlier >= 60 for earlier, later in zip(opened, opened[5:], strict=False))
