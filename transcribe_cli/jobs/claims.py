"""Claims: of all processes that are given the same file and save-dir, one at a time transcribes it.

Looking for an earlier recording and making a new one's folder are one step, in which no other
process does the same. The step is short: journals, which may be long, are read before or after it.
Whoever has a recording notes in its lock what is transcribed, so that nobody has to read its
journal to find out.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from transcribe_cli.audio.excerpt import Range
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.fingerprint import fingerprint_of
from transcribe_cli.recordings.folder import JOURNAL, create_folder, recording_id, recording_slug
from transcribe_cli.recordings.journal import JournalSummary
from transcribe_cli.recordings.lock import (
    LOCK_FILE,
    RecordingIsRunning,
    is_locked,
    locked,
    read_lock_note,
    save_dir_locked,
)
from transcribe_cli.recordings.saved_recordings import Recording, find_by_slug, load_recording

_Cache = dict[Path, tuple[dict[str, int] | None, Recording]]
"""Recordings by folder, each with the fingerprint of the journal that it was read from."""


class AlreadyRunning(StreamError):
    """The same file is being transcribed already, with the same settings."""

    exit_status = ExitStatus.INCOMPLETE

    def __init__(self, name: str, recording: str) -> None:
        super().__init__(
            f"'{name}' is being transcribed already: the recording {recording} is running.",
            "wait for its end, or stop it",
        )
        self.why = f"{recording} is running"
        self.recording = recording


class Claim(NamedTuple):
    """A recording's folder that is this run's alone.

    Attributes:
        folder: None where nothing is saved.
        previous: what an earlier run has done of it; one that is complete is not locked.
    """

    folder: Path | None
    previous: Recording | None = None


def work_of_file(path: str, parameters: dict[str, Any], part: Range, *, local: bool) -> str | None:
    """A digest of the file, its path, the settings and the part; None where there is no such file.

    Two runs with the same digest would make the same recording.
    """
    try:
        whole = Path(path).resolve()
        return _digest(str(whole), fingerprint_of(whole), parameters, part, local)
    except (OSError, ValueError):
        return None


def work_of_journal(journal: JournalSummary) -> str | None:
    """The same digest for a recording; None where its journal, perhaps somebody else's, is odd."""
    from transcribe_cli.jobs.resume import part_of

    start = journal.start
    try:
        part, local = part_of(journal), bool(start.get("local"))
        return _digest(start.get("path"), start.get("file"), start.get("parameters"), part, local)
    except (TypeError, ValueError, OverflowError):
        return None


def _digest(path: object, file: object, parameters: object, part: Range, local: bool) -> str:
    duration_s = part.duration_s
    stretch = (round(part.start_s * 1000), None if duration_s is None else round(duration_s * 1000))
    track = () if part.track is None else (part.track,)
    which = (path, file, parameters, stretch, local, *track)
    work = msgspec.json.encode(which, order="sorted")
    return sha256(work).hexdigest()


def claim(
    save_dir: Path, name: str, work: str | None, stack: contextlib.ExitStack, *, again: bool
) -> Claim:
    """Claim a new recording's folder, or that of an earlier run that is to be resumed.

    Args:
        name: of the file, for its folder; empty for a microphone.
        work: from `work_of_file`; None for a source that no other process can have, such as a
            microphone.
        stack: keeps the folder locked.
        again: earlier runs do not count.

    Raises:
        AlreadyRunning: another process has it.
        UsageError: nothing can be saved there, or others were quicker too long (`SaveDirBusy`).
    """
    if work is None:
        return _new_folder(save_dir, name, work, stack)
    with contextlib.suppress(OSError):  # told by `create_folder`
        save_dir.mkdir(parents=True, exist_ok=True)
    cache: _Cache = {}
    if not again:
        _find_previous(save_dir, name, work, cache)  # which takes time
    with save_dir_locked(save_dir):
        previous = None if again else _find_previous(save_dir, name, work, cache)
        if previous is not None and previous.state == "complete":
            return Claim(previous.folder, previous)
        if (running := _find_running(save_dir, work)) is not None:
            raise AlreadyRunning(name, running)
        if previous is None:
            return _new_folder(save_dir, name, work, stack)
        try:
            stack.enter_context(locked(previous.folder, work))
        except RecordingIsRunning as e:  # `recordings resume` has been quicker
            raise AlreadyRunning(name, e.recording) from e
    # It may have gone on in between, or ended.
    return Claim(previous.folder, replace(load_recording(previous.folder), running=False))


def _new_folder(save_dir: Path, name: str, work: str | None, stack: contextlib.ExitStack) -> Claim:
    folder = create_folder(save_dir, recording_id(datetime.now(), name))
    stack.callback(_remove_if_empty, folder)
    stack.enter_context(locked(folder, work or folder.name))
    return Claim(folder)


def _find_previous(save_dir: Path, name: str, work: str, cache: _Cache) -> Recording | None:
    """The last recording with the same digest that is not running."""
    for folder in reversed(find_by_slug(save_dir, recording_slug(name))):
        if is_locked(folder):
            continue
        recording = _load(folder, cache)
        ended = recording.journal.state in ("complete", "incomplete", "interrupted")
        if ended and work_of_journal(recording.journal) == work:
            return recording
    return None


def _load(folder: Path, cache: _Cache) -> Recording:
    """Load a recording, from the cache where its journal has not changed since."""
    try:
        fingerprint = fingerprint_of(folder / JOURNAL)
    except OSError:  # told by `load_recording`
        fingerprint = None
    known = cache.get(folder)
    if known is None or known[0] != fingerprint:
        known = cache[folder] = fingerprint, load_recording(folder)
    return known[1]


def _find_running(save_dir: Path, work: str) -> str | None:
    """The id of a running recording with the same digest."""
    for folder in _with_lock(save_dir):
        # Without a note it is being mended, or the disk is full.
        if is_locked(folder) and work == (
            read_lock_note(folder) or work_of_journal(load_recording(folder).journal)
        ):
            return folder.name
    return None


def _with_lock(save_dir: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (folder for folder in save_dir.iterdir() if (folder / LOCK_FILE).is_file())


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
