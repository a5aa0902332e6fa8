"""The account's limits, kept for all workers and all commands in the scheduler."""

import asyncio
import time
from collections.abc import Callable, Container, Mapping
from typing import Any, Literal

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from transcribe_cli.cluster.wire import command_name
from transcribe_cli.supervisor.session_quota import SessionQuota

HANDLER = "aai_stream_session"
SEAT_HANDLER = "aai_stream_seat"
SessionEvent = Literal["asked for", "answered", "unopened"]
"""What a worker tells of a session, as `SessionQuota` has it."""

_ASK_AGAIN_S = 0.2
_ANSWER_WITHIN_S = 10.0
_UNUSED_S = 15.0  # longer than it takes to open a session for which a file waits


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
        self._seats: dict[str, set[str]] = {}  # files by worker
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
        scheduler.handlers[SEAT_HANDLER] = self.seat

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:
        """Called by the scheduler when a worker is lost: its files are free for others."""
        self._seats.pop(worker, None)

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Called by the scheduler when a command has ended."""
        self._at_once.pop(command_name(client), None)

    def seat(self, worker: str, file: str, *, leaves: bool) -> bool:
        """Whether a worker may begin a file, or have it leave its seat."""
        if leaves:
            self._seats.get(worker, set()).discard(file)
            return True
        most = [float("inf") if number is None else number for number in self._at_once.values()]
        taken = sum(map(len, self._seats.values()))
        if worker not in self._workers or taken >= max(most, default=float("inf")):
            return False
        self._seats.setdefault(worker, set()).add(file)
        return True

    def session(self, event: SessionEvent) -> float:
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


Tell = Callable[[SessionEvent, Callable[[float], None]], None]
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
    """Seats for a worker's files; asked for on Dask's threads, which wait for nothing else."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker

    def take(self, file: str) -> bool:
        """Whether there is one; False, too, where the scheduler cannot be asked just now."""
        return self._ask(file, leaves=False)

    def leave(self, file: str) -> None:
        """Another file may begin."""
        self._ask(file, leaves=True)

    def _ask(self, file: str, *, leaves: bool) -> bool:
        worker = self._worker

        async def ask() -> bool:
            handler = getattr(worker.scheduler, SEAT_HANDLER)
            return bool(await handler(worker=worker.address, file=file, leaves=leaves))

        try:
            asked = asyncio.run_coroutine_threadsafe(ask(), worker.loop.asyncio_loop)
            return asked.result(_ANSWER_WITHIN_S)
        except Exception:  # cut off, or a scheduler that began anew: who asks asks again
            return False


def telling(worker: Any) -> Tell:
    """What tells the scheduler from a worker."""

    def tell(event: SessionEvent, answered: Callable[[float], None]) -> None:
        async def send() -> None:
            try:
                wait_s = await getattr(worker.scheduler, HANDLER)(event=event)
            except Exception:  # cut off, or a scheduler that began anew and knows nothing: later
                wait_s = 1.0
            answered(wait_s)

        worker.loop.add_callback(send)

    return tell
