"""Whether a file is transcribed already, or claimed by another process that transcribes it now.

Of all processes that are given the same file and save-dir, one at a time transcribes it.

Looking for an earlier recording and making a new one's folder are one step, in which no other
process does the same. The step is short: journals, which may be long, are read before or after it.
Whoever has a recording notes in its lock what is transcribed, so that nobody has to read its
journal to find out.
"""

import contextlib
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from transcribe_cli.audio.excerpt import Range
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.fingerprint import fingerprint_of, stamp_of
from transcribe_cli.recordings.folder import JOURNAL, create_folder, recording_id, recording_slug
from transcribe_cli.recordings.journal import JournalSummary
from transcribe_cli.recordings.lock import (
    RecordingIsRunning,
    is_locked,
    locked,
    read_lock_note,
    save_dir_locked,
)
from transcribe_cli.recordings.recording_index import RecordingIndex
from transcribe_cli.system.signals import stop_signals_wait

if TYPE_CHECKING:
    from transcribe_cli.recordings.saved_recordings import Recording

_Cache = dict[Path, "tuple[dict[str, Any] | None, Recording]"]
"""Recordings by folder, each with the stamp of the journal that it was read from."""


class Work(NamedTuple):
    """What is to be done: a file, the settings and the part. The same work is done once.

    Attributes:
        digest: by the file's name and fingerprint, wherever it lies; by an address and its version.
        by_path: by its path, size and time, as recordings without a fingerprint are known.
    """

    digest: str
    by_path: str


class AlreadyRunning(StreamError):
    """The same file is being transcribed already, with the same settings."""

    exit_status = ExitStatus.INCOMPLETE

    def __init__(self, name: str, recording: str) -> None:
        super().__init__(
            f"'{name}' is being transcribed already, in {recording}.",
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
    previous: "Recording | None" = None


def work_of_file(
    path: str, parameters: dict[str, Any], part: Range, *, engine: str = ""
) -> Work | None:
    """What there is to do of a file; None where there is no such file.

    `engine`: NAME or NAME:MODEL of the local service's, since each makes a transcript of its own.
    """
    try:
        whole = Path(path).resolve()
        file = fingerprint_of(whole)
        stamp = {name: value for name, value in file.items() if name != "content"}
        return Work(
            _digest(whole.name, file, parameters, part, engine),
            _digest(str(whole), stamp, parameters, part, engine),
        )
    except (OSError, ValueError):
        return None


def work_of_address(
    address: str,
    version: dict[str, Any],
    parameters: dict[str, Any],
    part: Range,
    *,
    engine: str = "",
) -> Work:
    """What there is to do of an address; `version`: what its server calls what is there."""
    digest = _digest(address, version, parameters, part, engine)
    return Work(digest, digest)


def work_of_journal(journal: JournalSummary) -> str | None:
    """Which of the two digests a recording is of; None where its journal is odd."""
    from transcribe_cli.jobs.resume import transcribed_part
    from transcribe_cli.settings.journal_settings import engine_of

    start = journal.start
    try:
        part, engine = transcribed_part(journal), engine_of(start)
        name, file = start.get("path"), start.get("file")
        if isinstance(file, dict) and "content" in file:
            name = Path(str(name)).name
        return _digest(name, file, start.get("parameters"), part, engine)
    except (TypeError, ValueError, OverflowError):
        return None


def _digest(name: object, file: object, parameters: object, part: Range, engine: str) -> str:
    duration_s = part.duration_s
    stretch = (round(part.start_s * 1000), None if duration_s is None else round(duration_s * 1000))
    which_of: list[object] = [] if part.track is None else [part.track]
    if part.channel is not None:
        which_of.append(f"channel {part.channel}")
    # A name that is not UTF-8 stands in a journal with question marks.
    name = name.encode("utf-8", "replace").decode() if isinstance(name, str) else name
    which = (name, file, parameters, stretch, engine or False, *which_of)
    work = msgspec.json.encode(which, order="sorted")
    return sha256(work).hexdigest()


def claim(
    save_dir: Path,
    name: str,
    work: Work | None,
    stack: contextlib.ExitStack,
    *,
    again: bool,
    index: RecordingIndex | None = None,
) -> Claim:
    """Claim a new recording's folder, or that of an earlier run that is to be resumed.

    Args:
        name: of the file, for its folder; empty for a microphone.
        work: from `work_of_file`; None for a source that no other process can have, such as a
            microphone.
        stack: keeps the folder locked.
        again: earlier runs do not count.
        index: of the save-dir, where more is claimed in it.

    Raises:
        AlreadyRunning: another process has it.
        UsageError: nothing can be saved there, or others were quicker too long (`SaveDirBusy`).
    """
    if work is None:
        return _new_folder(save_dir, name, work, stack)
    with contextlib.suppress(OSError):  # told by `create_folder`
        save_dir.mkdir(parents=True, exist_ok=True)
    index = index or RecordingIndex(save_dir)
    cache: _Cache = {}
    index.glance()
    _find_previous(index, name, work, cache)  # which takes time
    with save_dir_locked(save_dir):
        index.look()
        previous = None if again else _find_previous(index, name, work, cache)
        if previous is not None and previous.state == "complete":
            return Claim(previous.folder, previous)
        if (running := _find_running(index, name, work, cache)) is not None:
            raise AlreadyRunning(name, running)
        if previous is None:
            new = _new_folder(save_dir, name, work, stack)
            assert new.folder is not None
            index.note(work.digest, new.folder.name)
            return new
        try:
            stack.enter_context(locked(previous.folder, work.digest))
        except RecordingIsRunning as e:  # `recordings resume` has been quicker
            raise AlreadyRunning(name, e.recording) from e
    from transcribe_cli.recordings.saved_recordings import load_recording

    # It may have gone on in between, or ended.
    return Claim(previous.folder, replace(load_recording(previous.folder), running=False))


def look_before_claiming(
    name: str, work: Work | None, index: RecordingIndex, *, again: bool
) -> "Recording | None":
    """What an earlier run has done of a file that somebody else will claim. Nothing is changed.

    It may be out of date; who claims it knows.

    Raises:
        AlreadyRunning: another process has it.
    """
    if work is None:
        return None
    index.glance()
    cache: _Cache = {}
    if (running := _find_running(index, name, work, cache)) is not None:
        raise AlreadyRunning(name, running)
    return None if again else _find_previous(index, name, work, cache)


def _new_folder(save_dir: Path, name: str, work: Work | None, stack: contextlib.ExitStack) -> Claim:
    with stop_signals_wait():  # which would leave a locked folder with nothing in it
        folder = create_folder(save_dir, recording_id(datetime.now(), name))
        stack.callback(_remove_if_empty, folder)
        stack.enter_context(locked(folder, folder.name if work is None else work.digest))
    return Claim(folder)


def _find_previous(
    index: RecordingIndex, name: str, work: Work, cache: _Cache
) -> "Recording | None":
    """The last recording of the same work that is not running."""
    for folder in reversed(_candidates(index, name, work, cache)):
        if is_locked(folder):
            continue
        recording = _load(folder, cache)
        ended = recording.journal.state in ("complete", "incomplete", "interrupted")
        if ended and work_of_journal(recording.journal) in work:
            return recording
    return None


def _load(folder: Path, cache: _Cache) -> "Recording":
    """Load a recording, from the cache where its journal has not changed since."""
    from transcribe_cli.recordings.saved_recordings import load_recording

    try:
        stamp = stamp_of(folder / JOURNAL)
    except OSError:  # told by `load_recording`
        stamp = None
    known = cache.get(folder)
    if known is None or known[0] != stamp:
        known = cache[folder] = stamp, load_recording(folder)
    return known[1]


def _find_running(index: RecordingIndex, name: str, work: Work, cache: _Cache) -> str | None:
    """The id of a running recording of the same work."""
    for folder in _candidates(index, name, work, cache):
        # Another's folder of the same second may have gone, and this one have its name. One
        # without a note is being mended, or the disk is full.
        if is_locked(folder) and (read_lock_note(folder) or work.digest) in work:
            return folder.name
    return None


def _candidates(index: RecordingIndex, name: str, work: Work, cache: _Cache) -> list[Path]:
    """The recordings that are of the same work by their journals, or by who began them."""

    def read(folder: Path) -> str | None:
        journal = _load(folder, cache).journal
        return None if journal.state == "unreadable" else work_of_journal(journal)

    return index.of_work(recording_slug(name), work, read)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
