"""Main's loop: no task keeps another, a signal or a timer waiting for longer than its own share."""

from collections.abc import Iterator

from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import Event, KeyPressed, StopRequested
from transcribe_cli.session.session import Session
from transcribe_cli.system.poller import Poll


class Busy:
    """A task that has something to do in each turn of the loop, and writes down what comes when.

    Args:
        diary: shared by all tasks of a test.
        most: after so many turns it is over.
    """

    def __init__(self, loop: Loop, diary: list[str], name: str, most: int = 3) -> None:
        self.due = 0.0
        self.has_work = True
        self.name = name
        self._loop = loop
        self._diary = diary
        self._left = most

    @property
    def over(self) -> bool:
        return self._left <= 0

    def start(self, now: float) -> None:
        pass

    def take(self, event: Event, now: float) -> None:
        self._diary.append(f"{self.name} takes {type(event).__name__}")

    def read(self, session: Session, now: float) -> None:
        raise AssertionError("it has no session")

    def advance(self, now: float) -> None:
        self._left -= 1
        self._diary.append(f"{self.name} works")
        if self.name == "first" and self.over:
            self._loop.post(None, StopRequested("SIGINT"))

    def bail_out(self) -> None:
        pass


def test_signal_waits_for_one_task_only() -> None:
    diary: list[str] = []
    with Loop() as loop:
        loop.run([Busy(loop, diary, name, most=4) for name in ("first", "second", "third")])

    last = [at for at, what in enumerate(diary) if what == "first works"][-1]
    assert diary[last : last + 6] == [
        "first works",
        *(f"{name} takes StopRequested" for name in ("first", "second", "third")),
        "second works",
        "third works",
    ]


def test_tasks_that_run_are_served_before_the_next_one_starts() -> None:
    diary: list[str] = []
    with Loop() as loop:
        loop.run([Busy(loop, diary, name, most=9) for name in ("one", "two")])

    assert diary[:3] == ["one works", "one works", "two works"]


def test_a_task_that_runs_is_served_between_files_that_are_complete_already() -> None:
    diary: list[str] = []

    def tasks() -> Iterator[Busy | None]:
        yield Busy(loop, diary, "one", most=2)
        for _ in range(2):
            diary.append("complete")
            yield None

    with Loop() as loop:
        loop.run(tasks())

    assert diary == ["one works", "complete", "one works", "complete"]


def test_nothing_more_starts_once_all_were_asked_to_stop() -> None:
    diary: list[str] = []

    def tasks() -> Iterator[Busy]:
        for name in ("one", "two"):
            yield Busy(loop, diary, name, most=1)

    with Loop() as loop:
        loop.post(None, StopRequested("SIGINT"))
        loop.run(tasks())

    assert diary == ["one takes StopRequested", "one works"]


def test_more_may_begin_while_nothing_has_ended_where_it_is_asked_for() -> None:
    diary: list[str] = []

    def more() -> list[Busy]:
        return [] if "two works" in diary else [Busy(loop, diary, "two", most=1)]

    with Loop() as loop:
        loop.call(loop.ask_more)
        loop.run([Busy(loop, diary, "one", most=9)], more)

    assert diary.index("two works") < diary.index("one works", 3)


def test_each_end_is_told_at_once_also_after_all_were_asked_to_stop() -> None:
    """Whoever has further ones to start also ends those that are over."""
    diary: list[str] = []

    def more() -> Iterator[Busy]:
        assert loop.stopping
        diary.append("an end")
        yield from ()

    with Loop() as loop:
        turns = {"first": 3, "short": 4, "long": 9}
        loop.run([Busy(loop, diary, name, most) for name, most in turns.items()], more)

    last = [what for what in diary if what in ("an end", "long works")][-9:]
    assert last == ["an end", *2 * ["long works"], "an end", *6 * ["long works"], "an end"][-9:]
    assert diary.count("an end") == 3


def test_flood_of_what_is_posted_lets_tasks_work_in_between() -> None:
    diary: list[str] = []
    with Loop() as loop:
        task = Busy(loop, diary, "only", most=5)
        for _ in range(1000):
            loop.post(task, KeyPressed("m"))
        loop.run([task])

    first, second = [at for at, what in enumerate(diary) if what == "only works"][:2]
    assert first < 200
    assert second - first < 200


class RecordingPoll:
    """What the loop waits with, and how long it was to wait each time."""

    def __init__(self, poll: Poll) -> None:
        self.waits_s: list[float] = []
        self.register, self.modify = poll.register, poll.modify
        self.unregister, self.close = poll.unregister, poll.close
        self._poll = poll

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        self.waits_s.append(timeout)
        return self._poll.poll(timeout)


def test_nothing_is_waited_for_while_something_is_posted() -> None:
    diary: list[str] = []

    class Sleeping(Busy):
        def take(self, event: Event, now: float) -> None:
            super().take(event, now)
            self._left -= 1

        def advance(self, now: float) -> None:
            self.has_work = False
            self.due = float("inf")

    with Loop() as loop:
        loop._poll = poll = RecordingPoll(loop._poll)
        task = Sleeping(loop, diary, "sleeper", most=1000)
        for _ in range(1000):
            loop.post(task, KeyPressed("m"))
        loop.run([task])

    assert len(diary) == 1000
    assert len(poll.waits_s) > 1
    assert not any(poll.waits_s)
