"""The account's limit on new sessions, kept for all workers in the scheduler."""

import time
from collections.abc import Callable
from typing import Any

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from transcribe_cli.supervisor.session_quota import SessionQuota

HANDLER = "aai_stream_session"
_ASK_AGAIN_S = 0.2


class SchedulerLimits(SchedulerPlugin):  # type: ignore[misc]
    """Counts the sessions that workers open; a worker that dies holds nothing back.

    A session is counted when a worker is let to open it. Only those of the last minute count,
    so that there are no seats to be given back.

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
            for _ in range(self._quota.per_minute or 0):
                self._quota.opened(time.monotonic())
        scheduler.handlers[HANDLER] = self.wait_s

    def wait_s(self, worker: str = "") -> float:
        """How long that worker has to wait; 0: it may open a session, which is counted."""
        now = time.monotonic()
        left_s = self._quota.free_at(now) - now
        if left_s > 0:
            return left_s
        self._quota.opened(now)
        return 0.0


class WorkerQuota(SessionQuota):
    """A quota that the scheduler is asked for, without waiting for its answer.

    Args:
        ask: asks the scheduler, and calls what it is given with `SchedulerLimits.wait_s`, on any
            thread.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        ask: Callable[[Callable[[float], None]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(None)
        self._ask = ask
        self._clock = clock
        self._granted = 0
        self._asking = False
        self._ask_at = float("-inf")

    def opened(self, now: float) -> None:
        """Use what was granted."""
        self._granted -= 1

    def unopened(self) -> None:
        """It was not used after all."""
        self._granted += 1

    def free_at(self, now: float) -> float:
        """Now, or when to look again."""
        if self._granted > 0:
            return now
        if not self._asking and now >= self._ask_at:
            self._asking = True
            self._ask(self._answered)
        return max(self._ask_at, now + _ASK_AGAIN_S)

    def _answered(self, wait_s: float) -> None:
        if wait_s <= 0:
            self._granted += 1
        self._ask_at = self._clock() + max(wait_s, 0.0)
        self._asking = False


def asking(worker: Any) -> Callable[[Callable[[float], None]], None]:
    """What asks the scheduler from a worker."""

    def ask(answered: Callable[[float], None]) -> None:
        async def send() -> None:
            try:
                wait_s = await getattr(worker.scheduler, HANDLER)(worker=worker.address)
            except Exception:  # cut off, or a scheduler that began anew and knows nothing: later
                wait_s = 1.0
            answered(wait_s)

        worker.loop.add_callback(send)

    return ask
