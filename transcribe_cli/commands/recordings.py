"""`aai-stream recordings`: show, recover, resume and remove what was saved."""

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from transcribe_cli.audio.source import Source
from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.done_or_claimed import work_of_journal
from transcribe_cli.jobs.resume import transcript_of
from transcribe_cli.outputs.plain_text import one_line
from transcribe_cli.recordings.crash_recovery import recover, write_if_changed
from transcribe_cli.recordings.folder import TRANSCRIPT
from transcribe_cli.recordings.journal import JournalSummary
from transcribe_cli.recordings.lock import locked, refuse_running
from transcribe_cli.recordings.saved_recordings import (
    Recording,
    check_readable,
    find_recording,
    load_recording,
)
from transcribe_cli.run.loop import Loop
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.file_options import FileOptions
from transcribe_cli.settings.journal_settings import (
    EndpointToResume,
    endpoint_to_resume,
    engine_to_resume,
    parameters_of,
)
from transcribe_cli.settings.option_types import Region
from transcribe_cli.settings.recordings_options import ResumeOptions
from transcribe_cli.settings.user_folders import save_dir_of
from transcribe_cli.ui.safe_text import safe_text


def show(environment: Environment, save_dir: str | None, names: Sequence[str]) -> ExitStatus:
    """What each recording is, and its transcript."""
    for number, name in enumerate(names):
        recording = find_recording(save_dir_of(save_dir), name)
        check_readable(recording)
        described = _described(recording).items()
        head = "".join(f"{key + ':':<10} {one_line(str(value))}\n" for key, value in described)
        apart = "\n" if number else ""
        environment.write(f"{apart}{head}\n{transcript_of(recording.journal)}")
    return ExitStatus.OK


def remove(
    environment: Environment, save_dir: str | None, names: Sequence[str], *, yes: bool
) -> ExitStatus:
    """Delete the named recordings for good; if one of them is missing, delete none.

    Asks first where a part of an id, or `latest`, stands for a recording: it may be another one
    than the user had in mind.

    Args:
        yes: do not ask.

    Raises:
        UsageError: there is none to delete, or nobody to ask.
    """
    found = {name: find_recording(save_dir_of(save_dir), name) for name in names}
    for recording in found.values():
        refuse_running(recording.folder)
    unsure = {name for name, recording in found.items() if name != recording.id and not yes}
    if unsure:
        _refuse_unasked(environment, {name: found[name] for name in unsure})
    for name, recording in found.items():
        if name in unsure and not _agreed(environment, recording, name):
            environment.stderr.write("nothing is removed\n")
            continue
        refuse_running(recording.folder)  # it may have been taken up in the meantime
        _remove(recording.folder)
        environment.stderr.write(safe_text(f"removed: {recording.folder}") + "\n")
    return ExitStatus.OK


def _remove(folder: Path) -> None:
    """Remove a folder, unless another process has been quicker."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        if folder.exists():
            _remove(folder)
    except OSError as e:
        raise UsageError(
            f"'{folder}' cannot be removed: {e.strerror or e}.", "see its permissions"
        ) from e


def _refuse_unasked(environment: Environment, unsure: Mapping[str, Recording]) -> None:
    """Raise UsageError where nobody can be asked."""
    if environment.stdin.isatty() and environment.stderr.isatty():
        return
    for name, recording in unsure.items():
        raise UsageError(
            f"'{name}' is not a whole id; it means {recording.id}.",
            "give the whole id, or --yes",
        )


def _agreed(environment: Environment, recording: Recording, name: str) -> bool:
    """Whether the person at the terminal means this recording; anything but a yes is a no."""
    stdin, stderr = environment.stdin, environment.stderr
    from transcribe_cli.transcript.recording_clock import format_time

    length = format_time(round(recording.audio_s) * 1000)
    meant = one_line(f"'{name}' is {recording.id}: {length}, {recording.state}")
    stderr.write(f"{meant}\nDelete it for good? [y/N] ")
    stderr.flush()
    answer = stdin.readline()
    if not answer.endswith(b"\n"):  # Ctrl+D
        stderr.write("\n")
    return answer.strip().lower() in (b"y", b"yes")


def mend(environment: Environment, save_dir: str | None, name: str) -> ExitStatus:
    """Make a recording's files whole again after a crash."""
    recording = find_recording(save_dir_of(save_dir), name)
    with locked(recording.folder):
        check_readable(recording)
        mended = recover(recording)
        if write_if_changed(
            recording.folder / TRANSCRIPT, transcript_of(recording.journal).encode()
        ):
            mended.append("the transcript")
    said = f"mended {', '.join(mended)}" if mended else "nothing needed mending"
    environment.stderr.write(safe_text(f"{recording.id}: {said}") + "\n")
    return ExitStatus.OK


def resume(environment: Environment, asked: ResumeOptions) -> ExitStatus:
    """Transcribe what has no final words yet; the folder is then as if nothing had happened."""
    found = find_recording(save_dir_of(asked.save_dir), asked.recording)
    with locked(found.folder, work_of_journal(found.journal) or ""):
        return _resume(environment, asked, load_recording(found.folder))


def _resume(environment: Environment, asked: ResumeOptions, recording: Recording) -> ExitStatus:
    from transcribe_cli.jobs.sources import SourceSpec
    from transcribe_cli.jobs.transcriber import Transcriber

    check_readable(recording)
    journal = recording.journal
    if journal.state == "complete":
        environment.stderr.write(
            safe_text(f"{recording.id} is complete: there is nothing to do") + "\n"
        )
        return ExitStatus.OK
    parameters = parameters_of(journal.start, journal.changes, asked.param or ())
    options, gets_key = _options(asked, journal)
    transcriber = Transcriber(
        options,
        environment if gets_key else environment.without_credentials(),
        pace=None if options.local else 1.0,
        parameters=parameters,
    )
    for note in parameters.notes:
        transcriber.notices.note(note)
    if recording.audio_path is None:
        transcriber.notices.note(f"going on with '{journal.start.get('path')}'")
    what = SourceSpec(str(journal.start["source"]), str(journal.start["kind"]), _never)
    with contextlib.ExitStack() as stack:
        stack.enter_context(transcriber.outputs.open_shared())
        service = stack.enter_context(transcriber.service())
        loop = stack.enter_context(Loop())
        view = transcriber.screen.make_view()
        own = stack.enter_context(contextlib.ExitStack())
        with transcriber.resume(loop, service, what, recording, [], own, view) as job:
            with transcriber.screen.shown(view, loop):
                loop.run([job.run])
            status = job.end().exit_status
    return transcriber.outputs.exit_status(status)


def _never() -> Source:
    raise AssertionError("a recording that is taken up knows where its audio is")


def _options(asked: ResumeOptions, journal: JournalSummary) -> tuple[FileOptions, bool]:
    """The options of the run: those of the recording where no others are asked for.

    And whether its service gets the key.

    Raises:
        UsageError: only the user can say that this recording's service gets it.
    """
    elsewhere = asked.endpoint is not None or asked.region is not None
    engine = asked.engine
    if engine is None and not elsewhere:
        engine = engine_to_resume(journal.start)
    local = asked.local or engine is not None
    place = EndpointToResume(asked.endpoint, gets_key=True)
    if not local and not elsewhere:
        place = endpoint_to_resume(journal.start)
    options = FileOptions(
        paths=[],
        local=local,
        engine=engine,
        endpoint=place.endpoint,
        region=asked.region or Region.DEFAULT,
        new_sessions_per_minute=asked.new_sessions_per_minute,
        param=asked.param,
        usd_per_hour=asked.usd_per_hour,
        sample_rate=journal.audio.rate_hz,
        jsonl=asked.jsonl,
        text=asked.text,
        color=asked.color,
        quiet=asked.quiet,
        verbose=asked.verbose,
    )
    return options, place.gets_key


def _described(recording: Recording) -> dict[str, object]:
    start = recording.journal.start
    return {
        "id": recording.id,
        "state": recording.state,
        "source": start.get("source"),
        "model": start.get("model"),
        "audio_s": round(recording.audio_s, 3),
        "turns": len(recording.journal.finals),
        "folder": str(recording.folder),
    }
