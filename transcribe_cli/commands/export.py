"""`aai-stream recordings export`: make a recording's outputs again, from its journal alone.

The journal's records go through the outputs of a run, so that each file is the one which the run
itself would have left.
"""

import io
from collections.abc import Sequence
from pathlib import Path

from transcribe_cli.errors import IncompleteError, StreamError, UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.formats import is_video, open_outputs, open_stdout, output_path
from transcribe_cli.outputs.jsonl_records import read_record
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.outputs.written_files import WrittenFiles, check_not_there
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.journal import JournalSummary, journal_records
from transcribe_cli.recordings.saved_recordings import check_readable, find_recording
from transcribe_cli.settings.environment import Environment, say
from transcribe_cli.settings.option_types import Format, NonSpeech, output_files, stdout_format
from transcribe_cli.settings.recordings_options import ExportOptions
from transcribe_cli.settings.user_folders import save_dir_of
from transcribe_cli.ui.safe_text import safe_text


def export(environment: Environment, asked: ExportOptions) -> ExitStatus:
    """Write every file that is asked for, or the text to standard output.

    Raises:
        StreamError: the recording cannot be read, or one of the files cannot be written; the
            others are written all the same.
    """
    recording = find_recording(save_dir_of(asked.save_dir), asked.recording)
    check_readable(recording)
    journal = recording.folder / JOURNAL
    non_speech = asked.non_speech is not NonSpeech.HIDE
    kind = stdout_format(asked.output, asked.format)
    templates = output_files(asked.output)
    if kind is None and not templates:
        kind = Format.TXT
    stem = recorded_stem(recording.journal)
    paths = [output_path(template, stem) for template in templates]
    for path in paths:
        if path.exists() and path.samefile(journal):
            raise UsageError(f"'{path}' is the recording's own journal.", "choose another path")
        if is_video(str(path)):
            _check_video(path, recording.journal)
    if asked.no_clobber:
        check_not_there(paths)
    files = WrittenFiles()
    for path in paths:
        files.add(path)
    outputs = open_outputs(templates, stem, partials=asked.partials, non_speech=non_speech)
    text = io.BytesIO()
    if kind is not None:
        outputs.append(open_stdout(text, kind, partials=asked.partials, non_speech=non_speech))
    try:
        _write(journal, outputs)
    finally:
        if kind is not None:
            environment.write(text.getvalue().decode())
    for line in files.lines():
        say(environment.stderr, safe_text(line) + "\n")
    return ExitStatus.OK


def _check_video(path: Path, journal: JournalSummary) -> None:
    """Find out whether a copy of the recording's file can be made.

    Raises:
        UsageError: it has none, or it would be replaced.
    """
    media = journal.start.get("path")
    if not isinstance(media, str):
        raise UsageError(
            f"'{path}' is a copy of one file, and this recording is of none.",
            "ask for subtitles alone: .srt",
        )
    if path.exists() and Path(media).exists() and path.samefile(media):
        raise UsageError(f"'{path}' is the source itself.", "choose another path")


def recorded_stem(journal: JournalSummary) -> str:
    """What `{stem}` was in the run: the source's name without suffix."""
    kind = str(journal.start["kind"])
    return Path(str(journal.start["source"]) if kind in ("file", "address") else kind).stem


def _write(journal: Path, opened: Sequence[Output]) -> None:
    failures: list[StreamError] = []

    def broken(output: Output, e: OSError) -> None:
        sentence = f"'{output.name}' cannot be written: {e.strerror or e}."
        failures.append(IncompleteError(sentence, "see whether the disk is full"))

    outputs = Outputs(opened, broken)
    try:
        for record in journal_records(journal):
            outputs.write(read_record(record))
    finally:
        outputs.close()
    for failure in failures:
        raise failure
