"""What `mic` and `file` share: everything between the options and a run, opened in a safe order.

Outputs and the recording's folder are opened before the microphone, so that a bad path fails before
a word is spoken; the microphone before the connection, so that the first words are not lost.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from transcribe_cli import __version__
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.source import Source
from transcribe_cli.commands.checks import check_record
from transcribe_cli.commands.ending import tell_end
from transcribe_cli.commands.options import NonSpeech, RunOptions
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
from transcribe_cli.loop import Loop
from transcribe_cli.outputs.jsonl import JsonlOutput
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.outputs.paths import open_for_writing, open_outputs, output_path
from transcribe_cli.outputs.record import error_record
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
from transcribe_cli.recordings.lock import locked
from transcribe_cli.run import Run
from transcribe_cli.session.events import StopRequested
from transcribe_cli.session.session import Target
from transcribe_cli.telling import View
from transcribe_cli.ui.notices import Notices, make_consoles

if TYPE_CHECKING:
    from transcribe_cli.ui.live import LiveView

API_VERSION = "2025-05-12"


class Asked(NamedTuple):
    """A source as it was asked for, not open yet.

    Attributes:
        name: a file's name, "stdin" or "mic"; kind: "file", "stdin" or "mic".
    """

    name: str
    kind: str
    open: Callable[[], Source]


class Service(NamedTuple):
    """Where sessions are opened, settled and checked."""

    endpoint: str
    target: Target
    parameters: Parameters
    local: bool


class Transcriber:
    """One command's work: one or several recordings that share settings and standard output.

    Attributes:
        stdout_is_broken: standard output takes nothing any more, so that the command ends.
    """

    def __init__(
        self,
        options: RunOptions,
        environment: Environment,
        *,
        sources: int,
        pace: float | None,
        parameters: Parameters | None = None,
    ) -> None:
        self._options = options
        self._environment = environment
        self._several = sources > 1
        self._pace = pace
        stdout, stderr = make_consoles(options.color.value, environment.variables)
        self._stdout = stdout
        self.notices = Notices(stderr, quiet=options.quiet, verbose=options.verbose)
        self._parameters = parameters or resolve_parameters(
            options.model,
            options.sample_rate,
            format_turns=options.format_turns,
            asked=options.parameters(),
            params=options.param or (),
        )
        self._limits = _limits(options)
        if options.jsonl and options.text:
            raise UsageError("--jsonl and --text cannot both have standard output.", "use -o")
        if options.local and options.endpoint:
            raise UsageError("--local and --endpoint name two services.", "use one of them")
        for template in options.output or ():
            output_path(template, "x")
        check_record(options.record)
        self.stdout_is_broken = False
        self._stdout_problem: StreamError | None = None
        self._shared: list[Output] = []

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
            query = self._parameters.query | credentials.query()
            headers = {
                "User-Agent": f"aai-stream/{__version__}",
                "AssemblyAI-Version": API_VERSION,
            } | credentials.headers()
            yield Service(
                endpoint,
                Target(session_url(endpoint, query), headers),
                self._parameters,
                options.local,
            )

    @contextlib.contextmanager
    def shared_outputs(self) -> Iterator[list[Output]]:
        """Standard output and the files that all recordings of the command share."""
        options = self._options
        shared = self._shared
        stdout = self._environment.binary_stdout
        if options.jsonl:
            shared.append(
                JsonlOutput(stdout, "standard output", partials=options.partials, owned=False)
            )
        elif not self.live:
            shared.append(
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
            shared += open_outputs(
                templates,
                "",
                partials=options.partials,
                non_speech=self._keeps_non_speech,
                headings=self._several,
            )
            yield shared
        finally:
            for output in shared:
                with contextlib.suppress(OSError):
                    output.close()

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
        """Whether the recordings so far have cost what all of them may cost."""
        most = self._limits.max_cost_usd
        return most is not None and most < 1e-6  # to which costs are rounded

    @property
    def _keeps_non_speech(self) -> bool:
        return self._options.non_speech is not NonSpeech.HIDE

    def begin(
        self,
        loop: Loop,
        service: Service,
        shared: list[Output],
        what: Asked,
        view: View | None = None,
    ) -> "Job":
        """Open everything that a recording needs.

        Raises:
            StreamError: something cannot be opened; nothing is left behind then.
        """
        options = self._options
        audio = AudioFormat(options.sample_rate)
        recording = recording_id(datetime.now(), "" if what.kind == "mic" else what.name)
        with contextlib.ExitStack() as stack:
            folder: Path | None = None
            if not options.no_save:
                save_dir = save_dir_of(options.save_dir)
                folder = create_folder(save_dir, recording)
                stack.callback(_remove_if_empty, folder)
                stack.enter_context(locked(folder))
            not_begun = stack.enter_context(contextlib.ExitStack())
            not_begun.callback(_discard, folder)
            own = self._own_outputs(folder, Path(what.name).stem)
            outputs = Outputs([*shared, *own], self.output_broken(loop))
            for output in own:
                stack.callback(_close_quietly, output)
            log = stack.enter_context(self._open_log(folder, what.kind, audio))
            source = what.open()
            stack.callback(source.close)
            run = self.make_run(loop, service, outputs, folder, log, source, view=view)
            not_begun.pop_all()  # from here on there is something to keep
            return Job(self, run, folder, log, what, stack.pop_all())

    def transcribe(self, service: Service, shared: list[Output], what: Asked) -> Result:
        """One recording, from opening everything to telling where it is saved.

        Raises:
            StreamError: something cannot be opened; nothing is left behind then.
        """
        view = self.make_view()
        with Loop() as loop, self.begin(loop, service, shared, what, view) as job:
            with self.shown(view):
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
            new_sessions_per_minute=self._per_minute(service.endpoint),
            usd_per_hour=0.0 if service.local else usd_per_hour(query),
            limits=self._limits,
            tells_source=self._several,
        )
        return Run(plans, source, log, outputs, self.notices, loop, view=view, earlier=earlier)

    def settle(self, result: Result) -> Result:
        """What a recording cost is missing to the next one; and standard output's fate counts."""
        most, cost_usd = self._limits.max_cost_usd, result.summary["cost_usd"]
        if most is not None and cost_usd is not None:
            self._limits = replace(self._limits, max_cost_usd=max(0.0, most - cost_usd))
        problem = self._stdout_problem
        if problem is None or result.problem is not None:
            return result
        status = result.exit_status or problem.exit_status
        return replace(result, exit_status=status, problem=problem)

    def _open_log(self, folder: Path | None, kind: str, audio: AudioFormat) -> AudioLog:
        """A microphone's or a pipe's audio is saved; a file's is there already."""
        if kind != "file" and folder is not None:
            return AudioLog.create(folder / AUDIO, audio)
        record = self._options.record
        if record and kind != "file" and record.lower().endswith(".wav"):
            return AudioLog.create(Path(record), audio)
        return AudioLog.temporary(audio, folder)

    def _own_outputs(self, folder: Path | None, stem: str) -> list[Output]:
        options = self._options
        templates = [t for t in options.output or () if "{stem}" in t]
        own = open_outputs(
            templates, stem, partials=options.partials, non_speech=self._keeps_non_speech
        )
        if folder is not None:
            own.append(JsonlOutput(open_for_writing(folder / JOURNAL), str(folder / JOURNAL)))
            transcript = folder / TRANSCRIPT
            own.append(TextOutput(open_for_writing(transcript), str(transcript)))
        return own

    def output_broken(self, loop: Loop | None) -> Callable[[Output, OSError], None]:
        """What a run does about an output that takes nothing any more."""

        def broken(output: Output, e: OSError) -> None:
            if output in self._shared:
                self._shared.remove(output)
            if output.name == "standard output":
                # The run ends, properly; and quietly where it is the reader that has gone.
                self.stdout_is_broken = True
                if not reader_is_gone(e):
                    self._stdout_problem = StreamError(
                        f"Standard output cannot be written: {e.strerror or e}.",
                        "everything else is saved",
                    )
                if loop is not None:
                    loop.post(None, StopRequested("output"))
                self._environment.forget_stdout()
            else:
                self.notices.warning(f"'{output.name}' is given up: {e.strerror or e}")

        return broken

    def make_view(self) -> "LiveView | None":
        """The live view, where standard output gets one; not shown yet."""
        if not self.live:
            return None
        from transcribe_cli.ui.live import LiveView

        return LiveView(self._stdout, non_speech=self._options.non_speech.value)

    @contextlib.contextmanager
    def shown(self, view: "LiveView | None") -> Iterator[None]:
        """Show the view, with the notices in their place above its region."""
        if view is None:
            yield
            return
        with view:
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

    def tell_error(self, error: StreamError, path: str) -> None:
        """One of several files came to nothing."""
        self.notices.error(error)
        record = error_record(error, datetime.now(UTC))
        record.body["source"] = Path(path).name
        Outputs(self._shared, self.output_broken(None)).write(record)


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
        assert self.run.result is not None
        transcriber, folder, kind = self._transcriber, self._folder, self.what.kind
        result = transcriber.settle(self.run.result)
        recorded = None
        try:
            recorded = transcriber.leave_audio(self._log)
        except AudioError as e:
            transcriber.notices.warning(e.message)
            result = replace(result, exit_status=result.exit_status or e.exit_status)
        self._stack.close()
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


def _close_quietly(output: Output) -> None:
    with contextlib.suppress(OSError):
        output.close()


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _discard(folder: Path | None) -> None:
    """Nothing was recorded: a folder with an empty journal would only be in the way."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
