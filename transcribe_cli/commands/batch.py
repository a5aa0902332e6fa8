"""Many files: so many at once as were asked for; one that fails does not stop the others.

A second run of the same command skips what is complete and takes up what is not.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from transcribe_cli.commands.service import Service
from transcribe_cli.commands.taking_up import has_changed, part_of
from transcribe_cli.commands.transcribe import Asked, Job, Transcriber
from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.loop import Loop
from transcribe_cli.machine import allow_open_files
from transcribe_cli.plans import Result
from transcribe_cli.recordings.folder import recording_slug
from transcribe_cli.recordings.journal import turn_of
from transcribe_cli.recordings.library import Recording, find_by_slug
from transcribe_cli.recordings.lock import locked
from transcribe_cli.run import Run
from transcribe_cli.telling import View

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


class Batch:
    """The files of one command.

    Args:
        jobs: most recordings at a time.
    """

    def __init__(
        self, transcriber: Transcriber, service: Service, asked: Sequence[Asked], jobs: int
    ) -> None:
        self._transcriber = transcriber
        self._service = service
        self._asked = list(asked)
        self._jobs = jobs
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

    def run(self, *, again: bool) -> ExitStatus:
        """Transcribe them all; the exit status is that of the first that failed.

        Stopped by a person, it says that, whatever failed before.

        Args:
            again: also those that an earlier run has completed.
        """
        allow_open_files(self._jobs * _FILES_A_JOB)
        left = iter(self._asked)
        transcriber = self._transcriber
        with Loop() as loop, transcriber.screen.shown(self._view, loop):

            def more() -> Iterator[Run]:
                """After each end, and at the start: what may begin now."""
                self._end_finished()
                while len(self._running) < self._jobs and not self._stopped:
                    if transcriber.runs.budget_is_used:
                        self._tell_left(left)
                        return
                    asked = next(left, None)
                    if asked is None:
                        return
                    running = self._begin(loop, asked, None if again else self._earlier(asked))
                    if running is not None:
                        self._running.append(running)
                        yield running.job.run

            try:
                loop.run(more(), more)
                self._end_finished()
            finally:
                for running in self._running:
                    running.shown.close()
                    running.job.__exit__()
        self._status = transcriber.outputs.finish_stdout(self._status)
        self._tell_sum()
        return self._status

    def _begin(self, loop: Loop, asked: Asked, earlier: Recording | None) -> _Running | None:
        """Begin, take up, or tell again; None where nothing runs."""
        transcriber = self._transcriber
        place = None if self._view is None else self._view.begin(asked.name)
        try:
            if earlier is not None and earlier.state == "complete":
                transcriber.tell_again(earlier, asked)
                transcriber.notices.note(f"{asked.name}: complete already, in {earlier.id}")
                self._told_again.append(asked.name)
                self._leave(place, failed=False)
                return None
            live = transcriber.screen.make_view() if self._jobs == 1 else None
            job = self._open(loop, asked, earlier, place or live)
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

    def _open(self, loop: Loop, asked: Asked, earlier: Recording | None, view: View | None) -> Job:
        """Open everything for one file, and what is there of it already."""
        transcriber = self._transcriber
        if earlier is None:
            return transcriber.begin(loop, self._service, asked, view)
        transcriber.notices.note(f"{asked.name}: going on with {earlier.id}")
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(earlier.folder))
            own = transcriber.outputs.open_own(asked.name)
            job = transcriber.begin_again(loop, self._service, asked, earlier, own, stack, view)
        if view is not None:
            for record in earlier.story.finals:
                view.turn(turn_of(record))
        return job

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

    def _count(self, what: Asked, result: Result) -> None:
        status = result.exit_status
        unheard = self._transcriber.outputs.stdout_is_broken and not result.summary["complete"]
        if (result.interrupted and status) or unheard:
            self._status = status or self._status
            self._cut.append(what.name)
        elif status:
            self._fail(what, status, result.problem)
        else:
            self._done.append(what.name)

    def _fail(self, asked: Asked, status: ExitStatus, problem: StreamError | None) -> None:
        self._status = self._status or status
        self._failed.append(asked.name)
        if not isinstance(problem, AudioError | None):
            self._stopped = True  # a key or a network that fails here fails everywhere

    def _tell_left(self, left: Iterator[Asked]) -> None:
        names = ", ".join(asked.name for asked in left)
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
        for what, names in (("stopped", self._cut), ("failed", self._failed)):
            if names:
                ordered = [asked.name for asked in self._asked if asked.name in names]
                parts.append(f"{what}: {', '.join(ordered)}")
        told = (self._done, self._told_again, self._cut, self._failed)
        left = count - sum(map(len, told))
        if left:
            parts.append(f"{left} not begun")
        notices = self._transcriber.notices
        tell = notices.warning if self._failed else notices.note
        tell("; ".join(parts))

    def _earlier(self, asked: Asked) -> Recording | None:
        """The last recording of the same file with the same settings, if there is one."""
        save_dir = self._transcriber.save_dir
        if asked.path is None or save_dir is None:
            return None
        path = Path(asked.path).resolve()
        if not path.exists():
            return None
        for recording in reversed(find_by_slug(save_dir, recording_slug(asked.name))):
            if self._is_same(recording, path):
                return recording
        return None

    def _is_same(self, recording: Recording, path: Path) -> bool:
        story = recording.story
        return (
            recording.state in ("complete", "incomplete", "interrupted")
            and story.start.get("path") == str(path)
            and story.start.get("parameters") == self._transcriber.parameters.query
            and bool(story.start.get("local")) == self._service.local
            and part_of(story) == self._transcriber.part
            and not has_changed(path, story)
        )
