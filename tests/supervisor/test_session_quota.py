"""How many sessions an account may open in a minute."""

from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.supervisor.session_quota import SessionQuota


def test_sixth_session_of_a_minute_waits_for_the_minute_to_pass() -> None:
    quota = SessionQuota(5)
    for second in range(5):
        quota.opened(float(second))

    assert quota.free_at(5.0) == 61.0


def test_sessions_of_an_earlier_minute_do_not_count() -> None:
    quota = SessionQuota(5)
    for second in range(5):
        quota.opened(float(second))

    assert quota.free_at(65.0) == 65.0


def test_session_that_never_reached_the_service_does_not_count() -> None:
    quota = SessionQuota(1)
    quota.opened(0.0)
    quota.unopened()

    assert quota.free_at(1.0) == 1.0


def test_session_counts_from_when_the_service_has_answered_it() -> None:
    quota = SessionQuota(2)
    quota.opened(0.0)
    quota.opened(0.5)
    quota.answered(2.0)
    assert quota.free_at(2.0) == 61.5

    quota.answered(2.5)

    assert quota.free_at(3.0) == 63.0


@given(st.lists(st.floats(0, 20), min_size=6, max_size=60))
def test_never_more_than_five_new_sessions_in_any_minute(waits: list[float]) -> None:
    quota = SessionQuota(5)
    now, opened = 0.0, [0.0]
    quota.opened(now)
    for waited in waits:
        now = quota.free_at(now + waited)
        quota.opened(now)
        opened.append(now)

    assert all(later - earlier >= 60 for earlier, later in zip(opened, opened[5:], strict=False))
