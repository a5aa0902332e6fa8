"""What a worker writes into a recording's journal, told to this command's outputs and its view."""

import contextlib
from datetime import UTC, datetime

from transcribe_cli.errors import IncompleteError, StreamError
from transcribe_cli.jobs.transcriber import Transcriber
from transcribe_cli.outputs.jsonl_records import error_record, read_record
from transcribe_cli.outputs.output import Output
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.followed_journal import FollowedJournal
from transcribe_cli.recordings.journal import JournalRecord
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import View, show_other_message
from transcribe_cli.ui.shown_records import show_beside_turns


class _BesideTurns:
    """A view as far as records beside turns are shown in it: no flood of them.

    Attributes:
        turns: so many final turns there are.
    """

    def __init__(self, view: View) -> None:
        self.revise, self.mark = view.revise, view.mark
        self.turns = 0
        self._view = view
        self._shown = 0

    def other_message(self, text: str) -> None:
        """Show a line."""
        self._shown += 1
        show_other_message(self._view, text, self._shown, self.turns)


class JournalReporter:
    """Tells the journal of one file.

    Args:
        name: of the file.

    Attributes:
        problem: why not all of it has been told.
    """

    def __init__(self, transcriber: Transcriber, loop: Loop, name: str, view: View | None) -> None:
        self.problem: IncompleteError | None = None
        self._transcriber = transcriber
        self._name = name
        self._view = view
        self._beside = None if view is None else _BesideTurns(view)
        self._followed: FollowedJournal | None = None
        self._stack = contextlib.ExitStack()
        self._has_told = False
        self._own: list[Output] = []  # opened with the first record: there may be none
        # Now, since shared outputs have files in the order in which they begin.
        self._outputs = transcriber.outputs.of_recording(loop, self._own, self._stack)

    def tell(self, recording: str | None, *, ended: bool = False) -> None:
        """Write what is new of the recording to all outputs, and show it.

        Args:
            recording: its folder's name in the save-dir; None: nothing is known but what was told
                before.
            ended: nobody writes it any more.
        """
        if recording is not None:
            save_dir = self._transcriber.save_dir
            assert save_dir is not None
            path = save_dir / recording / JOURNAL
            if self._followed is None or self._followed.path != path:
                self._followed = FollowedJournal(path)
        if self._followed is None:
            return
        problem: OSError | None = None
        for _ in range(2 if ended else 1):  # what cannot be read may pass, as on NFS
            try:
                for line in self._followed.new_records(ended=ended):
                    self._write(line)
            except OSError as e:
                problem = e
            else:
                return
        comes_yet = isinstance(problem, FileNotFoundError) and recording is None
        if ended and problem is not None and not comes_yet:
            self._cannot_tell(problem)

    def _write(self, line: JournalRecord) -> None:
        """Write a record; one that cannot be written stays untold."""
        try:
            record = read_record(line)
            if not self._has_told:
                self._own += self._transcriber.outputs.open_own(self._name)
                self._outputs.put_first(self._own)
                self._has_told = True
            record.body["source"] = self._name
            self._outputs.write(record)
        except (StreamError, OSError) as e:
            self._cannot_tell(e)
            return
        if self._view is None or self._beside is None:
            return
        if record.update is None:
            show_beside_turns(self._beside, line, line.get("session"))
        else:
            self._view.turn(record.update)
            self._beside.turns += record.update.final

    def _cannot_tell(self, e: StreamError | OSError) -> None:
        self.problem = self.problem or IncompleteError(
            f"What '{self._name}' says cannot be told: {e}.",
            "see that workers and this command share '--save-dir', and run it again",
        )

    def tell_error(self, error: StreamError) -> None:
        """Write why there is no recording."""
        record = error_record(error, datetime.now(UTC))
        record.body["source"] = self._name
        self._outputs.write(record)

    def flush(self) -> None:
        """Drop the outputs that have failed."""
        self._outputs.flush()

    def close(self) -> None:
        """Close the file's own outputs. May be called twice."""
        self._stack.close()
