"""The account's limit on new sessions, for all workers together."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed")

from transcribe_cli.cluster import account_limits
from transcribe_cli.cluster.account_limits import (
    SchedulerLimits,
    Seats,
    Tell,
    WorkerQuota,
    telling,
)
from transcribe_cli.cluster.wire import command_name


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(account_limits, "time", clock)
    return clock


class Worker:
    """A worker whose sessions reach the service some time after they set out."""

    def __init__(self, limits: SchedulerLimits, clock: Clock, reaches_after_s: float) -> None:
        self.quota = WorkerQuota(tells(limits), clock.monotonic)
        self.reaches_after_s = reaches_after_s
        self.underway: deque[float] = deque()
        self._clock = clock

    def opens(self) -> bool:
        """Open a session where it may."""
        now = self._clock.now
        if self.quota.free_at(now) > now:
            return False
        self.quota.opened(now)
        self.underway.append(now + self.reaches_after_s)
        return True

    def reached(self) -> list[float]:
        """Those that have reached the service by now."""
        reached = [at for at in self.underway if at <= self._clock.now]
        for _ in reached:
            self.underway.popleft()
            self.quota.answered(self._clock.now)
        return reached


@pytest.mark.parametrize("killed_at", [0.0, 0.25, 20.0, 61.5])
def test_three_workers_bring_no_more_than_ten_to_the_service_in_any_minute(
    clock: Clock, killed_at: float
) -> None:
    limits = SchedulerLimits(10)
    workers = [Worker(limits, clock, after_s) for after_s in (0.0, 2.0, 5.0)]
    began = clock.now
    arrived: list[float] = []
    files = 25
    while files or any(worker.underway for worker in workers):
        if clock.now >= began + killed_at and len(workers) == 3:
            dead = workers.pop()
            arrived += dead.underway  # what is on its way reaches the service all the same
            files += len(dead.underway)  # others do it
        for worker in workers:
            arrived += worker.reached()
            files -= bool(files) and worker.opens()
        clock.now += 0.25
    assert len(arrived) >= 25
    assert max(sum(start <= at < start + 60 for at in arrived) for start in arrived) <= 10
    assert clock.now - began < 140  # and they wait no longer than they must


def tells(limits: SchedulerLimits) -> Tell:
    return lambda event, answered: answered(limits.session(event))


def test_a_worker_that_dies_holds_nothing_back(clock: Clock) -> None:
    limits = SchedulerLimits(2)
    assert limits.session("asked for") == limits.session("asked for") == 0.0  # by one that dies
    assert limits.session("asked for") == pytest.approx(61.0)
    clock.now += 61.5
    assert limits.session("asked for") == limits.session("asked for") == 0.0


def test_what_another_command_opened_of_late_counts_too(clock: Clock) -> None:
    scheduler: Any = SimpleNamespace(plugins={}, handlers={}, workers={})
    for per_minute in (3, 2):
        limits = SchedulerLimits(per_minute)
        asyncio.run(limits.start(scheduler))
        scheduler.plugins[limits.name] = limits
        if per_minute == 3:
            assert [limits.session("asked for"), limits.session("asked for")] == [0.0, 0.0]
    assert limits.session("asked for") == pytest.approx(61.0)
    assert scheduler.handlers[account_limits.HANDLER]("asked for") == pytest.approx(61.0)


def test_a_scheduler_that_began_anew_takes_it_that_all_were_opened_just_now(clock: Clock) -> None:
    scheduler: Any = SimpleNamespace(plugins={}, handlers={}, workers={})
    limits = SchedulerLimits(2, used=True)
    asyncio.run(limits.start(scheduler))
    assert limits.session("asked for") == pytest.approx(61.0)
    clock.now += 61.5
    assert [limits.session("asked for"), limits.session("asked for")] == [0.0, 0.0]


def test_nobody_waits_for_the_scheduler_s_answer_and_it_is_asked_once(clock: Clock) -> None:
    asked: list[Callable[[float], None]] = []
    quota = WorkerQuota(lambda event, answered: asked.append(answered), clock.monotonic)
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

    async def fails(event: str) -> float:
        raise error

    scheduler = SimpleNamespace(**{account_limits.HANDLER: fails})
    loop = SimpleNamespace(add_callback=lambda send: asyncio.run(send()))
    worker = SimpleNamespace(scheduler=scheduler, address="tcp://w", loop=loop)
    telling(worker)("asked for", answers.append)
    assert answers == [1.0]


def test_a_session_that_never_reached_the_service_leaves_its_place(clock: Clock) -> None:
    quota = WorkerQuota(tells(SchedulerLimits(1)), clock.monotonic)
    quota.free_at(clock.now)
    quota.opened(clock.now)
    quota.unopened()
    quota.free_at(clock.now)
    assert quota.free_at(clock.now) == clock.now


def test_what_a_worker_was_granted_long_ago_and_has_not_used_is_given_back(clock: Clock) -> None:
    limits = SchedulerLimits(1)
    late = WorkerQuota(tells(limits), clock.monotonic)
    late.free_at(clock.now)  # by a file that is stopped then
    clock.now += 59.0
    late.free_at(clock.now)
    assert late.free_at(clock.now) == clock.now
    late.opened(clock.now)

    clock.now += 5.0

    assert limits.session("asked for") == pytest.approx(56.0)


def started(limits: SchedulerLimits, scheduler: Any) -> SchedulerLimits:
    """As the scheduler does it with a plugin that a command brings."""
    asyncio.run(limits.start(scheduler))
    scheduler.plugins[limits.name] = limits
    return limits


class Board:
    """The seats of a scheduler, told and asked for as by one worker after the other."""

    def __init__(self, *workers: str, **at_once: int | None) -> None:
        self.later: list[Callable[[], None]] = []
        loop = SimpleNamespace(
            call_later=lambda _, call, *args: self.later.append(lambda: call(*args))
        )
        self.scheduler: Any = SimpleNamespace(
            plugins={}, handlers={}, workers=dict.fromkeys(workers), loop=loop
        )
        for command, number in at_once.items():
            self.limits = started(
                SchedulerLimits(5, {command_name(command): number}), self.scheduler
            )
        self.number = 0

    def ask(self, worker: str, command: str, held: str = "", waiting: str = "") -> str:
        """Tell of files, a letter each; those that have a seat now."""
        self.number += 1
        name = command_name(command)
        return "".join(self.limits.seats(worker, name, self.number, [*held], [*waiting]))


def test_commands_on_one_scheduler_share_its_seats_and_those_of_a_lost_worker_are_free() -> None:
    board = Board("1", "2", A=2, B=3)
    assert board.ask("1", "A", waiting="ab") == "ab"
    assert board.ask("2", "B", waiting="cd") == "c"

    del board.scheduler.workers["1"]
    board.limits.remove_worker(board.scheduler, "1", stimulus_id="killed")
    assert board.ask("2", "B", held="c", waiting="dab") == "da"
    assert board.ask("1", "A", held="ab", waiting="e") == ""  # it does not know that it is lost

    board.limits.remove_client(board.scheduler, "B")  # whose number was the greater one
    assert board.ask("2", "A", waiting="e") == ""
    board.later.pop()()  # its sessions have ended
    assert board.ask("2", "A", waiting="efg") == "ef"


def test_a_command_without_a_number_has_as_many_files_at_once_as_there_are_threads() -> None:
    files = "".join(map(chr, range(100, 200)))
    assert Board("1", A=None).ask("1", "A", waiting=files) == files


def test_a_seat_whose_answer_is_lost_is_given_again_and_one_left_unheard_is_free() -> None:
    board = Board("1", A=2)
    assert board.ask("1", "A", waiting="ab") == "ab"  # which the worker never hears
    assert board.ask("1", "A", waiting="a") == "a"
    assert board.ask("1", "A", held="a", waiting="cd") == "c"
    assert board.ask("1", "A", held="c", waiting="d") == "d"  # that a has left was not heard


def test_what_was_told_before_and_comes_late_means_nothing() -> None:
    board = Board("1", A=1)
    board.number = 5
    assert board.ask("1", "A", waiting="a") == "a"
    board.number = 3
    assert board.ask("1", "A") == ""
    board.number = 6
    assert board.ask("1", "A", held="a", waiting="b") == ""


class LoopThread:
    """A worker whose loop runs on a thread, and whose scheduler answers what is asked."""

    address = "1"

    def __init__(self, answer: Callable[..., Any]) -> None:
        async def handler(**told: Any) -> Any:
            return answer(**told)

        self.scheduler = SimpleNamespace(**{account_limits.SEAT_HANDLER: handler})
        loop = asyncio.new_event_loop()
        self.loop = SimpleNamespace(asyncio_loop=loop)
        self._thread = threading.Thread(target=loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        loop = self.loop.asyncio_loop
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()


@pytest.fixture
def workers() -> Iterator[Callable[[Callable[..., Any]], LoopThread]]:
    made: list[LoopThread] = []

    def make(answer: Callable[..., Any]) -> LoopThread:
        made.append(LoopThread(answer))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


def test_a_scheduler_that_cannot_be_asked_gives_no_seat_and_is_told_all_the_next_time(
    workers: Callable[[Callable[..., Any]], LoopThread], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[list[str], list[str]]] = []
    fails = [False, True, True, False]

    def answer(held: list[str], waiting: list[str], **_: Any) -> list[str]:
        told.append((held, waiting))
        if fails.pop(0):
            raise OSError("cut off")
        return waiting

    monkeypatch.setattr(account_limits, "_FULL_FOR_S", 0.0)
    seats = Seats(workers(answer), "A")
    assert seats.take("a")
    seats.leave("a")
    assert not seats.take("b")
    assert seats.take("b")
    assert told == [([], ["a"]), ([], []), ([], ["b"]), ([], ["b"])]


def test_while_all_seats_are_taken_the_scheduler_is_asked_once_for_all_that_wait(
    workers: Callable[[Callable[..., Any]], LoopThread], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    given = ["a"]

    def answer(waiting: list[str], **_: Any) -> list[str]:
        asked.append(waiting)
        return [file for file in waiting if file in given]

    monkeypatch.setattr(account_limits, "_FULL_FOR_S", 3600.0)
    seats = Seats(workers(answer), "A")
    assert seats.take("a")
    assert not seats.take("b")
    assert not any(seats.take(file) for file in "bcdef")
    assert asked == [["a"], ["b"]]
    given.append("c")
    seats.leave("a")
    assert seats.take("c")


def test_a_worker_that_ends_has_no_seats_to_give(
    workers: Callable[[Callable[..., Any]], LoopThread],
) -> None:
    worker = workers(lambda **_: [])
    seats = Seats(worker, "A")
    loop, worker.loop.asyncio_loop = worker.loop.asyncio_loop, asyncio.new_event_loop()
    worker.loop.asyncio_loop.close()
    assert not seats.take("a")
    seats.leave("a")
    worker.loop.asyncio_loop = loop
