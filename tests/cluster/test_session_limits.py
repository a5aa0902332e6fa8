"""The account's limit on new sessions, for all workers together."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed")

from transcribe_cli.cluster import session_limits
from transcribe_cli.cluster.session_limits import SchedulerLimits, WorkerQuota, asking


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session_limits, "time", clock)
    return clock


def test_three_workers_open_no_more_than_ten_in_any_minute(clock: Clock) -> None:
    limits = SchedulerLimits(10)
    workers = [WorkerQuota(asks(limits, name), clock.monotonic) for name in "abc"]
    opened: list[float] = []
    left = 25
    while left:
        for quota in workers:
            if left and quota.free_at(clock.now) <= clock.now:
                quota.opened(clock.now)
                opened.append(clock.now)
                left -= 1
        clock.now += 0.25
    assert max(sum(start <= at < start + 60 for at in opened) for start in opened) == 10
    assert opened[-1] - opened[0] < 130  # and they wait no longer than they must


def asks(limits: SchedulerLimits, worker: str) -> Callable[[Callable[[float], None]], None]:
    return lambda answered: answered(limits.wait_s(worker))


def test_a_worker_that_dies_holds_nothing_back(clock: Clock) -> None:
    limits = SchedulerLimits(2)
    assert limits.wait_s("dead") == 0.0
    assert limits.wait_s("alive") == 0.0
    assert limits.wait_s("alive") == pytest.approx(61.0)
    clock.now += 61.5
    assert limits.wait_s("alive") == 0.0
    assert limits.wait_s("alive") == 0.0


def test_what_another_command_opened_of_late_counts_too(clock: Clock) -> None:
    scheduler: Any = SimpleNamespace(plugins={}, handlers={})
    for per_minute in (3, 2):
        limits = SchedulerLimits(per_minute)
        asyncio.run(limits.start(scheduler))
        scheduler.plugins[limits.name] = limits
        if per_minute == 3:
            assert [limits.wait_s("a"), limits.wait_s("a")] == [0.0, 0.0]
    assert limits.wait_s("b") == pytest.approx(61.0)
    assert scheduler.handlers[session_limits.HANDLER]("a") == pytest.approx(61.0)


def test_a_scheduler_that_began_anew_takes_it_that_all_were_opened_just_now(clock: Clock) -> None:
    scheduler: Any = SimpleNamespace(plugins={}, handlers={})
    limits = SchedulerLimits(2, used=True)
    asyncio.run(limits.start(scheduler))
    assert limits.wait_s("a") == pytest.approx(61.0)
    clock.now += 61.5
    assert [limits.wait_s("a"), limits.wait_s("a")] == [0.0, 0.0]


def test_nobody_waits_for_the_scheduler_s_answer_and_it_is_asked_once(clock: Clock) -> None:
    asked: list[Callable[[float], None]] = []
    quota = WorkerQuota(asked.append, clock.monotonic)
    assert quota.free_at(clock.now) > clock.now
    assert quota.free_at(clock.now + 1) > clock.now + 1
    (answered,) = asked
    answered(0.0)
    assert quota.free_at(clock.now) == clock.now
    quota.opened(clock.now)
    assert quota.free_at(clock.now) > clock.now
    assert len(asked) == 2


@pytest.mark.parametrize("error", [OSError("cut off"), AttributeError("no such handler")])
def test_whatever_goes_wrong_with_asking_the_scheduler_is_asked_again(error: Exception) -> None:
    answers: list[float] = []

    async def fails(worker: str) -> float:
        raise error

    scheduler = SimpleNamespace(**{session_limits.HANDLER: fails})
    loop = SimpleNamespace(add_callback=lambda send: asyncio.run(send()))
    worker = SimpleNamespace(scheduler=scheduler, address="tcp://w", loop=loop)
    asking(worker)(answers.append)
    assert answers == [1.0]


def test_a_session_that_never_reached_the_service_leaves_its_place(clock: Clock) -> None:
    quota = WorkerQuota(asks(SchedulerLimits(1), "a"), clock.monotonic)
    quota.free_at(clock.now)
    quota.opened(clock.now)
    quota.unopened()
    assert quota.free_at(clock.now) == clock.now
