"""The account's limit on new sessions, kept for all workers in the scheduler."""

import time
from collections.abc import Callable
from typing import Any, Literal

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from transcribe_cli.supervisor.session_quota import SessionQuota

HANDLER = "aai_stream_session"
SessionEvent = Literal["asked for", "answered", "unopened"]
"""What a worker tells of a session, as `SessionQuota` has it."""

_ASK_AGAIN_S = 0.2
_UNUSED_S = 15.0  # longer than it takes to open a session for which a file waits


class SchedulerLimits(SchedulerPlugin):  # type: ignore[misc]
    """Counts the sessions that workers open; a worker that dies holds nothing back.

    A session counts from when a worker is let to open it, and for a minute from when the service
    has answered it. So there are no seats to be given back, whatever becomes of a worker.

    Args:
        per_minute: most new sessions in any 60 s.
        used: a scheduler that knows of no earlier ones has been told of them before it began anew,
            and so takes it that they were opened just now.
    """

    name = "aai-stream-limits"

    def __init__(self, per_minute: int, *, used: bool = False) -> None:
        self._quota = SessionQuota(per_minute)
        self._used = used

    async def start(self, scheduler: Scheduler) -> None:
        """Be there for workers; what an earlier command opened of late counts too."""
        earlier = scheduler.plugins.pop(self.name, None)
        if isinstance(earlier, SchedulerLimits):
            earlier._quota.per_minute = self._quota.per_minute
            self._quota = earlier._quota
        elif self._used:
            now = time.monotonic()
            for _ in range(self._quota.per_minute or 0):
                self._quota.opened(now)
                self._quota.answered(now)
        scheduler.handlers[HANDLER] = self.session

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
