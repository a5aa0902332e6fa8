"""Many files: so many at once as were asked for; one that fails does not stop the others.

A second run of the same command skips what is complete and takes up what is not.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from transcribe_cli.commands.taking_up import part_of
from transcribe_cli.commands.transcribe import Asked, Job, Service, Transcriber
from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.loop import Loop
from transcribe_cli.recordings.folder import recording_slug
from transcribe_cli.recordings.library import Recording, find_by_slug
from transcribe_cli.recordings.lock import locked
from transcribe_cli.run import Run

_FILES_A_JOB = 8  # descriptors: source, log, journal, transcript, socket, outputs


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
        self._running: list[Job] = []
        self._stopped = False
        self._status = ExitStatus.OK
        self._done: list[str] = []
        self._told_again: list[str] = []
        self._failed: list[str] = []

    def run(self, *, again: bool) -> ExitStatus:
        """Transcribe them all; the exit status is that of the first that failed.

        Args:
            again: also those that an earlier run has completed.
        """
        _allow_open_files(self._jobs * _FILES_A_JOB)
        left = iter(self._asked)
        transcriber = self._transcriber
        view = transcriber.make_batch_view([asked.name for asked in self._asked], self._jobs)
        with Loop() as loop, transcriber.shown(view, loop):

            def more() -> Iterator[Run]:
                """After each end, and at the start: what may begin now."""
                self._end_finished()
                while len(self._running) < self._jobs and not self._stopped:
                    if transcriber.budget_is_used:
                        self._tell_left(left)
                        return
                    asked = next(left, None)
                    if asked is None:
                        return
                    job = self._begin(loop, asked, None if again else self._earlier(asked))
                    if job is not None:
                        self._running.append(job)
                        yield job.run

            try:
                loop.run(more(), more)
                self._end_finished()
            finally:
                for job in self._running:
                    job.__exit__()
        self._tell_sum()
        return self._status

    def _begin(self, loop: Loop, asked: Asked, earlier: Recording | None) -> Job | None:
        """Begin, take up, or tell again; None where nothing runs."""
        transcriber = self._transcriber
        try:
            if earlier is None:
                view = transcriber.view_of(asked)
                return transcriber.begin(loop, self._service, asked, view)
            if earlier.state == "complete":
                transcriber.tell_again(earlier, asked)
                transcriber.notices.note(f"{asked.name}: complete already, in {earlier.id}")
                self._told_again.append(asked.name)
                return None
            transcriber.notices.note(f"{asked.name}: going on with {earlier.id}")
            with contextlib.ExitStack() as stack:
                stack.enter_context(locked(earlier.folder))
                own = transcriber.own_outputs(asked)
                view = transcriber.view_of(asked)
                return transcriber.begin_again(
                    loop, self._service, asked, earlier, own, stack, view
                )
        except StreamError as e:
            transcriber.tell_error(e, asked.name)
            self._fail(asked, e.exit_status, e)
            return None

    def _end_finished(self) -> None:
        for job in [job for job in self._running if job.run.over]:
            self._running.remove(job)
            result = job.end()
            if result.exit_status:
                self._fail(job.what, result.exit_status, result.problem)
            else:
                self._done.append(job.what.name)
            if result.interrupted or self._transcriber.stdout_is_broken:
                self._stopped = True

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
        count = len(self._asked)
        if count == 1:
            return
        parts = [f"{len(self._done)} of {count} files transcribed"]
        if self._told_again:
            parts.append(f"{len(self._told_again)} complete already")
        if self._failed:
            parts.append(f"failed: {', '.join(self._failed)}")
        self._transcriber.notices.note("; ".join(parts))

    def _earlier(self, asked: Asked) -> Recording | None:
        """The last recording of the same file with the same settings, if there is one."""
        path = asked.path
        save_dir = self._transcriber.save_dir
        if path is None or save_dir is None:
            return None
        try:
            changed = Path(path).stat().st_mtime
        except OSError:
            return None
        for recording in reversed(find_by_slug(save_dir, recording_slug(asked.name))):
            if self._is_same(recording, path, changed):
                return recording
        return None

    def _is_same(self, recording: Recording, path: str, changed: float) -> bool:
        story = recording.story
        return (
            recording.state in ("complete", "incomplete", "interrupted")
            and story.start.get("path") == str(Path(path).resolve())
            and story.start.get("parameters") == self._transcriber.parameters.query
            and bool(story.start.get("local")) == self._service.local
            and part_of(story) == self._transcriber.part
            and story.began > changed
        )


def _allow_open_files(count: int) -> None:
    """Ask for as many open files as are needed, where the system lets a program ask."""
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
