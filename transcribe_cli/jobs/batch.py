"""Many files: so many at once as were asked for; one that fails does not stop the others.

A second run of the same command skips what is complete and takes up what is not. What another
process transcribes just now is put off to the end, so that two of them share the files.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.claims import AlreadyRunning
from transcribe_cli.jobs.service import Service
from transcribe_cli.jobs.transcriber import Job, SourceSpec, Transcriber
from transcribe_cli.recordings.journal import turn_of
from transcribe_cli.recordings.lock import SaveDirBusy
from transcribe_cli.recordings.saved_recordings import Recording
from transcribe_cli.run.config import Result
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import View
from transcribe_cli.run.run import Run
from transcribe_cli.system.machine_resources import allow_open_files

if TYPE_CHECKING:
    from transcribe_cli.ui.batch_view import BatchView, FileView

_FILES_A_JOB = 10  # descriptors: source, log, journal, transcript, lock, socket, outputs


class _Running(NamedTuple):
    """A file that runs.

    Attributes:
        view: its place in the view of many files, where there is one.
        shown: a live view of its own is shown until this is closed.
    """

    job: Job
    view: "FileView | None"
    shown: contextlib.ExitStack


class _Queue:
    """Files that have not begun; those that were put off come once more, after all others."""

    def __init__(self, files: Sequence[SourceSpec]) -> None:
        self._left = deque(files)
        self._put_off: deque[SourceSpec] | None = deque()  # None: this is the last look at them

    def next(self, *, last_look: bool) -> SourceSpec | None:
        """The next file; `last_look`: nothing runs any more for which one may have been put off."""
        if not self._left and last_look and self._put_off is not None:
            self._left, self._put_off = self._put_off, None
        return self._left.popleft() if self._left else None

    @property
    def goes_on(self) -> bool:
        """Whether there are more, but for those that were put off."""
        return bool(self._left)

    def put_off(self, file: SourceSpec) -> bool:
        """Have a file come once more; False where it has."""
        if self._put_off is None:
            return False
        self._put_off.append(file)
        return True

    def empty(self) -> list[SourceSpec]:
        """Take out all that are left."""
        left = [*self._left, *(self._put_off or ())]
        self._left, self._put_off = deque(), None
        return left


class Batch:
    """The files of one command.

    Args:
        jobs: most recordings at a time.
    """

    def __init__(
        self, transcriber: Transcriber, service: Service, asked: Sequence[SourceSpec], jobs: int
    ) -> None:
        self._transcriber = transcriber
        self._service = service
        self._asked = list(asked)
        self._jobs = jobs
        self._queue = _Queue(self._asked)
        self._view: BatchView | None = None  # of all that run at once
        if jobs > 1:
            self._view = transcriber.screen.make_batch_view(len(self._asked))
        self._running: list[_Running] = []
        self._stopped = False
        self._status = ExitStatus.OK
        self._done: list[str] = []
        self._told_again: list[str] = []
        self._failed: list[str] = []
        self._cut: list[str] = []  # stopped by a person before their end
        self._elsewhere: list[str] = []  # transcribed by another process, and not complete yet

    def run(self, *, again: bool) -> ExitStatus:
        """Transcribe them all; the exit status is that of the first that failed.

        Stopped by a person, it says that, whatever failed before.

        Args:
            again: also those that an earlier run has completed.
        """
        allow_open_files(self._jobs * _FILES_A_JOB)
        transcriber = self._transcriber
        with Loop() as loop, transcriber.screen.shown(self._view, loop):

            def more() -> Iterator[Run]:
                """After each end, and at the start: what may begin now."""
                self._end_finished()
                while len(self._running) < self._jobs and not (self._stopped or loop.stopping):
                    if transcriber.runs.budget_is_used:
                        self._tell_left()
                        return
                    asked = self._queue.next(last_look=not self._running)
                    if asked is None:
                        return
                    running = self._begin(loop, asked, again=again)
                    if running is not None:
                        self._running.append(running)
                        yield running.job.run

            try:
                loop.run(more(), more)
            finally:
                for running in self._running:
                    running.shown.close()
                    running.job.__exit__()
        self._status = transcriber.outputs.finish_stdout(self._status)
        self._tell_sum()
        return self._status

    def _begin(self, loop: Loop, asked: SourceSpec, *, again: bool) -> _Running | None:
        """Begin, take up, tell again, or put off; None where nothing runs."""
        transcriber = self._transcriber
        place = None if self._view is None else self._view.begin(asked.name)
        try:
            with contextlib.ExitStack() as held:
                folder, earlier = transcriber.claim(self._service, asked, held, again=again)
                if earlier is not None and earlier.state == "complete":
                    transcriber.tell_again(earlier, asked)
                    transcriber.notices.note(f"{asked.name}: complete already, in {earlier.id}")
                    self._told_again.append(asked.name)
                    self._leave(place, failed=False)
                    return None
                live = transcriber.screen.make_view() if self._jobs == 1 else None
                view = place or live
                if earlier is None:
                    job = transcriber.begin(loop, self._service, asked, folder, held, view)
                else:
                    job = self._go_on(loop, asked, earlier, held, view)
        except (AlreadyRunning, SaveDirBusy) as e:
            self._leave_to_others(asked, e, place)
            return None
        except StreamError as e:
            transcriber.outputs.tell_error(e, asked.name)
            self._fail(asked, e.exit_status, e)
            self._leave(place, failed=True)
            return None
        with contextlib.ExitStack() as shown:
            if live is not None:
                shown.enter_context(transcriber.screen.shown(live, loop))
                live.mark(0, asked.name)
            return _Running(job, place, shown.pop_all())

    def _go_on(
        self,
        loop: Loop,
        asked: SourceSpec,
        earlier: Recording,
        held: contextlib.ExitStack,
        view: View | None,
    ) -> Job:
        """Open everything for a file of which a part is there already."""
        transcriber = self._transcriber
        transcriber.notices.note(f"{asked.name}: going on with {earlier.id}")
        own = transcriber.outputs.open_own(asked.name)
        job = transcriber.begin_again(loop, self._service, asked, earlier, own, held, view)
        if view is not None:
            for record in earlier.journal.finals:
                view.turn(turn_of(record))
        return job

    def _leave_to_others(
        self, asked: SourceSpec, e: AlreadyRunning | SaveDirBusy, place: "FileView | None"
    ) -> None:
        """Put a file off that runs elsewhere, perhaps in this very batch; in the end, give up."""
        if self._view is not None and place is not None:
            self._view.drop(place)
        if self._queue.put_off(asked):
            if self._running or self._queue.goes_on:  # else it is looked at again at once
                self._transcriber.notices.note(f"{asked.name}: put off, since {e.why}")
            return
        self._transcriber.outputs.tell_error(e, asked.name)
        self._status = self._status or e.exit_status
        self._elsewhere.append(asked.name)
        self._leave(place, failed=True)

    def _leave(self, place: "FileView | None", *, failed: bool) -> None:
        """A file that does not run has no place in the view."""
        if self._view is not None and place is not None:
            self._view.drop(place)
            self._view.count(failed=failed)

    def _end_finished(self) -> None:
        for running in [running for running in self._running if running.job.run.over]:
            self._running.remove(running)
            running.shown.close()
            self._show_end(running)
            job = running.job
            result = job.end()
            self._count(job.what, result)
            if self._view is not None:
                self._view.count(failed=bool(result.exit_status))
            if result.interrupted or self._transcriber.outputs.stdout_is_broken:
                self._stopped = True

    def _show_end(self, running: _Running) -> None:
        """Its transcript where a view collects it; else its name above what is said of its end."""
        notices, name = self._transcriber.notices, running.job.what.name
        if self._view is not None and running.view is not None:
            self._view.end(running.view)
            if notices.console.is_terminal:
                return
        if len(self._asked) > 1:
            notices.note(f"{name}:")

    def _count(self, what: SourceSpec, result: Result) -> None:
        status = result.exit_status
        unheard = self._transcriber.outputs.stdout_is_broken and not result.summary["complete"]
        if (result.interrupted and status) or unheard:
            self._status = status or self._status
            self._cut.append(what.name)
        elif status:
            self._fail(what, status, result.problem)
        else:
            self._done.append(what.name)

    def _fail(self, asked: SourceSpec, status: ExitStatus, problem: StreamError | None) -> None:
        self._status = self._status or status
        self._failed.append(asked.name)
        if not isinstance(problem, AudioError | None):
            self._stopped = True  # a key or a network that fails here fails everywhere

    def _tell_left(self) -> None:
        names = ", ".join(asked.name for asked in self._queue.empty())
        if names:
            self._transcriber.notices.note(
                f"the greatest cost is reached; not transcribed: {names}"
            )

    def _tell_sum(self) -> None:
        """The last line: what became of them all."""
        count = len(self._asked)
        if count == 1:
            return
        parts = [f"{len(self._done)} of {count} files transcribed"]
        if self._told_again:
            parts.append(f"{len(self._told_again)} complete already")
        others = (
            ("stopped", self._cut),
            ("running elsewhere", self._elsewhere),
            ("failed", self._failed),
        )
        for what, names in others:
            if names:
                ordered = [asked.name for asked in self._asked if asked.name in names]
                parts.append(f"{what}: {', '.join(ordered)}")
        told = (self._done, self._told_again, self._cut, self._elsewhere, self._failed)
        left = count - sum(map(len, told))
        if left:
            parts.append(f"{left} not begun")
        notices = self._transcriber.notices
        tell = notices.warning if self._failed else notices.note
        tell("; ".join(parts))
