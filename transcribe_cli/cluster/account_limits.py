"""The account's limits, kept for all workers and all commands in the scheduler."""

import asyncio
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Literal

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from transcribe_cli.cluster.wire import command_name
from transcribe_cli.supervisor.session_quota import SessionQuota

HANDLER = "aai_stream_session"
SEAT_HANDLER = "aai_stream_seat"
QuotaEvent = Literal["asked for", "answered", "unopened"]
"""What a worker tells of a session, as `SessionQuota` has it."""

_ASK_AGAIN_S = 0.2
_ANSWER_WITHIN_S = 10.0
_UNUSED_S = 15.0  # longer than it takes to open a session for which a file waits
_ENDED_WITHIN_S = 60.0  # the sessions of a command that is gone
_FULL_FOR_S = 0.5  # until files that wait for a seat ask again


class SchedulerLimits(SchedulerPlugin):  # type: ignore[misc]
    """Counts the sessions that workers open, and the files that they have a seat for.

    A session counts from when a worker is let to open it, and for a minute from when the service
    has answered it. A file has a seat while it runs, or until its worker is lost.

    Args:
        per_minute: most new sessions in any 60 s.
        at_once: most files at once of a command; None: as many as there are threads. Of several
            commands the greatest number counts, for all together.
        used: a scheduler that knows of no earlier ones has been told of them before it began anew,
            and so takes it that they were opened just now.
    """

    name = "aai-stream-limits"

    def __init__(
        self, per_minute: int, at_once: Mapping[str, int | None] = {}, *, used: bool = False
    ) -> None:
        self._quota = SessionQuota(per_minute)
        self._at_once = dict(at_once)
        self._workers: Container[str] = ()  # that are there
        # By worker and command: the number of what was told last, and the files with a seat.
        self._seats: dict[tuple[str, str], tuple[int, set[str]]] = {}
        self._used = used

    async def start(self, scheduler: Scheduler) -> None:
        """Be there for workers; what an earlier command opened of late counts too."""
        earlier = scheduler.plugins.pop(self.name, None)
        if isinstance(earlier, SchedulerLimits):
            earlier._quota.per_minute = self._quota.per_minute
            self._quota = earlier._quota
            self._at_once = earlier._at_once | self._at_once
            self._seats = earlier._seats
        elif self._used:
            now = time.monotonic()
            for _ in range(self._quota.per_minute or 0):
                self._quota.opened(now)
                self._quota.answered(now)
        self._workers = scheduler.workers
        scheduler.handlers[HANDLER] = self.session
        scheduler.handlers[SEAT_HANDLER] = self.seats

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:
        """Called by the scheduler when a worker is lost: its files are free for others."""
        for key in [key for key in self._seats if key[0] == worker]:
            del self._seats[key]

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Called by the scheduler when a command has ended."""
        command = command_name(client)
        self._at_once.pop(command, None)
        scheduler.loop.call_later(_ENDED_WITHIN_S, self._forget, command)

    def _forget(self, command: str) -> None:
        for key in [key for key in self._seats if key[1] == command]:
            del self._seats[key]

    def seats(
        self, worker: str, command: str, number: int, held: Sequence[str], waiting: Sequence[str]
    ) -> list[str]:
        """Take which files of a command have a seat on a worker; returns which more have one now.

        Args:
            number: the greater, the later it was told. All that there is is told each time, so
                whatever was lost on the way, either way, is right with the next.
        """
        told, _ = self._seats.get((worker, command), (0, set()))
        if worker not in self._workers or number <= told:
            return []
        files = set(held)
        self._seats[worker, command] = number, files
        most = [float("inf") if each is None else each for each in self._at_once.values()]
        free = max(most, default=float("inf")) - sum(len(had) for _, had in self._seats.values())
        given = [file for place, file in enumerate(waiting) if place < free]
        files.update(given)
        return given

    def session(self, event: QuotaEvent) -> float:
        """Take what a worker tells of a session.

        Returns how long it has to wait with one that is asked for; 0: it may open it.
        """
        now = time.monotonic()
        match event:
            case "answered":
                self._quota.answered(now)
            case "unopened":
                self._quota.unopened()
            case "asked for" if (left_s := self._quota.free_at(now) - now) > 0:
                return left_s
            case "asked for":
                self._quota.opened(now)
        return 0.0


Tell = Callable[[QuotaEvent, Callable[[float], None]], None]
"""Tells the scheduler, and calls what it is given with its answer, on any thread."""


class WorkerQuota(SessionQuota):
    """A quota that the scheduler keeps; nobody waits for its answer.

    Args:
        tell: to be called on any thread.
        clock: monotonic, in seconds.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(None)
        self._tell = tell
        self._clock = clock
        self._granted = 0
        self._granted_at = 0.0
        self._asking = False
        self._ask_at = float("-inf")

    def opened(self, now: float) -> None:
        """Use what was granted."""
        self._granted -= 1

    def answered(self, now: float) -> None:
        """From now on it counts for a minute."""
        self._tell("answered", _ignore)

    def unopened(self) -> None:
        """It was not used after all."""
        self._tell("unopened", _ignore)

    def free_at(self, now: float) -> float:
        """Now, or when to look again."""
        if self._granted > 0 and now > self._granted_at + _UNUSED_S:
            # Who waited for it has ended meanwhile, and the scheduler counts it for a minute only.
            self._granted -= 1
            self.unopened()
        if self._granted > 0:
            return now
        if not self._asking and now >= self._ask_at:
            self._asking = True
            self._tell("asked for", self._take_answer)
        return max(self._ask_at, now + _ASK_AGAIN_S)

    def _take_answer(self, wait_s: float) -> None:
        now = self._clock()
        if wait_s <= 0:
            self._granted_at = now
            self._granted += 1
        self._ask_at = now + max(wait_s, 0.0)
        self._asking = False


def _ignore(wait_s: float) -> None:
    """There is nothing to wait for."""


class Seats:
    """Seats for a command's files on a worker; asked for on Dask's threads.

    Those that wait are asked for together, so that the scheduler is not asked by each of them.
    """

    def __init__(self, worker: Any, command: str) -> None:
        self._worker = worker
        self._command = command
        self._asking = threading.Lock()
        self._told = time.monotonic_ns()  # greater than what a predecessor has told
        self._held: set[str] = set()
        self._waiting: dict[str, None] = {}  # in order
        self._leaving: set[str] = set()  # that wait to say so
        self._full_until = float("-inf")

    def take(self, file: str) -> bool:
        """Whether there is one; False, too, where the scheduler cannot be asked just now."""
        self._waiting[file] = None
        with self._asking:
            if file not in self._held and time.monotonic() >= self._full_until:
                self._ask()
                if file not in self._held:
                    self._full_until = time.monotonic() + _FULL_FOR_S
            del self._waiting[file]
            return file in self._held

    def leave(self, file: str) -> None:
        """Another file may begin."""
        self._leaving.add(file)
        with self._asking:
            self._leaving.discard(file)
            self._held.discard(file)
            # Who comes next tells this as well, and nobody waits long for a scheduler that is away.
            if not self._leaving and self._ask():
                self._full_until = float("-inf")

    def _ask(self) -> bool:
        """Tell the scheduler all that there is, and take what it gives; whether it has answered."""
        worker = self._worker
        self._told += 1
        state = {"number": self._told, "held": list(self._held), "waiting": list(self._waiting)}

        async def ask() -> list[str]:
            handler = getattr(worker.scheduler, SEAT_HANDLER)
            return list(await handler(worker=worker.address, command=self._command, **state))

        asking = ask()
        try:
            asked = asyncio.run_coroutine_threadsafe(asking, worker.loop.asyncio_loop)
        except RuntimeError:  # the worker ends
            asking.close()
            return False
        try:
            self._held.update(asked.result(_ANSWER_WITHIN_S))
            return True
        except Exception:  # cut off, or a scheduler that began anew: with the next it is right
            asked.cancel()
            return False


def telling(worker: Any) -> Tell:
    """What tells the scheduler from a worker."""

    def tell(event: QuotaEvent, answered: Callable[[float], None]) -> None:
        async def send() -> None:
            try:
                wait_s = await getattr(worker.scheduler, HANDLER)(event=event)
            except Exception:  # cut off, or a scheduler that began anew and knows nothing: later
                wait_s = 1.0
            answered(wait_s)

        worker.loop.add_callback(send)

    return tell
