"""The waits between sessions."""

from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.protocol.close_codes import Retry
from transcribe_cli.supervisor.backoff import Backoff

lucks = st.floats(0, 1)


def waits(count: int, retry: Retry = Retry.BACK_OFF, after: Backoff | None = None) -> list[float]:
    backoff, found = after or Backoff(), []
    for _ in range(count):
        backoff = backoff.failed(retry)
        found.append(backoff.wait_s(0.0))
    return found


def failed(count: int, retry: Retry = Retry.BACK_OFF) -> Backoff:
    backoff = Backoff()
    for _ in range(count):
        backoff = backoff.failed(retry)
    return backoff


@given(lucks)
def test_first_try_comes_within_half_a_second(luck: float) -> None:
    assert 0 < failed(1).wait_s(luck) < 0.5


def test_waits_double_up_to_half_a_minute() -> None:
    assert waits(10) == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_slot_that_must_come_free_is_waited_for_longer() -> None:
    assert waits(4, Retry.SLOWLY) == [4, 8, 16, 30]


@given(st.integers(1, 20), lucks)
def test_jitter_adds_at_most_half(tries: int, luck: float) -> None:
    plain_wait = failed(tries).wait_s(0.0)

    assert plain_wait <= failed(tries).wait_s(luck) <= plain_wait * 1.5


def test_a_week_offline_still_has_a_next_try() -> None:
    assert waits(20_000)[-1] == 30


def test_another_kind_of_failure_waits_from_its_own_beginning() -> None:
    assert waits(2, Retry.SLOWLY, after=failed(5)) == [4, 8]
    assert waits(1, after=failed(2, Retry.SLOWLY)) == [0.25]


def test_session_that_had_its_time_is_followed_at_once() -> None:
    assert waits(1, Retry.AT_ONCE) == [0]


def test_sessions_that_end_at_once_again_and_again_have_to_wait() -> None:
    assert waits(3, Retry.AT_ONCE) == [0, 0.5, 1]
