"""What resuming a recording needs: its audio and outputs opened again, and where it goes on.

That is the end of its last final word, as its journal says.
"""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.excerpt import EVERYTHING, Excerpt, Range
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.format import EACH
from transcribe_cli.audio.recorded_source import LoggedSource
from transcribe_cli.audio.source import Source, version_of
from transcribe_cli.audio.trimmed_log import TrimmedLog
from transcribe_cli.errors import AudioError
from transcribe_cli.outputs.jsonl_output import JsonlOutput
from transcribe_cli.outputs.jsonl_records import encode_json
from transcribe_cli.outputs.output import Output
from transcribe_cli.outputs.plain_text import TextOutput, text_lines
from transcribe_cli.outputs.retrying_file import RetryingFile
from transcribe_cli.recordings.crash_recovery import join_lines, write_if_changed
from transcribe_cli.recordings.fingerprint import is_file_of
from transcribe_cli.recordings.folder import JOURNAL, TRANSCRIPT
from transcribe_cli.recordings.journal import (
    JournalRecord,
    JournalSummary,
    read_journal,
    turn_of,
    without_closing_records,
)
from transcribe_cli.recordings.saved_recordings import Recording
from transcribe_cli.run.config import ResumePoint


def open_audio(recording: Recording, moved_to: str | None = None) -> tuple[AudioLog, Source]:
    """Open the saved audio, or for a transcribed file the file itself.

    Args:
        moved_to: where the file is now, in place of where it was; an address, as a person gave it.

    Raises:
        AudioError: it is not there.
    """
    journal, path = recording.journal, recording.audio_path
    if path is not None:
        log = AudioLog.open(path, journal.audio)
        start = journal.start
        return log, LoggedSource(str(start["source"]), str(start["kind"]), log.seconds)
    given = moved_to or journal.start.get("path")
    if given and journal.start.get("kind") == "address":
        again = _open_again(given, journal, is_public=moved_to is None)
        return TrimmedLog.temporary(journal.audio, recording.folder), again
    if not given:
        raise AudioError(
            f"The audio of {recording.id} is not there.",
            "put its audio.wav back; 'recordings export' works without it",
        )
    # Before it is opened: a journal may name any file, and who wrote it must at least know the
    # size of that one, and when it was last changed.
    try:
        changed = has_changed(Path(given), journal)
    except (OSError, ValueError) as e:
        raise AudioError(
            f"'{given}' cannot be read: {getattr(e, 'strerror', None) or e}.",
            "put it back, or give 'aai-stream file' its new place",
        ) from e
    if changed:
        raise AudioError(
            f"'{given}' has changed since it was transcribed.",
            f"transcribe it anew: aai-stream file {shlex.quote(given)}",
        )
    part = transcribed_part(journal)
    source: Source = open_file(Path(given), journal.audio.rate_hz, part.track, part.channel)
    if not part.is_all:
        source = Excerpt(source, part, journal.audio)
    return TrimmedLog.temporary(journal.audio, recording.folder), source


def _open_again(address: str, journal: JournalSummary, *, is_public: bool) -> Source:
    """What is at an address, if it is what was transcribed.

    Args:
        is_public: no private network is asked; a journal that names it may be a stranger's.

    Raises:
        AudioError: it cannot be fetched, or is another one.
    """
    from transcribe_cli.web.address_source import open_address

    part = transcribed_part(journal)
    source = open_address(
        *(address, journal.audio.rate_hz),
        track=part.track,
        channel=part.channel,
        is_public=is_public,
    )
    if version_of(source) != journal.start.get("file"):
        source.close()
        raise AudioError(
            f"What is at '{source.name}' has changed since it was transcribed.",
            f"transcribe it anew: aai-stream file {shlex.quote(address)}",
        )
    return source if part.is_all else Excerpt(source, part, journal.audio)


def has_changed(path: Path, journal: JournalSummary) -> bool:
    """Whether a file has changed since it was transcribed.

    Raises:
        OSError: it is not there.
    """
    return not is_file_of(path, journal.start.get("file"))


def transcribed_part(journal: JournalSummary) -> Range:
    """The stretch of its source that was transcribed."""
    excerpt = journal.start.get("excerpt")
    if not isinstance(excerpt, dict):
        return EVERYTHING._replace(channel=EACH) if journal.is_each else EVERYTHING
    duration, track, channel = map(excerpt.get, ("duration", "track", "channel"))
    if journal.is_each:
        channel = EACH
    elif channel is not None:
        channel = max(0, int(channel))
    return Range(
        excerpt.get("start", 0) / 1000,
        None if duration is None else duration / 1000,
        None if track is None else max(1, int(track)),
        channel,
    )


class ReopenedOutputs(NamedTuple):
    """The journal and the transcript of a recording, open again.

    Attributes:
        outputs: the journal, then the transcript.
        sync: puts the journal on the disk.
        records: what the journal holds.
    """

    outputs: list[Output]
    sync: Callable[[], None]
    records: list[JournalRecord]


def reopen_outputs(recording: Recording, say: Callable[[str], None]) -> ReopenedOutputs:
    """Open the journal without its closing records, and the transcript as far as it is final.

    Args:
        say: is called with a warning when they cannot be written.
    """
    journal, transcript = recording.folder / JOURNAL, recording.folder / TRANSCRIPT
    kept = without_closing_records(read_journal(journal))
    lines = [encode_json(record | {"seq": seq}) for seq, record in enumerate(kept)]
    write_if_changed(journal, join_lines(lines))
    write_if_changed(transcript, transcript_of(recording.journal).encode())
    file = RetryingFile(journal, say, "ab")
    outputs: list[Output] = [
        JsonlOutput(file, str(journal), first_seq=len(lines)),
        TextOutput(RetryingFile(transcript, say, "ab"), str(transcript)),
    ]
    return ReopenedOutputs(outputs, file.sync, kept)


def resume_point_of(journal: JournalSummary) -> ResumePoint:
    """Where an earlier run has come to, as its journal says."""
    return ResumePoint(
        next_turn=journal.next_turn,
        committed_ms=committed_ms_of(journal),
        next_session=journal.next_session,
        sessions=journal.sessions,
        session_s=journal.session_s,
        totals=journal.totals,
        gaps=journal.gaps,
    )


def committed_ms_of(journal: JournalSummary) -> tuple[int, ...]:
    """Up to where every word is final, in ms, of each channel that had sessions of its own."""
    if not journal.is_each:
        return (journal.finished_ms,)
    ends = [0] * journal.audio.channels
    for turn in journal.finals:
        channel = turn.get("channel")
        if turn.get("words") and type(channel) is int and 0 <= channel < len(ends):
            ends[channel] = max(ends[channel], turn["end"])
    return tuple(ends)


def transcript_of(journal: JournalSummary) -> str:
    """The lines of its transcript file."""
    turns = map(turn_of, journal.finals)
    lines = (line for turn in turns for line in text_lines(turn, non_speech=True))
    return "".join(line + "\n" for line in lines)
