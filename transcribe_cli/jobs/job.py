"""One recording of a command while it runs, and what is said of it when it has ended."""

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.errors import IncompleteError, status_of
from transcribe_cli.exit_status import of_recording
from transcribe_cli.jobs.closing_lines import Saved, heard, how_to_go_on, tell_end
from transcribe_cli.recordings.folder import AUDIO, JOURNAL, TRANSCRIPT
from transcribe_cli.run.config import Result
from transcribe_cli.run.run import Run
from transcribe_cli.ui.notices import NamedNotices

if TYPE_CHECKING:
    from transcribe_cli.jobs.sources import SourceSpec
    from transcribe_cli.jobs.transcriber import Transcriber


class Job:
    """One recording that runs; a context manager that closes everything that is open for it."""

    def __init__(
        self,
        transcriber: "Transcriber",
        run: Run,
        folder: Path | None,
        log: AudioLog,
        spec: "SourceSpec",
        stack: contextlib.ExitStack,
    ) -> None:
        self.run = run
        self.spec = spec
        self._transcriber = transcriber
        self.folder = folder
        self._log = log
        self._stack = stack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def end(self) -> Result:
        """Close everything after the run, and say where it is saved."""
        transcriber, folder = self._transcriber, self.folder
        is_recorded = folder is not None and self._log.path == folder / AUDIO
        result = self.run.result
        assert result is not None
        recorded, not_recorded = None, None
        log = self._log
        audio_is_whole = log.path is None or not log.missing
        try:
            recorded = _leave_audio(self._log, transcriber.record)
        except IncompleteError as e:
            transcriber.notices.warning(f"{e.message.rstrip('.')}; {e.hint}")
            not_recorded = e
        transcriber.outputs.hurried |= result.interrupted
        self._stack.close()
        if not transcriber.at_once:  # the others must not wait for a reader of standard output
            transcriber.outputs.stdout.drain()
        # Of several recordings the command tells it, once.
        unwritten = None if transcriber.several else transcriber.outputs.stdout.problem
        status = of_recording(result.exit_status, status_of(unwritten), status_of(not_recorded))
        result = replace(result, exit_status=status, problem=result.problem or unwritten)
        if not is_recorded and not result.summary["sessions"]:
            discard(folder)  # the file is where it was, and nothing came of it
            folder = None
        local, notices = transcriber.local, transcriber.notices
        saved = None
        if folder is not None:
            names = {"journal": JOURNAL, "transcript": TRANSCRIPT}
            broken = transcriber.outputs.given_up
            whole = {what: str(folder / name) not in broken for what, name in names.items()}
            saved = Saved(folder, {"audio": audio_is_whole} | whole if is_recorded else whole)
        transcriber.outputs.last_line = how_to_go_on(result.summary, saved)
        if transcriber.several:
            if result.summary["sessions"]:
                notices.note(f"{self.spec.name}: {heard(result.summary)}")
            notices = NamedNotices(notices, self.spec.name, quiet=True)
        tell_end(notices, result, saved, recorded=recorded, local=local)
        return result


def discard(folder: Path | None) -> None:
    """Remove a folder in which nothing was recorded."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _leave_audio(log: AudioLog, record: str | None) -> Path | None:
    """Write the audio to `--record`, as a copy or FLAC of the log; returns its path.

    Raises:
        IncompleteError: it cannot be written.
    """
    if not record:
        return None
    target = Path(record)
    if log.path == target:
        return target
    from transcribe_cli.audio.export import export_audio

    export_audio(log, target)
    return target
