"""A worker's loop, which takes files in: so many as the worker has threads.

A task waits on one of Dask's threads for the end of its file, and does nothing else there.
"""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.source import Source
from transcribe_cli.cluster.account_limits import Seats, WorkerQuota
from transcribe_cli.cluster.wire import (
    Call,
    FileOutcome,
    FileTask,
    Notice,
    ProgressReport,
    Report,
    problem_of,
    read_settings,
)
from transcribe_cli.cluster.worker_screen import ForwardedNotices, ProgressView
from transcribe_cli.errors import StreamError, explain_unexpected
from transcribe_cli.exit_status import ExitStatus, of_run
from transcribe_cli.jobs.done_or_claimed import AlreadyRunning, Claim
from transcribe_cli.jobs.job import Job
from transcribe_cli.jobs.screen import Screen
from transcribe_cli.jobs.service import open_service
from transcribe_cli.jobs.sources import SourceSpec, pace_of, part_of
from transcribe_cli.jobs.transcriber import Transcriber
from transcribe_cli.recordings.lock import SaveDirBusy
from transcribe_cli.run.loop import MANY, Loop, Task
from transcribe_cli.session.events import EndTurnRequested, Event, SettingsTyped, StopRequested
from transcribe_cli.session.session import Session
from transcribe_cli.settings.environment import Environment

TELL_EVERY_S = 1 / 3
INACTIVITY_TIMEOUT_S = 120
"""After so long without audio the service ends a session: its host may have vanished."""

_LOOK_AGAIN_S = 0.5
_END_WITHIN_S = 20.0


class WorkerLoop:
    """The loop of one worker, on a thread of its own; also a task of it, which tells the client.

    Args:
        settings: of the command.
        tell: sends a report to the client; called on any thread.
        quota: of new sessions; None: as the options say.
        seats: for files that run; None: each has one.

    Attributes:
        closed: the worker ends, or the command.
    """

    def __init__(
        self,
        settings: bytes,
        tell: Callable[[Report], None],
        quota: WorkerQuota | None = None,
        seats: Seats | None = None,
    ) -> None:
        self._settings = read_settings(settings)
        self.tell = tell
        self._quota = quota
        self._seats = seats
        self._notices = ForwardedNotices(verbose=self._settings.options.verbose)
        self._jobs: dict[str, tuple[Job, Future[bool], ProgressView]] = {}
        self._to_begin: dict[str, Future[bool]] = {}
        self._ended: dict[str, tuple[FileOutcome, Future[bool]]] = {}  # and not told yet
        self._stops: list[str] = []
        self._calls: set[int] = set()  # that have come
        self.closed = False
        self._is_spent = False
        self._problem: StreamError | None = None
        self._ready = threading.Event()
        self._loop: Loop | None = None
        self.due = 0.0
        self.has_work = False
        self._thread = threading.Thread(target=self._run, name="aai-cluster", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            environment = Environment.current()
            options = self._settings.options
            screen = Screen(options, environment)
            screen.notices = self._notices
            self._transcriber = transcriber = Transcriber(
                options,
                environment,
                several=True,
                at_once=True,
                pace=pace_of(options),
                part=part_of(options),
                screen=screen,
            )
            transcriber.runs.quota = self._quota
            with (
                transcriber.many_claimed(),
                Loop() as loop,
                self._open_service(environment) as service,
            ):
                self._service = service
                self._loop = loop
                if self._is_spent:  # it was told before there was a loop
                    transcriber.runs.budget.use_up()
                self._ready.set()
                first: list[Task] = [self]
                loop.run(first, self._more)
        except StreamError as e:
            self._problem = e
        except Exception as e:
            self._problem = explain_unexpected(e, "working for a cluster")
        finally:
            self._ready.set()
            for key, (job, begun, _) in self._jobs.items():  # which others may go on with
                job.__exit__()
                self._ended[key] = self._broken_off(), begun
            self._jobs.clear()
            self._tell()

    @contextlib.contextmanager
    def _open_service(self, environment: Environment) -> Any:
        """The service; a session of a host that vanishes does not stay open, and billed, there."""
        transcriber, options = self._transcriber, self._settings.options
        asked = transcriber.parameters
        query = {"inactivity_timeout": INACTIVITY_TIMEOUT_S} | asked.query
        with open_service(
            options, environment, asked._replace(query=query), transcriber.notices
        ) as service:
            # What is transcribed is the same, wherever: it is found by these.
            yield service._replace(parameters=asked)

    # On Dask's threads.

    def transcribe(self, task: FileTask) -> None:
        """Transcribe a file to its end, resume it, or find that it is complete; tell its end."""
        self._ready.wait()
        while not self._stops and self._problem is None and self._loop is not None:
            with self._seat_for(task) as has_seat:
                if has_seat:
                    begun: Future[bool] = Future()
                    self._loop.call(functools.partial(self._begin, task, begun))
                    while not wait([begun], _LOOK_AGAIN_S).done and self._thread.is_alive():
                        pass
                    if not self._thread.is_alive() and not begun.done():
                        break  # what the loop was given as it ended, it has not looked at
                    if begun.result():
                        return
            time.sleep(_LOOK_AGAIN_S)  # for a seat, or another worker or program has the file
        self._tell_ends({task.key: self._broken_off()}, {}, [])

    @contextlib.contextmanager
    def _seat_for(self, task: FileTask) -> Iterator[bool]:
        """While open, it has a seat, if there is one."""
        if self._seats is None or self._is_spent:  # it ends as it begins, and needs none
            yield True
            return
        taken = self._seats.take(task.key)
        try:
            yield taken
        finally:
            if taken:
                self._seats.leave(task.key)

    def _broken_off(self) -> FileOutcome:
        """What becomes of a file when the loop has ended, or is to."""
        if self._problem is None:
            return self._stopped()
        status = int(self._problem.exit_status)
        return FileOutcome(exit_status=status, problem=problem_of(self._problem))

    def take_call(self, call: Call) -> None:
        """Do what all workers are told; the same call a second time is none."""
        if call.number not in self._calls:
            self._calls.add(call.number)
            getattr(self, call.method)(*call.arguments)

    def stop(self, cause: str) -> None:
        """End all sessions properly; nothing begins any more. A second time: at once."""
        self._stops.append(cause)
        if self._loop is not None:
            self._loop.post(None, StopRequested(cause))

    def limit_cost(self) -> None:
        """All files together have cost what they may."""
        self._is_spent = True
        if self._loop is not None:
            self._loop.call(self._transcriber.runs.budget.use_up)

    def type_line(self, line: str) -> None:
        """A line of settings was typed for all files."""
        loop = self._loop
        if loop is not None:
            self._transcriber.runs.typed.append(line)
            loop.post(None, SettingsTyped(line))

    def end_turn(self) -> None:
        """The turns that are being said in all files are to end."""
        if self._loop is not None:
            self._loop.post(None, EndTurnRequested())

    def close(self) -> None:
        """End everything, within a time limit."""
        self.closed = True
        if not self._stops:
            self.stop("SIGTERM")
        if self._loop is not None:
            self._loop.wake()
        self._thread.join(_END_WITHIN_S)

    # On the loop's thread.

    def _begin(self, task: FileTask, begun: "Future[bool]") -> None:
        """Begin a file when those that run have had their turn.

        Args:
            begun: gets whether its end has been told; False: somebody else has it.
        """
        loop = self._loop
        assert loop is not None
        if loop.stopping:  # what is added now would run
            self._end(task.key, begun, self._stopped())
            return
        self._to_begin[task.key] = begun
        loop.add(self._runs_of(task, begun))

    def _runs_of(self, task: FileTask, begun: "Future[bool]") -> Iterator[Task]:
        """The run of a file, where there is something to be done."""
        loop = self._loop
        assert loop is not None
        del self._to_begin[task.key]
        try:
            with contextlib.ExitStack() as stack:
                spec = SourceSpec(task.name, "file", lambda: self._open(task), task.path)
                folder, previous = self._claim(spec, stack)
                if previous is not None and previous.state == "complete":
                    summary = previous.journal.summary or {}
                    done = FileOutcome(recording=previous.id, summary=summary)
                    self._end(task.key, begun, done)
                    return
                assert folder is not None  # recordings are what words come back by
                view = ProgressView(folder.name)
                begin, service = self._transcriber, self._service
                if previous is None:
                    job = begin.begin(loop, service, spec, folder, stack, view)
                else:
                    job = begin.resume(loop, service, spec, previous, (), stack, view)
        except (AlreadyRunning, SaveDirBusy):
            begun.set_result(False)
        except StreamError as e:
            failed = FileOutcome(exit_status=int(e.exit_status), problem=problem_of(e))
            self._end(task.key, begun, failed)
        except Exception as e:
            begun.set_exception(e)
        else:
            self._jobs[task.key] = job, begun, view
            yield job.run

    def _claim(self, spec: SourceSpec, stack: contextlib.ExitStack) -> Claim:
        """Claim the file. With `--again` only what this command has done of it counts."""
        claim = self._transcriber.claim(self._service, spec, stack, again=False)
        previous = claim.previous
        earlier = previous is not None and previous.journal.start["time"] < self._settings.since
        if self._settings.options.again and earlier:
            stack.close()
            return self._transcriber.claim(self._service, spec, stack, again=True)
        return claim

    def _open(self, task: FileTask) -> Source:
        options = self._settings.options
        part = part_of(options)
        source = open_file(Path(task.path), options.sample_rate, part.track, part.channel)
        source.name = task.name
        return source

    def _more(self) -> tuple[Task, ...]:
        """Called after each end; nothing begins by it."""
        assert self._loop is not None
        if self._loop.stopping:  # it has dropped what it had not come to
            for key, begun in self._to_begin.items():
                self._end(key, begun, self._stopped())
            self._to_begin.clear()
        for key, (job, begun, _) in list(self._jobs.items()):
            if job.run.over:
                del self._jobs[key]
                self._end(key, begun, _outcome_of(job))
        return ()

    def _end(self, key: str, begun: "Future[bool]", outcome: FileOutcome) -> None:
        """Tell what became of a file: at once, or beside many others with the next report.

        Many ends in one report, and tasks that end together, cost the scheduler little more than
        one.
        """
        self._ended[key] = outcome, begun
        assert self._loop is not None
        if len(self._jobs) + len(self._to_begin) <= MANY:
            self.due = self._loop.clock()

    def _tell(self) -> None:
        """Tell what is new, for all files at once; the tasks of those that have ended end then."""
        progress = {}
        for key, (_, _, view) in self._jobs.items():
            if view.newest is not None:
                progress[key], view.newest = view.newest, None
        ended, self._ended = self._ended, {}
        outcomes = {key: outcome for key, (outcome, _) in ended.items()}
        self._tell_ends(outcomes, progress, self._notices.take())
        for _, begun in ended.values():
            begun.set_result(True)

    def _tell_ends(
        self,
        outcomes: dict[str, FileOutcome],
        progress: dict[str, ProgressReport],
        notices: list[Notice],
    ) -> None:
        """Tell ends, beside what else there is.

        What a worker that ends has to break off, as one that stood still for too long, goes on with
        another.
        """
        ended = {
            key: outcome
            for key, outcome in outcomes.items()
            if not (outcome.interrupted and self.closed)
        }
        if progress or ended or notices:
            self.tell(Report(progress=progress, ended=ended, notices=notices))

    def _stopped(self) -> FileOutcome:
        status = of_run(ExitStatus.OK, self._stops or ["SIGTERM"], spoken_now=False)
        return FileOutcome(exit_status=int(status), interrupted=True)

    # A task of the loop.

    @property
    def over(self) -> bool:
        """The worker ends, and its files have."""
        return self.closed and not self._jobs

    def start(self, now: float) -> None:
        """Begin to tell."""
        self.due = now

    def take(self, event: Event, now: float) -> None:
        """Others do what is asked for."""

    def read(self, session: Session, now: float) -> None:
        """It has no session."""

    def advance(self, now: float) -> None:
        """Tell what is new, for all files at once."""
        self.due = now + TELL_EVERY_S
        if self._loop is not None and self._loop.stopping:
            self._more()
        self._tell()

    def bail_out(self) -> None:
        """There is nothing to end."""


def _outcome_of(job: Job) -> FileOutcome:
    folder = job.folder
    result = job.end()
    kept = folder is not None and folder.is_dir()
    return FileOutcome(
        recording=folder.name if kept and folder is not None else None,
        exit_status=int(result.exit_status),
        problem=problem_of(result.problem),
        summary=result.summary,
        interrupted=result.interrupted,
    )
