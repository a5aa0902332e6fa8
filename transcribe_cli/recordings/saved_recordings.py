"""Finds and loads the saved recordings of a save-dir."""

import os
from dataclasses import dataclass
from pathlib import Path

from transcribe_cli.audio import wav
from transcribe_cli.errors import StreamError, UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.folder import AUDIO, JOURNAL, is_junction
from transcribe_cli.recordings.journal import JournalSummary, journal_records, summarize
from transcribe_cli.recordings.lock import is_locked
from transcribe_cli.system.regular_file import is_regular, regular_size

LATEST = "latest"
_MOST_NAMED = 3


@dataclass(frozen=True)
class Recording:
    """One saved recording: its folder and the summary of its journal."""

    folder: Path
    journal: JournalSummary
    running: bool = False

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def state(self) -> str:
        """`running`, or the journal's state."""
        return "running" if self.running else self.journal.state

    @property
    def audio_path(self) -> Path | None:
        """The path of the saved audio; None if there is none, as for a transcribed file."""
        path = self.folder / AUDIO
        return path if not self._of_file and os.path.lexists(path) else None

    @property
    def _of_file(self) -> bool:
        start = self.journal.start
        return start.get("kind") == "file" or (
            start.get("kind") == "address" and start.get("path") is not None
        )

    @property
    def audio_s(self) -> float:
        """Its length in seconds: that of the saved audio, else what the run reported."""
        size_bytes = None if self._of_file else regular_size(self.folder / AUDIO)
        if size_bytes is not None:
            size = max(0, size_bytes - wav.HEADER_BYTES)
            return self.journal.audio.seconds(size // self.journal.audio.frame_bytes)
        if self.journal.summary is not None:
            return float(self.journal.summary.get("audio_s", 0.0))
        return self.journal.finished_ms / 1000


def recording_folders(save_dir: Path) -> list[Path]:
    """The folders of all recordings, the oldest first; symbolic links are ignored."""
    return list(map(Path, sorted(_folders(save_dir))))


def load_recording(folder: Path) -> Recording:
    """Load one recording. If its journal cannot be read, its `problem` says why."""
    try:
        journal = summarize(journal_records(folder / JOURNAL))
    except OSError as e:
        journal = JournalSummary(problem=f"its journal cannot be read: {e.strerror or e}")
    return Recording(folder, journal, is_locked(folder))


def check_readable(recording: Recording) -> None:
    """Raise StreamError if the journal cannot be read."""
    if recording.journal.problem:
        import shlex

        audio = recording.audio_path
        raise StreamError(
            f"The recording {recording.id} cannot be read: {recording.journal.problem}.",
            f"aai-stream file {shlex.quote(str(audio))} transcribes its audio"
            if audio is not None and is_regular(audio)
            else f"look at the files in '{recording.folder}', or delete it: recordings rm",
            exit_status=ExitStatus.AUDIO,
        )


def find_recording(save_dir: Path, name: str) -> Recording:
    """Find a recording by its id, a unique beginning of its id, or `latest`.

    Raises:
        UsageError: none fits, or several do.
    """
    ids = [folder.name for folder in recording_folders(save_dir)]
    name = name.rstrip("/\\")  # a shell completes a folder's name with one of these
    if name == LATEST and ids:
        return load_recording(save_dir / ids[-1])
    matches = [found for found in ids if found == name] or [
        found for found in ids if found.startswith(name)
    ]
    if len(matches) == 1:
        return load_recording(save_dir / matches[0])
    if not ids:
        check_is_there(save_dir)
        raise UsageError(f"There are no recordings in '{save_dir}'.", "name another --save-dir")
    if matches:
        newest = ", ".join(matches[-_MOST_NAMED:])
        more = len(matches) - _MOST_NAMED
        some = f"one of {newest}" if more <= 0 else f"such as {newest}; {more} more begin so"
        raise UsageError(f"'{name}' fits several recordings.", some)
    raise UsageError(f"There is no recording '{name}'.", "see 'aai-stream recordings list'")


def check_is_there(save_dir: Path) -> None:
    """Raise UsageError if the folder does not exist or cannot be read."""
    try:
        os.scandir(save_dir).close()
    except OSError as e:
        raise UsageError(
            f"There are no recordings in '{save_dir}': {e.strerror or e}.",
            "name another --save-dir",
        ) from e


def _folders(save_dir: Path) -> list[str]:
    """The paths of the folders with a journal; symbolic links are not followed."""
    try:
        with os.scandir(save_dir) as entries:
            paths = [
                entry.path
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not is_junction(entry.path)
            ]
    except OSError:
        return []
    return [path for path in paths if os.path.lexists(f"{path}{os.sep}{JOURNAL}")]
