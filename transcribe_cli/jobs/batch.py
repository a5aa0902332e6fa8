"""Transcribes the many files of one command, so many at once as were asked for.

A file that fails does not stop the others. A second run of the same command skips the files that
are complete (`done_or_claimed.py` knows which) and resumes those that are not. A file that another
process is transcribing is put off to the end, so that two processes share the files.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from transcribe_cli.errors import AudioError, StreamError, status_of
from transcribe_cli.exit_status import ExitStatus, FileEnd, of_command
from transcribe_cli.jobs.closing_lines import tell_total
from transcribe_cli.jobs.done_or_claimed import AlreadyRunning
from transcribe_cli.jobs.job import Job
from transcribe_cli.jobs.sources import SourceSpec
from transcribe_cli.jobs.transcriber import Transcriber
from transcribe_cli.recordings.journal import turn_of
from transcribe_cli.recordings.lock import SaveDirBusy
from transcribe_cli.recordings.saved_recordings import Recording
from transcribe_cli.run.config import Result, Service
from transcribe_cli.run.limits import COST_REACHED
from transcribe_cli.run.loop import Loop, Task
from transcribe_cli.run.reporter import View
from transcribe_cli.system.machine_resources import allow_open_files

if TYPE_CHECKING:
    from transcribe_cli.ui.batch_view import BatchView, FileView

_FILES_A_JOB = 10  # descriptors: source, log, journal, transcript, lock, socket, outputs


class RunningFile(Protocol):
    """A file that was begun: a `Job` here, or one that a cluster's worker has.

    Attributes:
        run: what the loop drives.
    """

    @property
    def run(self) -> Task: ...
    @property
    def spec(self) -> SourceSpec: ...
    def end(self) -> Result: ...
    def __exit__(self, *_: object) -> None: ...


class Elsewhere(Protocol):
    """Another place than this process, where files are transcribed.

    Attributes:
        at_once: how many files it takes at once, just now.
    """

    @property
    def at_once(self) -> int: ...
    def begin(self, loop: Loop, spec: SourceSpec, view: "View | None") -> RunningFile:
        """Begin a file that an earlier run has not completed."""


class _Running(NamedTuple):
    """A file that runs.

    Attributes:
        view: its rows in the view of many files, where there is one.
        shown: a live view of its own is shown until this is closed.
    """

    job: RunningFile
    view: "FileView | None"
    shown: contextlib.ExitStack


class _Outcome(StrEnum):
    """What became of a file, as the last line says it."""

    DONE = "transcribed"
    REPLAYED = "complete already"
    STOPPED = "stopped"  # by a person, before its end
    ELSEWHERE = "running elsewhere"  # and not complete yet
    INCOMPLETE = "incomplete"  # a limit stopped it before its end, or words are missing
    LEFT = "not begun"  # since a limit is reached
    FAILED = "failed"


class _End(NamedTuple):
    """A file that is over."""

    name: str
    outcome: _Outcome
    status: ExitStatus = ExitStatus.OK


class _Queue:
    """The files that have not begun. One that is put off comes once more, after all others."""

    def __init__(self, files: Sequence[SourceSpec]) -> None:
        self._left = deque(files)
        self._put_off: deque[SourceSpec] | None = deque()  # None: this is the last look at them

    def next(self, *, last_look: bool) -> SourceSpec | None:
        """The next file; None: none now.

        Args:
            last_look: nothing of this batch runs any more, so files that were put off come now.
        """
        if not self._left and last_look and self._put_off is not None:
            self._left, self._put_off = self._put_off, None
        return self._left.popleft() if self._left else None

    @property
    def goes_on(self) -> bool:
        """Whether there are files left that were not put off."""
        return bool(self._left)

    def put_off(self, file: SourceSpec) -> bool:
        """Let a file come once more; returns False where it already has."""
        if self._put_off is None:
            return False
        self._put_off.append(file)
        return True

    def empty(self) -> list[SourceSpec]:
        """Remove and return all files that are left."""
        left = [*self._left, *(self._put_off or ())]
        self._left, self._put_off = deque(), None
        return left


class Batch:
    """Runs the files of one command.

    Args:
        jobs: how many recordings may run at a time; not used where another place knows.
        elsewhere: where they run; None: in this process.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        service: Service,
        specs: Sequence[SourceSpec],
        jobs: int = 1,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._transcriber = transcriber
        self._service = service
        self._specs = list(specs)
        self._jobs = jobs
        self._shows_many = jobs > 1 or elsewhere is not None
        self._queue = _Queue(self._specs)
        self._view: BatchView | None = None  # of all that run at once
        if self._shows_many:
            self._view = transcriber.screen.make_batch_view(len(self._specs))
        self._running: list[_Running] = []
        self._stopped = False  # no further file begins
        self._ends: list[_End] = []  # in the order of time
        self._summaries: list[Mapping[str, Any]] = []  # of the files that have run

    def run(self, *, again: bool) -> ExitStatus:
        """Transcribe them all; `exit_status.of_command` says how that ended.

        Args:
            again: also those that an earlier run has completed.
        """
        allow_open_files(self._at_once * _FILES_A_JOB)
        transcriber = self._transcriber
        claims_many = self._elsewhere is None and len(self._specs) > 1
        with (
            transcriber.many_claimed() if claims_many else contextlib.nullcontext(),
            Loop() as loop,
            transcriber.watched_file(loop),
            transcriber.screen.shown(
                self._view, loop, lambda line: transcriber.changes.take_line(loop, line)
            ),
        ):

            def more() -> Iterator[Task | None]:
                """Begin files while there is room; yields each one's task, None if it needs none.

                Called at the start, and each time a file has ended.
                """
                self._end_finished()
                while len(self._running) < self._at_once and not (self._stopped or loop.stopping):
                    if transcriber.runs.budget.is_used:
                        self._tell_left()
                        return
                    spec = self._queue.next(last_look=not self._running)
                    if spec is None:
                        return
                    running = self._begin(loop, spec, again=again)
                    if running is None:
                        yield None
                    else:
                        self._running.append(running)
                        yield running.job.run

            try:
                loop.run(more(), more)
            finally:
                for running in self._running:
                    running.shown.close()
                    running.job.__exit__()
        transcriber.outputs.stdout.drain()
        unwritten = transcriber.outputs.stdout.problem
        ends = [FileEnd(end.status, end.outcome is _Outcome.STOPPED) for end in self._ends]
        if unwritten is not None and not of_command(ends):
            transcriber.notices.error(unwritten)
        return of_command(ends, status_of(unwritten))

    @property
    def _at_once(self) -> int:
        return self._jobs if self._elsewhere is None else self._elsewhere.at_once

    def _begin(self, loop: Loop, spec: SourceSpec, *, again: bool) -> _Running | None:
        """Begin, resume, replay or put off a file; returns None where nothing runs now."""
        transcriber = self._transcriber
        file_view = None if self._view is None else self._view.begin(spec.name)
        try:
            with contextlib.ExitStack() as stack:
                if self._elsewhere is None:
                    folder, previous = transcriber.claim(self._service, spec, stack, again=again)
                else:  # who transcribes it claims it
                    folder = None
                    previous = transcriber.look_before_claiming(self._service, spec, again=again)
                if previous is not None and previous.state == "complete":
                    transcriber.replay(previous, spec)
                    transcriber.notices.note(f"{spec.name}: complete already, in {previous.id}")
                    self._leave(spec, file_view, _Outcome.REPLAYED)
                    return None
                live = None if self._shows_many else transcriber.screen.make_view()
                view = file_view or live
                job: RunningFile
                if self._elsewhere is not None:
                    job = self._elsewhere.begin(loop, spec, view)
                elif previous is None:
                    job = transcriber.begin(loop, self._service, spec, folder, stack, view)
                else:
                    job = self._resume(loop, spec, previous, stack, view)
        except (AlreadyRunning, SaveDirBusy) as e:
            self._put_off(spec, e, file_view)
            return None
        except StreamError as e:
            transcriber.outputs.tell_error(e, spec.name)
            self._leave(spec, file_view, _Outcome.FAILED, e)
            return None
        with contextlib.ExitStack() as shown:
            if live is not None:
                shown.enter_context(transcriber.screen.shown(live, loop))
                live.head(spec.name)
            return _Running(job, file_view, shown.pop_all())

    def _resume(
        self,
        loop: Loop,
        spec: SourceSpec,
        previous: Recording,
        stack: contextlib.ExitStack,
        view: View | None,
    ) -> Job:
        """Resume a file whose transcript is incomplete."""
        transcriber = self._transcriber
        transcriber.notices.note(f"{spec.name}: going on with {previous.id}")
        own = transcriber.outputs.open_own(spec.name)
        job = transcriber.resume(loop, self._service, spec, previous, own, stack, view)
        if view is not None:
            for record in previous.journal.finals:
                view.turn(turn_of(record))
        return job

    def _put_off(
        self, spec: SourceSpec, e: AlreadyRunning | SaveDirBusy, file_view: "FileView | None"
    ) -> None:
        """Put off a file that runs elsewhere, also in this batch; the second time, give it up."""
        if self._queue.put_off(spec):
            if self._view is not None and file_view is not None:
                self._view.drop(file_view)
            if self._running or self._queue.goes_on:  # else it is looked at again at once
                self._transcriber.notices.note(f"{spec.name}: put off, since {e.why}")
            return
        self._transcriber.outputs.tell_error(e, spec.name)
        self._leave(spec, file_view, _Outcome.ELSEWHERE, e)

    def _leave(
        self,
        spec: SourceSpec,
        file_view: "FileView | None",
        outcome: _Outcome,
        problem: StreamError | None = None,
    ) -> None:
        """Count a file that does not run; it has no rows in the view."""
        if self._view is not None and file_view is not None:
            self._view.drop(file_view)
            self._view.count(failed=problem is not None)
        self._count(spec, outcome, status_of(problem), problem)

    def _end_finished(self) -> None:
        for running in [running for running in self._running if running.job.run.over]:
            self._running.remove(running)
            running.shown.close()
            self._show_end(running)
            result = running.job.end()
            self._summaries.append(result.summary)
            self._count(
                *(running.job.spec, self._outcome_of(result), result.exit_status, result.problem)
            )
            if self._view is not None:
                self._view.count(failed=bool(result.exit_status))
            if result.interrupted or self._transcriber.outputs.stdout.is_broken:
                self._stopped = True

    def _show_end(self, running: _Running) -> None:
        """Print its transcript where a view has collected it."""
        if self._view is not None and running.view is not None:
            self._view.end(running.view)

    def _outcome_of(self, result: Result) -> _Outcome:
        unheard = self._transcriber.outputs.stdout.is_broken and not result.summary["complete"]
        if (result.interrupted and result.exit_status) or unheard:
            return _Outcome.STOPPED
        if result.exit_status is ExitStatus.INCOMPLETE:
            return _Outcome.INCOMPLETE
        return _Outcome.FAILED if result.exit_status else _Outcome.DONE

    def _count(
        self,
        spec: SourceSpec,
        outcome: _Outcome,
        status: ExitStatus,
        problem: StreamError | None,
    ) -> None:
        self._ends.append(_End(spec.name, outcome, status))
        if outcome is _Outcome.FAILED and not isinstance(problem, AudioError | None):
            self._stopped = True  # a key or a network that fails here fails everywhere

    def _tell_left(self) -> None:
        left = [spec.name for spec in self._queue.empty()]
        self._ends += [_End(name, _Outcome.LEFT, ExitStatus.INCOMPLETE) for name in left]
        if left:
            self._transcriber.notices.note(f"{COST_REACHED}; not transcribed: {', '.join(left)}")

    def tell_sum(self) -> None:
        """Tell, when the outputs are closed, what the files come to and how each ended."""
        count = len(self._specs)
        if count == 1:
            return
        transcriber = self._transcriber
        save_dir, local = transcriber.save_dir, transcriber.local
        tell_total(transcriber.notices, self._summaries, save_dir, local=local)
        names = {
            outcome: [end.name for end in self._ends if end.outcome is outcome]
            for outcome in _Outcome
        }
        parts = [f"{len(names[_Outcome.DONE])} of {count} files {_Outcome.DONE}"]
        if names[_Outcome.REPLAYED]:
            parts.append(f"{len(names[_Outcome.REPLAYED])} {_Outcome.REPLAYED}")
        told = (_Outcome.STOPPED, _Outcome.INCOMPLETE, _Outcome.LEFT, _Outcome.ELSEWHERE)
        for outcome in (*told, _Outcome.FAILED):
            if names[outcome]:
                ordered = [spec.name for spec in self._specs if spec.name in names[outcome]]
                parts.append(f"{outcome}: {', '.join(ordered)}")
        left = count - len(self._ends)
        if left:
            parts.append(f"{left} not begun")
        notices = transcriber.notices
        tell = notices.warning if names[_Outcome.FAILED] else notices.note
        tell("; ".join(parts))
