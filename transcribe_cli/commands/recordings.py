"""`aai-stream recordings`: list, show, recover, resume and remove what was saved."""

import contextlib
import shutil
from pathlib import Path

import msgspec

from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.logged import LoggedSource
from transcribe_cli.audio.source import Source
from transcribe_cli.commands.options import FileOptions, Region, ResumeOptions
from transcribe_cli.commands.tables import write_json, write_table
from transcribe_cli.config import Parameters, save_dir_of
from transcribe_cli.environment import Environment
from transcribe_cli.errors import AudioError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.loop import Loop
from transcribe_cli.outputs.jsonl import JsonlOutput
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.outputs.text import TextOutput, one_line, text_line
from transcribe_cli.plans import Earlier
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.recordings.folder import JOURNAL, TRANSCRIPT
from transcribe_cli.recordings.journal import Story, read_journal, turn_of, without_the_end
from transcribe_cli.recordings.library import (
    Recording,
    check_readable,
    find_recording,
    list_recordings,
    load_recording,
)
from transcribe_cli.recordings.lock import locked, refuse_running
from transcribe_cli.recordings.recover import join_lines, recover, write_whole


def list_all(environment: Environment, save_dir: str | None, *, as_json: bool) -> ExitStatus:
    """All recordings, the newest last."""
    found = list_recordings(save_dir_of(save_dir))
    if as_json:
        return write_json(environment, [_described(recording) for recording in found])
    if not found:
        environment.write("no recordings\n")
        return ExitStatus.OK
    from transcribe_cli.ui.render import clock

    table = [
        (
            recording.id,
            recording.state,
            clock(round(recording.audio_s) * 1000),
            str(len(recording.story.finals)),
            one_line(str(recording.story.start.get("source", ""))),
        )
        for recording in found
    ]
    return write_table(environment, ("recording", "state", "length", "turns", "source"), table)


def show(environment: Environment, save_dir: str | None, name: str) -> ExitStatus:
    """What a recording is, and its transcript."""
    recording = find_recording(save_dir_of(save_dir), name)
    check_readable(recording)
    described = _described(recording).items()
    head = "".join(f"{key + ':':<10} {one_line(str(value))}\n" for key, value in described)
    environment.write(f"{head}\n{_transcript(recording.story)}")
    return ExitStatus.OK


def remove(environment: Environment, save_dir: str | None, name: str) -> ExitStatus:
    """Delete a recording for good."""
    recording = find_recording(save_dir_of(save_dir), name)
    refuse_running(recording.folder)
    shutil.rmtree(recording.folder)
    environment.stderr.write(f"removed: {recording.folder}\n")
    return ExitStatus.OK


def mend(environment: Environment, save_dir: str | None, name: str) -> ExitStatus:
    """Make a recording's files whole again after a crash."""
    recording = find_recording(save_dir_of(save_dir), name)
    with locked(recording.folder):
        check_readable(recording)
        mended = recover(recording)
        if write_whole(recording.folder / TRANSCRIPT, _transcript(recording.story).encode()):
            mended.append("the transcript")
    said = f"mended {', '.join(mended)}" if mended else "nothing needed mending"
    environment.stderr.write(f"{recording.id}: {said}\n")
    return ExitStatus.OK


def resume(environment: Environment, asked: ResumeOptions) -> ExitStatus:
    """Transcribe what has no final words yet; the folder is then as if nothing had happened."""
    folder = find_recording(save_dir_of(asked.save_dir), asked.recording).folder
    with locked(folder):
        return _resume(environment, asked, load_recording(folder))


def _resume(environment: Environment, asked: ResumeOptions, recording: Recording) -> ExitStatus:
    from transcribe_cli.commands.ending import tell_end
    from transcribe_cli.commands.transcribe import Transcriber

    check_readable(recording)
    story = recording.story
    if story.state == "complete":
        environment.stderr.write(f"{recording.id} is complete: there is nothing to do\n")
        return ExitStatus.OK
    recover(recording)
    options = _options(asked, story)
    query = dict(story.start["parameters"])
    transcriber = Transcriber(
        options,
        environment,
        sources=1,
        pace=None if options.local else 1.0,
        parameters=Parameters(query, MODELS.get(str(query.get("speech_model"))), []),
    )
    with contextlib.ExitStack() as stack:
        shared = stack.enter_context(transcriber.shared_outputs())
        service = stack.enter_context(transcriber.service())
        log, source = _open_audio(recording)
        stack.callback(log.close)
        stack.callback(source.close)
        loop = stack.enter_context(Loop())
        outputs = Outputs([*shared, *_take_up_outputs(recording)], transcriber.output_broken(loop))
        stack.callback(outputs.close)
        view = transcriber.make_view()
        run = transcriber.make_run(
            *(loop, service, outputs, recording.folder, log, source),
            view=view,
            earlier=_earlier(story),
        )
        with transcriber.shown(view):
            loop.run([run])
        assert run.result is not None
        result = transcriber.settle(run.result)
    tell_end(
        transcriber.notices,
        result,
        recording.folder,
        source.kind,
        recorded=None,
        local=options.local,
    )
    return result.exit_status


def _options(asked: ResumeOptions, story: Story) -> FileOptions:
    """The options of the run: those of the recording where no others are asked for."""
    elsewhere = asked.endpoint is not None or asked.region is not None
    local = asked.local or (not elsewhere and bool(story.start.get("local")))
    endpoint = asked.endpoint
    if not local and not elsewhere:
        endpoint = story.start.get("endpoint")
    return FileOptions(
        paths=[],
        local=local,
        endpoint=endpoint,
        region=asked.region or Region.DEFAULT,
        new_sessions_per_minute=asked.new_sessions_per_minute,
        sample_rate=story.audio.rate_hz,
        jsonl=asked.jsonl,
        text=asked.text,
        color=asked.color,
        quiet=asked.quiet,
        verbose=asked.verbose,
    )


def _open_audio(recording: Recording) -> tuple[AudioLog, Source]:
    """The saved audio, or for a file run the file itself."""
    story, path = recording.story, recording.audio_path
    if path is not None:
        log = AudioLog.open(path, story.audio)
        start = story.start
        return log, LoggedSource(str(start["source"]), str(start["kind"]), log.seconds)
    given = story.start.get("path")
    if not given:
        raise AudioError(f"The audio of {recording.id} is not there.", "it was run with --no-save?")
    return (
        AudioLog.temporary(story.audio, recording.folder),
        open_file(Path(given), story.audio.rate_hz),
    )


def _take_up_outputs(recording: Recording) -> list[Output]:
    """The journal without what it said of its end, and the transcript as far as it is final."""
    journal, transcript = recording.folder / JOURNAL, recording.folder / TRANSCRIPT
    kept = without_the_end(read_journal(journal))
    lines = [msgspec.json.encode(record | {"seq": seq}) for seq, record in enumerate(kept)]
    write_whole(journal, join_lines(lines))
    write_whole(transcript, _transcript(recording.story).encode())
    return [
        JsonlOutput(journal.open("ab"), str(journal), first_seq=len(lines)),
        TextOutput(transcript.open("ab"), str(transcript)),
    ]


def _earlier(story: Story) -> Earlier:
    return Earlier(
        next_turn=story.next_turn,
        finished_ms=story.finished_ms,
        next_session=story.next_session,
        session_s=story.session_s,
        totals=story.totals,
    )


def _transcript(story: Story) -> str:
    lines = [text_line(turn_of(record), non_speech=True) for record in story.finals]
    return "".join(line + "\n" for line in lines if line)


def _described(recording: Recording) -> dict[str, object]:
    start = recording.story.start
    return {
        "id": recording.id,
        "state": recording.state,
        "source": start.get("source"),
        "model": start.get("model"),
        "audio_s": round(recording.audio_s, 3),
        "turns": len(recording.story.finals),
        "folder": str(recording.folder),
    }
