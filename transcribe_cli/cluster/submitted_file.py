"""A file that a worker has, as `Batch` and the loop drive a run of their own."""

import asyncio
import os
import uuid
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Self

from msgspec import structs

from transcribe_cli.cluster import wire
from transcribe_cli.cluster.journal_reporter import JournalReporter
from transcribe_cli.errors import ServiceError, StreamError, status_of
from transcribe_cli.exit_status import ExitStatus, is_stopped_by_person, of_run
from transcribe_cli.jobs.sources import SourceSpec
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import Result
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import View
from transcribe_cli.session.events import Event, OutputFailed, StopRequested
from transcribe_cli.session.session import Session

if TYPE_CHECKING:
    from transcribe_cli.cluster.client import CommandWorkers

_LOOK_EVERY_S = 0.2
_STOP_WITHIN_S = 25.0  # longer than the last words are waited for
_HURRY_WITHIN_S = 5.0
_MOST_TRIES = 6  # a file that kills whoever reads it is given up, after several workers each time
_ANSWER_WITHIN_S = 30.0  # of Dask's own thread
_CANCELLED = (CancelledError, asyncio.CancelledError)
_BAIL_OUT = StopRequested("SIGTERM")
_NOTHING = {"sessions": 0, "complete": False, "terminated": True}


class _RemoteBill(Bill):
    """What a file costs, as its worker tells."""

    def __init__(self) -> None:
        super().__init__(None)
        self.usd: float | None = 0.0

    def cost_usd(self, now: float) -> float | None:
        """What was told last."""
        return self.usd


class SubmittedFile:
    """A file that a worker has: a task of the loop, and a `RunningFile` of the batch.

    Attributes:
        future: Dask's, of the last task.
    """

    def __init__(
        self, cluster: "CommandWorkers", loop: Loop, spec: SourceSpec, view: View | None
    ) -> None:
        self.spec = spec
        self.key = uuid.uuid4().hex
        self.due = float("inf")
        self.has_work = False
        self.future: Any = None
        self._cluster = cluster
        self._transcriber = cluster.transcriber
        self._loop = loop
        self._view = view
        self._stops: list[str] = []
        self._give_up_at = float("inf")
        self._bill = _RemoteBill()
        self._result: Result | None = None
        self._tries = 0  # that failed with it
        self._journal = JournalReporter(cluster.transcriber, loop, spec.name, view)

    # A `RunningFile`.

    @property
    def run(self) -> Self:
        """What the loop drives."""
        return self

    def end(self) -> Result:
        """Close what is open for it, and say how it ended."""
        assert self._result is not None
        self._transcriber.outputs.hurried |= self._result.interrupted
        self._journal.close()
        return self._result

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    # A task.

    @property
    def over(self) -> bool:
        """It has ended."""
        return self._result is not None

    def start(self, now: float) -> None:
        """Give it to a worker."""
        self._transcriber.runs.budget.add(self._bill)
        self.submit()

    def task(self) -> wire.FileTask:
        """What a worker is given."""
        path = os.path.abspath(self.spec.path or "")  # noqa: PTH100  # `resolve` follows links
        command = self._cluster.command
        return wire.FileTask(command=command, key=self.key, name=self.spec.name, path=path)

    def take(self, event: Event, now: float) -> None:
        """Pass on what a person wants."""
        self._cluster.calls.pass_on(event)
        if isinstance(event, StopRequested):
            self._give_up_at = now + (_HURRY_WITHIN_S if self._stops else _STOP_WITHIN_S)
            self._stops.append(event.cause)
            self.has_work = True
        elif isinstance(event, OutputFailed):
            self._journal.flush()

    def read(self, session: Session, now: float) -> None:
        """It has no session here."""

    def advance(self, now: float) -> None:
        """Draw, and look at what all files cost."""
        self.has_work = False
        self._cluster.submit(now)
        if self.over:
            return
        if self._view is not None:
            self._view.tick(now)
        if self._transcriber.runs.budget.is_reached(now):
            self._cluster.calls.limit_cost()
        if now >= self._give_up_at:
            self.ended(None)
        self.due = now + _LOOK_EVERY_S

    def bail_out(self) -> None:
        """A fault of ours: workers end their sessions."""
        self._cluster.calls.pass_on(_BAIL_OUT)

    def progressed(self, progress: wire.ProgressReport) -> None:
        """Its worker tells how far it is, and that there are records."""
        if self.over:
            return
        if progress.cost_usd is not None:
            self._bill.usd = progress.cost_usd
        self._journal.tell(progress.recording)
        if self._view is not None:
            from transcribe_cli.ui.status_line import Status

            self._view.status(
                Status(
                    state=progress.state,
                    elapsed_s=progress.elapsed_s,
                    source=self.spec.name,
                    turns=progress.turns,
                    message=progress.message,
                    progress=(progress.position_s, progress.length_s, progress.rate),
                )
            )

    @property
    def _by_person(self) -> bool:
        return is_stopped_by_person(self._stops)

    def submit(self) -> None:
        """Give it to a worker, once more where it is lost."""
        self.due = min(self.due, self._cluster.submit_later(self, self._loop.clock()))

    def done(self, future: Any) -> None:
        """Its task is over; on Dask's thread, which all files share."""
        problem: BaseException | None = None
        try:
            if future.cancelled():  # a client that closes may never say so
                raise CancelledError
            if future.status != "finished":
                problem = future.exception(_ANSWER_WITHIN_S)
        except (Exception, asyncio.CancelledError) as e:
            problem = e
        if problem is None:  # what its worker has told of its end is with the loop by now
            self._loop.call(lambda: self._try_again("its end is not known"))
        elif self._stops:
            self._loop.call(lambda: self.ended(None))
        elif isinstance(problem, _CANCELLED) or future.client.status != "running":
            self._cluster.reconnect(future.client)
        else:
            # Of so many workers that died with it, another goes on where they came to.
            again = type(problem).__name__ == "KilledWorker"
            words = f"{type(problem).__name__}: {problem}"
            self._loop.call(lambda: self._try_again(words, again=again))

    def _try_again(self, words: str, *, again: bool = True) -> None:
        """No worker has told how it ended, for which there are words."""
        if self.over:
            return
        self._tries += 1
        if again and self._tries < _MOST_TRIES:
            self.submit()
            return
        self.give_up(
            ServiceError(
                f"The workers gave '{self.spec.name}' up: {words}.", "see what the workers say"
            )
        )

    def give_up(self, problem: StreamError, *, told: bool = False) -> None:
        """No worker ends it; `told`: why, as for other files."""
        status = int(problem.exit_status)
        self.ended(
            wire.FileOutcome(exit_status=status, problem=wire.problem_of(problem)), told=told
        )

    def ended(self, outcome: wire.FileOutcome | None, *, told: bool = False) -> None:
        """Tell the outputs everything about it. None: it was stopped, and nobody knows more."""
        if self.over:
            return
        if outcome is None:
            outcome = wire.FileOutcome()
        if self._by_person and not outcome.interrupted:  # as a run here that is asked to stop
            status = of_run(ExitStatus.OK, self._stops, spoken_now=False)
            outcome = structs.replace(outcome, exit_status=int(status), interrupted=True)
        problem = None if outcome.problem is None else outcome.problem.error()
        status = ExitStatus(outcome.exit_status)
        summary = _NOTHING | outcome.summary
        self._journal.tell(outcome.recording, ended=True)
        if (untold := self._journal.problem) is not None:
            self._transcriber.notices.error(untold)
            problem = problem or untold
            status = status or status_of(untold)
        if outcome.recording is None and problem is not None:
            self._journal.tell_error(problem)
            if not told and problem is not untold:
                self._transcriber.notices.error(problem)
        if "cost_usd" in summary:
            self._bill.usd = summary["cost_usd"]
        self._transcriber.runs.budget.settle(self._bill, self._loop.clock())
        self._cluster.forget(self)
        self._result = Result(status, problem, summary, outcome.interrupted)
        self.has_work = True
        self._loop.wake()
