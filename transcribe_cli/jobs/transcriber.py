"""Transcribes for `mic`, `file` and `resume`: opens what a recording needs, runs it, closes it.

Outputs and the recording's folder are opened before the microphone, so that a bad path fails before
a word is spoken; the microphone before the connection, so that the first words are not lost. A file
is opened before its outputs.
"""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.excerpt import EVERYTHING, Excerpt, Range
from transcribe_cli.audio.format import EACH, AudioFormat
from transcribe_cli.audio.source import Source, channels_of
from transcribe_cli.audio.trimmed_log import TrimmedLog
from transcribe_cli.errors import AudioError
from transcribe_cli.jobs.command_outputs import CommandOutputs
from transcribe_cli.jobs.done_or_claimed import (
    Claim,
    Work,
    claim,
    look_before_claiming,
    work_of_address,
    work_of_file,
)
from transcribe_cli.jobs.job import Job, discard
from transcribe_cli.jobs.run_factory import RunFactory
from transcribe_cli.jobs.screen import Screen
from transcribe_cli.jobs.service import open_service
from transcribe_cli.jobs.sources import SourceSpec
from transcribe_cli.outputs.formats import output_path
from transcribe_cli.outputs.jsonl_output import JsonlOutput
from transcribe_cli.outputs.jsonl_records import Record, read_record
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.outputs.plain_text import TextOutput
from transcribe_cli.outputs.retrying_file import RetryingFile
from transcribe_cli.protocol.parameters import MANUAL
from transcribe_cli.recordings.folder import AUDIO, JOURNAL, TRANSCRIPT
from transcribe_cli.recordings.journal import JournalRecord, journal_records
from transcribe_cli.recordings.recording_index import RecordingIndex
from transcribe_cli.run.config import Result, Service
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.parts import nothing_to_sync
from transcribe_cli.run.reporter import View
from transcribe_cli.run.run import Run
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.run_options import RunOptions
from transcribe_cli.settings.session_parameters import Parameters, resolve_parameters
from transcribe_cli.settings.user_folders import save_dir_of
from transcribe_cli.system.regular_file import open_regular

if TYPE_CHECKING:
    from transcribe_cli.jobs.live_changes import LiveChanges
    from transcribe_cli.recordings.saved_recordings import Recording
    from transcribe_cli.settings.keyterms_file import KeytermsFile


class Transcriber:
    """Makes and ends one command's recordings, which share settings and standard output.

    A field for each thing that they share.

    Args:
        part: of each source.
        screen: another one than the command's own terminal.

    Attributes:
        several: what goes to one output names its source.
        at_once: several recordings run at the same time.
        record: where `--record` wants the audio.
    """

    def __init__(
        self,
        options: RunOptions,
        environment: Environment,
        *,
        several: bool = False,
        at_once: bool = False,
        pace: float | None,
        part: Range = EVERYTHING,
        parameters: Parameters | None = None,
        screen: Screen | None = None,
    ) -> None:
        self._options = options
        self._environment = environment
        self.several = several
        self.at_once = at_once
        self.part = part
        self.record = options.record
        self.save_dir = None if options.no_save else save_dir_of(options.save_dir)
        self._index = None if self.save_dir is None else RecordingIndex(self.save_dir)
        self.screen = screen or Screen(options, environment)
        self.notices = self.screen.notices
        self.keyterms_file = _keyterms_file(options)
        self.parameters = parameters or _parameters(options, self.keyterms_file)
        if "encoding" in self.parameters.query:
            from transcribe_cli.audio.encoder import check_encoding

            check_encoding(str(self.parameters.query["encoding"]))
        self.runs = RunFactory(
            *(options, self.parameters, self.notices, self.keyterms_file),
            several=several,
            at_once=at_once,
            pace=pace,
            part=part,
        )
        query = self.parameters.query
        by_hand = query.get("mode") == MANUAL and "max_turn_silence" not in query
        if by_hand and not self.screen.live:
            self.notices.note(
                "no key ends a turn here, so each session is one turn; give --max-turn-silence"
            )
        for template in options.output_files:
            output_path(template, "x")
        if options.record:
            from transcribe_cli.jobs.path_checks import check_record

            check_record(options.record)
        self.outputs = CommandOutputs(
            options,
            environment,
            self.notices,
            several=several,
            at_once=at_once,
            live=self.screen.live,
        )

    @contextlib.contextmanager
    def service(self) -> Iterator[Service]:
        """The service, started where it is the local one.

        Raises:
            StreamError: no key, a bad endpoint, the local service cannot start.
        """
        with open_service(
            *(self._options, self._environment, self.parameters, self.notices),
            self.screen.waiting("starting the local service"),
        ) as service:
            yield service

    @functools.cached_property
    def changes(self) -> "LiveChanges":
        """Changes of settings while the recordings run."""
        from transcribe_cli.jobs.live_changes import LiveChanges

        return LiveChanges(self.parameters, self.runs.typed, self.notices)

    def watched_file(self, loop: Loop) -> contextlib.AbstractContextManager[None]:
        """While open, every recording learns of what changes in `--keyterms-file`."""
        if self.keyterms_file is None:
            return contextlib.nullcontext()
        return self.changes.watched(self.keyterms_file, loop)

    @contextlib.contextmanager
    def many_claimed(self) -> Iterator[None]:
        """While open, what is claimed is written down, so that nobody lists it for each file."""
        if self._index is None:
            yield
            return
        self._index.keeps_log = True
        try:
            yield
        finally:
            self._index.close()

    @property
    def local(self) -> bool:
        """Whether the embedded service is used."""
        return self._options.local

    def claim(
        self, service: Service, spec: SourceSpec, stack: contextlib.ExitStack, *, again: bool
    ) -> Claim:
        """Claim a recording's folder, so that no other process transcribes the same source.

        Args:
            stack: holds the claim until it is closed.
            again: earlier runs do not count.

        Raises:
            AlreadyRunning: another process transcribes it.
            UsageError: nothing can be saved.
        """
        if self.save_dir is None:
            return Claim(None)
        name = "" if spec.kind == "mic" else spec.name
        work = self._work_of(service, spec, again=again)
        return claim(self.save_dir, name, work, stack, again=again, index=self._index)

    def look_before_claiming(
        self, service: Service, spec: SourceSpec, *, again: bool
    ) -> "Recording | None":
        """What an earlier run has done of a file that somebody else will claim."""
        if self._index is None:
            return None
        work = self._work_of(service, spec, again=again)
        return look_before_claiming(spec.name, work, self._index, again=again)

    def _work_of(self, service: Service, spec: SourceSpec, *, again: bool) -> Work | None:
        """What there is to do; an address alone is open already, and not asked for once more."""
        if spec.path is None:
            return None
        query = self.parameters.query
        if spec.kind == "address":
            if again and not self.several:
                return None
            from transcribe_cli.web.address_source import version_at

            version = version_at(spec.path)
            if version is None:
                return None
            return work_of_address(spec.path, version, query, self.part, engine=service.engine)
        return work_of_file(spec.path, query, self.part, engine=service.engine)

    def begin(
        self,
        loop: Loop,
        service: Service,
        spec: SourceSpec,
        folder: Path | None,
        stack: contextlib.ExitStack,
        view: View | None = None,
    ) -> Job:
        """Open everything that a new recording needs.

        Args:
            folder: of the recording, where it is saved.
            stack: holds what is open for it already, such as its lock; emptied by success.

        Raises:
            StreamError: something cannot be opened; nothing is left behind then.
        """
        audio = AudioFormat(self._options.sample_rate, max(1, len(spec.tracks)))
        runs: list[Run] = []
        stack.callback(lambda: None if any(run.begun for run in runs) else discard(folder))
        opened = stack.enter_context(contextlib.ExitStack())
        source = None
        each = spec.each or self.part.channel == EACH
        # What cannot be read leaves the files of outputs as they are.
        if spec.kind in ("file", "address") or (each and spec.kind == "stdin"):
            source = opened.enter_context(contextlib.closing(self._open_source(spec, audio)))
            audio = audio._replace(channels=channels_of(source))
        # The journal first: what an output holds can then be made again from it.
        journal = None if folder is None else RetryingFile(folder / JOURNAL, self.notices.warning)
        own = [*self._recording_outputs(folder, journal), *self.outputs.open_own(spec.name)]
        outputs = self.outputs.of_recording(loop, own, stack)
        is_there = source is not None and source.path is not None
        log = stack.enter_context(_open_log(folder, audio, self.record, is_there=is_there))
        if source is None:
            source = self._open_source(spec, audio)
        opened.pop_all()
        stack.callback(source.close)  # before the log
        sync = nothing_to_sync if journal is None else journal.sync
        run = self.runs.make_run(
            *(loop, service, outputs, folder, log, source, sync),
            view=view,
            tracks=spec.tracks,
            each=each,
        )
        runs.append(run)
        return Job(self, run, folder, log, spec, stack.pop_all())

    def _recording_outputs(self, folder: Path | None, journal: RetryingFile | None) -> list[Output]:
        """The journal and the transcript in a recording's folder."""
        if folder is None or journal is None:
            return []
        transcript = RetryingFile(folder / TRANSCRIPT, self.notices.warning)
        return [
            JsonlOutput(journal, str(folder / JOURNAL)),
            TextOutput(transcript, str(folder / TRANSCRIPT)),
        ]

    def _open_source(self, spec: SourceSpec, audio: AudioFormat) -> Source:
        if spec.kind == "mic":
            with self.screen.waiting("opening the microphone"):
                source = spec.open()
        else:
            source = spec.open()
        if self.part.is_all:
            return source
        excerpt = Excerpt(source, self.part, audio)
        if excerpt.length_s == 0:
            source.close()
            raise AudioError(
                f"'{source.name}' ends before {self.part.start_s:g} s.", "choose an earlier --start"
            )
        return excerpt

    def resume(
        self,
        loop: Loop,
        service: Service,
        spec: SourceSpec,
        recording: "Recording",
        own: Sequence[Output],
        stack: contextlib.ExitStack,
        view: View | None = None,
    ) -> Job:
        """Open a recording of an earlier run again; the run goes on where its final words end.

        Args:
            own: outputs of this recording alone, but for its journal and transcript.
            stack: holds what is open for it already, such as its lock; emptied by success.
        """
        from transcribe_cli.jobs.resume import open_audio, reopen_outputs, resume_point_of
        from transcribe_cli.recordings.crash_recovery import recover

        recover(recording)
        log, source = open_audio(recording, spec.path)
        if self.several:
            source.name = spec.name
        stack.callback(log.close)
        stack.callback(source.close)
        reopened = reopen_outputs(recording, self.notices.warning)
        stack.callback(Outputs(reopened.outputs, self.outputs.output_broken).close)
        outputs = self.outputs.of_recording(loop, own, stack)
        if self.several:
            for record in reopened.records:
                outputs.write(self._named(record, spec))
        outputs.put_first(reopened.outputs)
        run = self.runs.make_run(
            *(loop, service, outputs, recording.folder, log, source, reopened.sync),
            view=view,
            resume_point=resume_point_of(recording.journal),
            tracks=recording.journal.tracks,
            each=recording.journal.is_each,
        )
        return Job(self, run, recording.folder, log, spec, stack.pop_all())

    def replay(self, recording: "Recording", spec: SourceSpec) -> None:
        """Write a complete recording of an earlier run to the outputs of this command."""
        with contextlib.ExitStack() as stack:
            outputs = self.outputs.of_recording(None, self.outputs.open_own(spec.name), stack)
            for record in journal_records(recording.folder / JOURNAL):
                outputs.write(self._named(record, spec))

    def _named(self, record: JournalRecord, spec: SourceSpec) -> Record:
        """A record of an earlier run, with the source's name as this command has it."""
        told = read_record(record)
        told.body["source"] = spec.name
        return told

    def transcribe(self, service: Service, spec: SourceSpec) -> Result:
        """Transcribe one source, from opening everything to saying where it is saved.

        Raises:
            StreamError: something cannot be opened; nothing is left behind then.
        """
        view = self.screen.make_view()
        with Loop() as loop, self.watched_file(loop), contextlib.ExitStack() as held:
            folder = self.claim(service, spec, held, again=True).folder
            with self.begin(loop, service, spec, folder, held, view) as job:
                with self.screen.shown(view, loop):
                    loop.run([job.run])
                return job.end()


def _open_log(
    folder: Path | None, audio: AudioFormat, record: str | None, *, is_there: bool
) -> AudioLog:
    """The audio log: saved of a microphone or a pipe; of what is there, temporary and trimmed.

    Args:
        folder: of the recording; None where nothing is saved.
        record: where `--record` wants the audio.
        is_there: the source can be read again: a file, and what some addresses have.
    """
    if not is_there and folder is not None:
        return AudioLog.create(folder / AUDIO, audio, open_regular)
    if record and not is_there and record.lower().endswith(".wav"):
        return AudioLog.create(Path(record), audio)
    if is_there and not record:
        return TrimmedLog.temporary(audio, folder)
    return AudioLog.temporary(audio, folder)


def _keyterms_file(options: RunOptions) -> "KeytermsFile | None":
    if options.keyterms_file is None:
        return None
    from transcribe_cli.settings.keyterms_file import KeytermsFile

    return KeytermsFile(options.keyterms_file)


def _parameters(options: RunOptions, keyterms_file: "KeytermsFile | None") -> Parameters:
    """What sessions are asked for, by the options and with the key terms of the file."""
    asked = options.parameters()
    if keyterms_file is not None:
        from transcribe_cli.settings.parameter_changes import KEYTERMS, without_doubles

        asked |= {KEYTERMS: without_doubles([*(options.keyterm or ()), *keyterms_file.terms])}
    return resolve_parameters(
        options.model,
        options.sample_rate,
        format_turns=options.format_turns,
        turns=None if options.turns is None else options.turns.value,
        asked=asked,
        params=options.param or (),
    )
