"""What is needed to take up a recording again where its transcript ends."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from transcribe_cli.audio.excerpt import EVERYTHING, Excerpt, Range
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.logged import LoggedSource
from transcribe_cli.audio.source import Source
from transcribe_cli.audio.trimmed_log import PassingLog
from transcribe_cli.errors import AudioError
from transcribe_cli.outputs.jsonl import JsonlOutput
from transcribe_cli.outputs.output import Output
from transcribe_cli.outputs.retrying_file import PatientFile
from transcribe_cli.outputs.text import TextOutput, text_line
from transcribe_cli.recordings.fingerprint import stamp_of
from transcribe_cli.recordings.folder import JOURNAL, TRANSCRIPT
from transcribe_cli.recordings.journal import (
    JournalRecord,
    Story,
    read_journal,
    turn_of,
    without_the_end,
)
from transcribe_cli.recordings.library import Recording
from transcribe_cli.recordings.recover import join_lines, write_whole
from transcribe_cli.run.config import Earlier


def open_audio(recording: Recording) -> tuple[AudioLog, Source]:
    """The saved audio, or for a file run the file itself.

    Raises:
        AudioError: it is not there.
    """
    story, path = recording.story, recording.audio_path
    if path is not None:
        log = AudioLog.open(path, story.audio)
        start = story.start
        return log, LoggedSource(str(start["source"]), str(start["kind"]), log.seconds)
    given = story.start.get("path")
    if not given:
        raise AudioError(f"The audio of {recording.id} is not there.", "it was run with --no-save?")
    # Before it is opened: a journal may name any file, and who wrote it must at least know the
    # size of that one, and when it was last changed.
    try:
        changed = has_changed(Path(given), story)
    except (OSError, ValueError) as e:
        raise AudioError(
            f"'{given}' cannot be read: {getattr(e, 'strerror', None) or e}.",
            "it was transcribed from there: put it back",
        ) from e
    if changed:
        raise AudioError(
            f"'{given}' has changed since it was transcribed.",
            f"transcribe it anew: aai-stream file {shlex.quote(given)}",
        )
    source: Source = open_file(Path(given), story.audio.rate_hz)
    part = part_of(story)
    if not part.is_all:
        source = Excerpt(source, part, story.audio)
    return PassingLog.temporary(story.audio, recording.folder), source


def has_changed(path: Path, story: Story) -> bool:
    """Whether a file is another one than when it was transcribed.

    Raises:
        OSError: it is not there.
    """
    return stamp_of(path) != story.start.get("file")


def part_of(story: Story) -> Range:
    """The stretch of its source that was transcribed."""
    excerpt = story.start.get("excerpt")
    if not isinstance(excerpt, dict):
        return EVERYTHING
    duration = excerpt.get("duration")
    return Range(excerpt.get("start", 0) / 1000, None if duration is None else duration / 1000)


class TakenUp(NamedTuple):
    """What lies in a recording's folder, open again.

    Attributes:
        outputs: the journal, then the transcript.
        sync: puts the journal on the disk.
        records: what the journal holds.
    """

    outputs: list[Output]
    sync: Callable[[], None]
    records: list[JournalRecord]


def take_up_outputs(recording: Recording, say: Callable[[str], None]) -> TakenUp:
    """The journal without what it said of its end, and the transcript as far as it is final.

    `say` is told when they cannot be written.
    """
    journal, transcript = recording.folder / JOURNAL, recording.folder / TRANSCRIPT
    kept = without_the_end(read_journal(journal))
    lines = [msgspec.json.encode(record | {"seq": seq}) for seq, record in enumerate(kept)]
    write_whole(journal, join_lines(lines))
    write_whole(transcript, transcript_of(recording.story).encode())
    file = PatientFile(journal, say, "ab")
    outputs: list[Output] = [
        JsonlOutput(file, str(journal), first_seq=len(lines)),
        TextOutput(PatientFile(transcript, say, "ab"), str(transcript)),
    ]
    return TakenUp(outputs, file.sync, kept)


def earlier_of(story: Story) -> Earlier:
    """What the earlier run has done already."""
    return Earlier(
        next_turn=story.next_turn,
        finished_ms=story.finished_ms,
        next_session=story.next_session,
        session_s=story.session_s,
        totals=story.totals,
    )


def transcript_of(story: Story) -> str:
    """The lines of its transcript file."""
    lines = [text_line(turn_of(record), non_speech=True) for record in story.finals]
    return "".join(line + "\n" for line in lines if line)
