"""What `mic` and `file` share: everything between the options and a run, opened in a safe order.

Outputs and the recording's folder are opened before the microphone, so that a bad path fails before
a word is spoken; the microphone before the connection, so that the first words are not lost.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self, cast

from transcribe_cli import __version__
from transcribe_cli.audio.excerpt import EVERYTHING, Excerpt, Range
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.passing_log import PassingLog
from transcribe_cli.audio.source import Source
from transcribe_cli.commands.checks import check_record
from transcribe_cli.commands.ending import tell_end
from transcribe_cli.commands.options import NonSpeech, RunOptions
from transcribe_cli.commands.taking_up import earlier_of, open_audio, take_up_outputs
from transcribe_cli.config import (
    FREE_ACCOUNT_SESSIONS_PER_MINUTE,
    Credentials,
    Parameters,
    find_credentials,
    parse_duration,
    resolve_endpoint,
    resolve_parameters,
    save_dir_of,
)
from transcribe_cli.environment import Environment, reader_is_gone
from transcribe_cli.errors import AudioError, StreamError, UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.loop import Loop
from transcribe_cli.outputs.feed import open_feed
from transcribe_cli.outputs.in_turn import InTurn
from transcribe_cli.outputs.jsonl import JsonlOutput
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.outputs.paths import open_outputs, output_path
from transcribe_cli.outputs.patient import PatientFile
from transcribe_cli.outputs.queued import QueuedStream
from transcribe_cli.outputs.record import Record, error_record, read_record
from transcribe_cli.outputs.text import TextOutput
from transcribe_cli.plans import Earlier, Limits, Plans, Result
from transcribe_cli.protocol.endpoint import is_loopback, session_url, without_credentials
from transcribe_cli.protocol.models import usd_per_hour
from transcribe_cli.recordings.folder import (
    AUDIO,
    JOURNAL,
    TRANSCRIPT,
    create_folder,
    recording_id,
)
from transcribe_cli.recordings.journal import JournalRecord, read_journal
from transcribe_cli.recordings.library import Recording
from transcribe_cli.recordings.lock import locked
from transcribe_cli.recordings.recover import recover
from transcribe_cli.run import Run
from transcribe_cli.session.backoff import Arrivals
from transcribe_cli.session.events import KeyPressed, OutputFailed, StopRequested
from transcribe_cli.session.session import Target
from transcribe_cli.telling import View
from transcribe_cli.ui.named_notices import NamedNotices
from transcribe_cli.ui.notices import Notices, make_consoles

if TYPE_CHECKING:
    from transcribe_cli.ui.batch_view import BatchView
    from transcribe_cli.ui.live import LiveView

API_VERSION = "2025-05-12"


class Asked(NamedTuple):
    """A source as it was asked for, not open yet.

    Attributes:
        name: a file's name, "stdin" or "mic"; kind: "file", "stdin" or "mic".
        path: of a file, as it was given.
    """

    name: str
    kind: str
    open: Callable[[], Source]
    path: str | None = None


class Service(NamedTuple):
    """Where sessions are opened, settled and checked."""

    endpoint: str
    target: Target
    parameters: Parameters
    local: bool


class Transcriber:
    """One command's work: one or several recordings that share settings and standard output.

    Args:
        several: what goes to one output names its source.
        part: of each source.

    Attributes:
        at_once: several recordings run at the same time.
        stdout_is_broken: standard output takes nothing any more, so that the command ends.
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
    ) -> None:
        self._options = options
        self._environment = environment
        self._several = several
        self.at_once = at_once
        self._pace = pace
        self.part = part
        self.save_dir = None if options.no_save else save_dir_of(options.save_dir)
        stdout, stderr = make_consoles(options.color.value, environment.variables)
        self._stdout = stdout
        self.notices = Notices(stderr, quiet=options.quiet, verbose=options.verbose)
        self.parameters = parameters or resolve_parameters(
            options.model,
            options.sample_rate,
            format_turns=options.format_turns,
            asked=options.parameters(),
            params=options.param or (),
        )
        self._limits = _limits(options)
        self._spent_usd = 0.0
        self._counted = (float("-inf"), 0.0)  # when, and what all recordings had cost then
        self._budget_is_used = False
        self._running: list[Run] = []
        self._arrivals: Arrivals | None = None
        if options.jsonl and options.text:
            raise UsageError("--jsonl and --text cannot both have standard output.", "use -o")
        if options.local and options.endpoint:
            raise UsageError("--local and --endpoint name two services.", "use one of them")
        for template in options.output or ():
            output_path(template, "x")
        check_record(options.record)
        self.stdout_is_broken = False
        self._stdout_problem: StreamError | None = None
        self._queued: QueuedStream | None = None
        self._loop: Loop | None = None
        self._shared: list[Output | InTurn] = []
        self._broken: list[Output] = []

    @contextlib.contextmanager
    def service(self) -> Iterator[Service]:
        """The service, started where it is the local one.

        Raises:
            StreamError: no key, a bad endpoint, the local service cannot start.
        """
        options = self._options
        with contextlib.ExitStack() as stack:
            if options.local:
                from transcribe_cli.service.child import LocalService

                endpoint = stack.enter_context(LocalService()).url
                credentials = Credentials()
            else:
                endpoint = resolve_endpoint(options.region.value, options.endpoint)
                credentials = find_credentials(self._environment, endpoint)
            query = self.parameters.query | credentials.query()
            headers = {
                "User-Agent": f"aai-stream/{__version__}",
                "AssemblyAI-Version": API_VERSION,
            } | credentials.headers()
            yield Service(
                endpoint,
                Target(session_url(endpoint, query), headers),
                self.parameters,
                options.local,
            )

    @contextlib.contextmanager
    def shared_outputs(self) -> Iterator[None]:
        """Open standard output and the files that all recordings of the command share."""
        options = self._options
        opened: list[Output] = []
        stdout = self._open_stdout()
        if options.jsonl:
            opened.append(
                JsonlOutput(stdout, "standard output", partials=options.partials, owned=False)
            )
        elif not self.live:
            opened.append(
                TextOutput(
                    stdout,
                    "standard output",
                    non_speech=self._keeps_non_speech,
                    headings=self._several,
                    owned=False,
                )
            )
        templates = [t for t in options.output or () if "{stem}" not in t]
        try:
            opened += open_outputs(
                templates,
                "",
                partials=options.partials,
                non_speech=self._keeps_non_speech,
                headings=self._several,
            )
            opened += open_feed(
                options.captions_file,
                options.captions_port,
                self.notices.note,
                non_speech=self._keeps_non_speech,
            )
            self._shared = [self._in_turn(output) for output in opened]
            yield
        finally:
            works = [output for output in opened if output not in self._broken]
            Outputs(works, self.output_broken).close()
            if self._queued is not None:
                with contextlib.suppress(OSError):  # which has been told
                    self._queued.close()

    def _in_turn(self, output: Output) -> Output | InTurn:
        """Recordings that run at once are told one after the other; records name their source."""
        if not self.at_once or isinstance(output, JsonlOutput):
            return output
        return InTurn(output, self.output_broken)

    def _enter_shared(self, stack: contextlib.ExitStack) -> list[Output]:
        """One recording's way to the shared outputs, until the stack is closed."""
        outputs: list[Output] = []
        for shared in self._shared:
            if isinstance(shared, InTurn):
                entry = shared.enter()
                stack.callback(entry.close)
                outputs.append(entry)
            else:
                outputs.append(shared)
        return outputs

    def _open_stdout(self) -> BinaryIO:
        """Standard output; where a reader may hold it up, main does not wait for that."""
        stream = self._environment.binary_stdout
        raw = getattr(stream, "raw", stream)  # PYTHONUNBUFFERED leaves only that
        if not isinstance(raw, FileIO) or stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
            return stream
        self._queued = QueuedStream(raw)
        return cast(BinaryIO, self._queued)

    def drain_stdout(self) -> None:
        """Wait until the reader of standard output has taken everything."""
        if self._queued is not None and not self.stdout_is_broken:
            try:
                self._queued.drain()
            except OSError as e:
                self._give_up_stdout(e)

    def finish_stdout(self, status: ExitStatus) -> ExitStatus:
        """The exit status of several recordings, once standard output has taken everything."""
        self.drain_stdout()
        problem = self._stdout_problem
        if problem is None or status:
            return status
        self.notices.error(problem)
        return problem.exit_status

    @property
    def live(self) -> bool:
        """Whether standard output gets the live view."""
        options = self._options
        return self._stdout.is_terminal and not (options.jsonl or options.text)

    @property
    def local(self) -> bool:
        """Whether the embedded service is used."""
        return self._options.local

    @property
    def budget_is_used(self) -> bool:
        """Whether the recordings have cost what all of them may cost."""
        most = self._limits.max_cost_usd
        # Once used, also where the service then bills less than the clock said.
        return self._budget_is_used or (
            most is not None and self._spent_usd >= most - 1e-6  # to which costs are rounded
        )

    def _others_usd(self, run: Run, now: float) -> float:
        """What all recordings but this one have cost so far."""
        if now != self._counted[0]:  # counted once for all that ask at the same moment
            running = sum(other.cost_usd(now) for other in self._running)
            self._counted = (now, self._spent_usd + running)
            most = self._limits.max_cost_usd
            self._budget_is_used |= most is not None and self._counted[1] >= most
        return self._counted[1] - run.cost_usd(now)

    @property
    def _keeps_non_speech(self) -> bool:
        return self._options.non_speech is not NonSpeech.HIDE

    def begin(self, loop: Loop, service: Service, what: Asked, view: View | None = None) -> "Job":
        """Open everything that a recording needs.

        Raises:
            StreamError: something cannot be opened; nothing is left behind then.
        """
        options = self._options
        audio = AudioFormat(options.sample_rate)
        recording = recording_id(datetime.now(), "" if what.kind == "mic" else what.name)
        with contextlib.ExitStack() as stack:
            folder: Path | None = None
            if self.save_dir is not None:
                folder = create_folder(self.save_dir, recording)
                stack.callback(_remove_if_empty, folder)
                stack.enter_context(locked(folder))
            not_begun = stack.enter_context(contextlib.ExitStack())
            not_begun.callback(_discard, folder)
            # The journal first: what an output holds can then be made again from it.
            journal = (
                None if folder is None else PatientFile(folder / JOURNAL, self.notices.warning)
            )
            own = [*self._recording_outputs(folder, journal), *self.own_outputs(what)]
            outputs = self._open_outputs(loop, own, stack)
            log = stack.enter_context(self._open_log(folder, what.kind, audio))
            source = self._open_source(what, audio)
            stack.callback(source.close)
            sync = _nothing if journal is None else journal.sync
            run = self.make_run(loop, service, outputs, folder, log, source, sync, view=view)
            not_begun.pop_all()  # from here on there is something to keep
            return Job(self, run, folder, log, what, stack.pop_all())

    def _recording_outputs(self, folder: Path | None, journal: PatientFile | None) -> list[Output]:
        """What lies in a recording's folder."""
        if folder is None or journal is None:
            return []
        transcript = PatientFile(folder / TRANSCRIPT, self.notices.warning)
        return [
            JsonlOutput(journal, str(folder / JOURNAL)),
            TextOutput(transcript, str(folder / TRANSCRIPT)),
        ]

    def _open_source(self, what: Asked, audio: AudioFormat) -> Source:
        source = what.open()
        if self.part.is_all:
            return source
        excerpt = Excerpt(source, self.part, audio)
        if excerpt.length_s == 0:
            source.close()
            raise AudioError(
                f"'{source.name}' ends before {self.part.start_s:g} s.", "choose an earlier --start"
            )
        return excerpt

    def _open_outputs(
        self, loop: Loop | None, own: Sequence[Output], stack: contextlib.ExitStack
    ) -> Outputs:
        """One recording's outputs; its own are closed with the stack."""
        stack.callback(Outputs(own, self.output_broken).close)
        self._loop = loop
        if self._queued is not None and loop is not None:
            self._queued.failed = lambda: loop.post(None, OutputFailed())
        return Outputs([*own, *self._enter_shared(stack)], self.output_broken)

    def begin_again(
        self,
        loop: Loop,
        service: Service,
        what: Asked,
        recording: Recording,
        own: Sequence[Output],
        stack: contextlib.ExitStack,
        view: View | None = None,
    ) -> "Job":
        """Take up a recording of an earlier run, with all that is final in it.

        Args:
            own: outputs of this recording alone, but for its journal and transcript.
            stack: holds what is open for it already, such as its lock; emptied by success.
        """
        recover(recording)
        log, source = open_audio(recording)
        if self._several:
            source.name = what.name
        stack.callback(log.close)
        stack.callback(source.close)
        taken_up = take_up_outputs(recording, self.notices.warning)
        stack.callback(Outputs(taken_up.outputs, self.output_broken).close)
        outputs = self._open_outputs(loop, own, stack)
        if self._several:
            for record in taken_up.records:
                outputs.write(self._named(record, what))
        outputs.put_first(taken_up.outputs)
        earlier = earlier_of(recording.story)
        run = self.make_run(
            *(loop, service, outputs, recording.folder, log, source, taken_up.sync),
            view=view,
            earlier=earlier,
        )
        return Job(self, run, recording.folder, log, what, stack.pop_all())

    def tell_again(self, recording: Recording, what: Asked) -> None:
        """Give a complete recording of an earlier run to the outputs of this one."""
        with contextlib.ExitStack() as stack:
            outputs = self._open_outputs(None, self.own_outputs(what), stack)
            for record in read_journal(recording.folder / JOURNAL):
                outputs.write(self._named(record, what))

    def _named(self, record: JournalRecord, what: Asked) -> Record:
        """A record of an earlier run as this one would have told it."""
        told = read_record(record)
        told.body["source"] = what.name
        return told

    def transcribe(self, service: Service, what: Asked) -> Result:
        """One recording, from opening everything to telling where it is saved.

        Raises:
            StreamError: something cannot be opened; nothing is left behind then.
        """
        view = self.make_view()
        with Loop() as loop, self.begin(loop, service, what, view) as job:
            with self.shown(view, loop):
                loop.run([job.run])
            return job.end()

    def make_run(
        self,
        loop: Loop,
        service: Service,
        outputs: Outputs,
        folder: Path | None,
        log: AudioLog,
        source: Source,
        sync: Callable[[], None],
        *,
        view: View | None = None,
        earlier: Earlier | None = None,
    ) -> Run:
        """A run, everything it needs being open."""
        query = service.parameters.query
        plans = Plans(
            recording=folder.name if folder else recording_id(datetime.now(), source.name),
            folder=str(folder) if folder else None,
            parameters=service.parameters,
            target=service.target,
            endpoint=without_credentials(service.endpoint),
            local=service.local,
            audio=log.audio,
            chunk_ms=self._options.chunk_ms,
            pace=self._pace,
            limited=not service.local and (source.kind == "mic" or self._pace is not None),
            usd_per_hour=0.0 if service.local else usd_per_hour(query),
            limits=self._limits,
            part=self.part,
            tells_source=self._several,
            others_usd=lambda now: self._others_usd(run, now),
        )
        if self._arrivals is None:
            self._arrivals = Arrivals(self._per_minute(service.endpoint))
        run = Run(
            plans,
            source,
            log,
            outputs,
            NamedNotices(self.notices, source.name) if self.at_once else self.notices,
            loop,
            self._arrivals,
            view=view,
            earlier=earlier,
            sync=sync,
        )
        self._running.append(run)
        return run

    def settle(self, run: Run) -> Result:
        """How a run ended, once standard output has taken everything."""
        assert run.result is not None
        self._running.remove(run)
        result = run.result
        self._spent_usd += result.summary["cost_usd"] or 0.0
        problem = self._stdout_problem
        if problem is None or result.problem is not None or self._several:
            return result  # of several recordings `finish_stdout` tells it, once
        status = result.exit_status or problem.exit_status
        return replace(result, exit_status=status, problem=problem)

    def _open_log(self, folder: Path | None, kind: str, audio: AudioFormat) -> AudioLog:
        """A microphone's or a pipe's audio is saved; a file's is there already."""
        if kind != "file" and folder is not None:
            return AudioLog.create(folder / AUDIO, audio)
        record = self._options.record
        if record and kind != "file" and record.lower().endswith(".wav"):
            return AudioLog.create(Path(record), audio)
        if kind == "file" and not record:
            return PassingLog.temporary(audio, folder)
        return AudioLog.temporary(audio, folder)

    def own_outputs(self, what: Asked) -> list[Output]:
        """The files of `-o` that are this recording's alone."""
        options = self._options
        templates = [t for t in options.output or () if "{stem}" in t]
        stem = Path(what.name).stem
        return open_outputs(
            templates, stem, partials=options.partials, non_speech=self._keeps_non_speech
        )

    def output_broken(self, output: Output, e: OSError) -> None:
        """What is done about an output that takes nothing any more."""
        self._broken.append(output)
        if output in self._shared:
            self._shared.remove(output)
        if output.name == "standard output":
            self._give_up_stdout(e)
        else:
            self.notices.warning(f"'{output.name}' is given up: {e.strerror or e}")

    def _give_up_stdout(self, e: OSError) -> None:
        """The run ends, properly; and quietly where it is the reader that has gone."""
        self.stdout_is_broken = True
        if not reader_is_gone(e):
            self._stdout_problem = StreamError(
                f"Standard output cannot be written: {e.strerror or e}.",
                "everything else is saved",
            )
        if self._loop is not None:
            self._loop.post(None, StopRequested("output"))
        self._environment.forget_stdout()

    def make_view(self) -> "LiveView | None":
        """The live view, where standard output gets one; not shown yet."""
        if not self.live:
            return None
        from transcribe_cli.ui.live import LiveView

        return LiveView(self._stdout, non_speech=self._options.non_speech.value)

    def make_batch_view(self, files: int) -> "BatchView | None":
        """What shows several recordings at once, where standard output gets it."""
        if not self.live:
            return None
        from transcribe_cli.ui.batch_view import BatchView

        return BatchView(self._stdout, files, non_speech=self._options.non_speech.value)

    @contextlib.contextmanager
    def shown(self, view: "LiveView | BatchView | None", loop: Loop) -> Iterator[None]:
        """Show the view, with the notices in their place above its region, and take keys.

        Over many recordings at once there is one key, which stops them all.
        """
        if view is None:
            yield
            return
        from transcribe_cli.ui.batch_view import BatchView
        from transcribe_cli.ui.keys import Keys
        from transcribe_cli.ui.suspend import suspend, suspend_signals, take_back

        def press(key: str) -> None:
            if not isinstance(view, BatchView):
                loop.post(None, KeyPressed(key))
            elif key == "q":
                loop.post(None, StopRequested("q"))

        keys = Keys(press)
        change = {"suspend": suspend, "continue": take_back}
        with (
            view,
            suspend_signals(lambda cause: loop.call(lambda: change[cause](view, keys))),
            keys,
        ):
            self.notices.sink = view.notice
            try:
                yield
            finally:
                self.notices.sink = None

    def _per_minute(self, endpoint: str) -> int | None:
        given = self._options.new_sessions_per_minute
        if given is not None:
            return given
        return None if is_loopback(endpoint) else FREE_ACCOUNT_SESSIONS_PER_MINUTE

    def leave_audio(self, log: AudioLog) -> Path | None:
        """Put the audio at `--record`; a copy, or FLAC, of the log.

        Raises:
            AudioError: it cannot be written.
        """
        if not self._options.record:
            return None
        target = Path(self._options.record)
        if log.path == target:
            return target
        from transcribe_cli.audio.export import export_audio

        export_audio(log, target)
        return target

    def tell_error(self, error: StreamError, name: str) -> None:
        """One of several files came to nothing."""
        self.notices.error(error)
        record = error_record(error, datetime.now(UTC))
        record.body["source"] = name
        with contextlib.ExitStack() as stack:
            Outputs(self._enter_shared(stack), self.output_broken).write(record)


class Job:
    """One recording that runs: a context manager around everything that is open for it."""

    def __init__(
        self,
        transcriber: Transcriber,
        run: Run,
        folder: Path | None,
        log: AudioLog,
        what: Asked,
        stack: contextlib.ExitStack,
    ) -> None:
        self.run = run
        self.what = what
        self._transcriber = transcriber
        self._folder = folder
        self._log = log
        self._stack = stack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def end(self) -> Result:
        """Close everything after the run, and tell where it is saved."""
        transcriber, folder, kind = self._transcriber, self._folder, self.what.kind
        recorded, problem = None, None
        try:
            recorded = transcriber.leave_audio(self._log)
        except AudioError as e:
            transcriber.notices.warning(e.message)
            problem = e
        self._stack.close()
        if not transcriber.at_once:  # the others must not wait for a reader of standard output
            transcriber.drain_stdout()
        result = transcriber.settle(self.run)
        if problem is not None:
            result = replace(result, exit_status=result.exit_status or problem.exit_status)
        if kind == "file" and not result.summary["sessions"]:
            _discard(folder)  # the file is where it was, and nothing came of it
            folder = None
        local = transcriber.local
        tell_end(transcriber.notices, result, folder, kind, recorded=recorded, local=local)
        return result


def _limits(options: RunOptions) -> Limits:
    def seconds(text: str | None, option: str) -> float | None:
        return None if text is None else parse_duration(text, option)

    return Limits(
        max_duration_s=seconds(options.max_duration, "--max-duration"),
        max_cost_usd=options.max_cost,
        idle_stop_s=seconds(options.idle_stop, "--idle-stop"),
    )


def _nothing() -> None:
    """There is no journal to be put on the disk."""


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _discard(folder: Path | None) -> None:
    """Nothing was recorded: a folder with an empty journal would only be in the way."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
