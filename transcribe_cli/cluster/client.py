"""`file --cluster`: the same jobs as with `--jobs`, each of them on a worker of a Dask cluster.

`Batch` drives them as it drives runs of its own: what is asked here is a task of its loop that
waits for a worker. When a file has ended, its journal goes through this command's outputs.
"""

import contextlib
import os
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from msgspec import structs

from transcribe_cli.cluster import wire
from transcribe_cli.errors import IncompleteError, ServiceError, StreamError, UsageError
from transcribe_cli.exit_status import ExitStatus, is_stopped_by_person, of_run
from transcribe_cli.jobs.batch import Batch
from transcribe_cli.jobs.service import Service
from transcribe_cli.jobs.sources import STDIN
from transcribe_cli.jobs.transcriber import SourceSpec, Transcriber
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.outputs.record import error_record, read_record, timestamp
from transcribe_cli.protocol.endpoint import is_loopback, resolve_endpoint
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.journal import is_final, journal_records, turn_of
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import Result
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import View
from transcribe_cli.session.events import Event, SettingsTyped, StopRequested
from transcribe_cli.session.session import Session, Target
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.options import FileOptions
from transcribe_cli.supervisor.session_quota import FREE_ACCOUNT_SESSIONS_PER_MINUTE

if TYPE_CHECKING:
    from transcribe_cli.jobs.shards import Shard

LOCAL = "local"
_LOOK_EVERY_S = 0.2
_STOP_WITHIN_S = 25.0  # longer than the last words are waited for
_HURRY_WITHIN_S = 5.0
_QUIET = {
    # Dask serves pages also without a dashboard, to whoever asks: the names of files are there.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
}
_NOTHING = {"sessions": 0, "complete": False, "terminated": True}


def check_cluster(options: FileOptions, paths: Sequence[str]) -> None:
    """Find what a cluster cannot do before anything is opened.

    Raises:
        UsageError: the extra is missing, an address is not safe, or something cannot be shared.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageError(
            "--cluster needs the extra 'cluster'.", "pip install 'aai-stream[cluster]'"
        ) from None
    address = options.cluster or LOCAL
    if any(path == STDIN or "://" in path for path in paths):
        raise UsageError(
            "--cluster takes files, and neither standard input nor addresses.",
            "name files or folders that the workers see too",
        )
    if options.no_save:
        raise UsageError(
            "--cluster needs recordings: workers leave the words there.", "leave out --no-save"
        )
    if address != LOCAL:
        check_address(address)


def check_address(address: str) -> None:
    """Refuse to give work, and be given words, where anybody can listen.

    Raises:
        UsageError: it is no address, or is without TLS and not of this machine.
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        port = parts.port
    except ValueError:  # it is no number
        port = None
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or port is None:
        raise UsageError(
            f"--cluster '{address}' is no scheduler's address.", "local, or tls://HOST:8786"
        )
    if parts.scheme != "tls" and not is_loopback(f"ws://{parts.netloc}"):
        raise UsageError(
            f"--cluster '{address}' is not encrypted: others could read what is said.",
            "set distributed.comm.tls in dask's configuration, give tls://HOST:PORT",
        )


def transcribe_on_cluster(
    transcriber: Transcriber,
    specs: Sequence[SourceSpec],
    options: FileOptions,
    environment: Environment,
    shard: "Shard | None",
) -> ExitStatus:
    """Transcribe files on workers; everything else is as on this machine."""
    outputs, notices = transcriber.outputs, transcriber.notices
    with contextlib.ExitStack() as stack:
        stack.enter_context(outputs.open_shared())
        if shard is not None:
            notices.note(shard.note)
            outputs.tell(shard.record(datetime.now(UTC)))
        if not specs:
            return ExitStatus.OK
        service = _service_elsewhere(transcriber, options, environment)
        with transcriber.screen.waiting("starting workers"):
            cluster = stack.enter_context(Cluster(transcriber, options, service))
        at_once = min(cluster.at_once, len(specs))
        if options.jobs > 1:
            at_once = min(at_once, options.jobs)
        batch = Batch(transcriber, service, specs, max(at_once, 2), cluster.begin)
        status = batch.run(again=options.again)
    batch.tell_sum()
    return outputs.exit_status(status)


def _service_elsewhere(
    transcriber: Transcriber, options: FileOptions, environment: Environment
) -> Service:
    """What the workers' service is, as far as earlier recordings are known by it."""
    engine = ""
    if options.local:
        from transcribe_cli.emulator.engine_settings import engine_settings_of
        from transcribe_cli.jobs.local_models import choose_or_fetch

        wanted = engine_settings_of(transcriber.parameters.query)
        engine = choose_or_fetch(environment, options.engine, wanted.is_multilingual).asked
    return Service("", Target("", {}), transcriber.parameters, options.local, engine)


class Cluster:
    """The workers of one command; a context manager."""

    def __init__(self, transcriber: Transcriber, options: FileOptions, service: Service) -> None:
        self.transcriber = transcriber
        self._address = options.cluster or LOCAL
        self._jobs = options.jobs
        self._per_minute = options.new_sessions_per_minute
        if self._per_minute is None and not service.local:
            endpoint = resolve_endpoint(options.region.value, options.endpoint)
            if not is_loopback(endpoint):
                self._per_minute = FREE_ACCOUNT_SESSIONS_PER_MINUTE
        terms = () if transcriber.keyterms_file is None else transcriber.keyterms_file.terms
        self._settings = wire.Settings(
            options=structs.replace(
                options,
                **dict.fromkeys(("paths", "from_list", "output", "format", "shard", "cluster")),
                **dict.fromkeys(("captions_file", "captions_port", "keyterms_file")),
                **dict.fromkeys(("jsonl", "text", "sample", "quiet"), False),
                engine=service.engine or None,
                keyterm=[*(options.keyterm or ()), *terms] or None,
                save_dir=str(Path(transcriber.save_dir or "").absolute()),
            ),
            since=timestamp(datetime.now(UTC)),
        )
        self._files: dict[str, RemoteFile] = {}
        self._loop: Loop | None = None
        self._stop: StopRequested | None = None
        self._typed: SettingsTyped | None = None
        self._is_limited = False
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start workers, or find those that are there.

        Raises:
            ServiceError: the scheduler cannot be reached, or there are no workers.
        """
        import dask
        from distributed import Client

        from transcribe_cli.cluster.worker import RecordingsPlugin

        with contextlib.ExitStack() as stack:
            stack.enter_context(dask.config.set(_QUIET))
            if self._address == LOCAL:
                client = stack.enter_context(self._start_workers(stack))
            else:
                try:
                    client = stack.enter_context(Client(self._address, timeout="10s"))
                except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as e:
                    raise ServiceError(
                        f"The scheduler '{self._address}' cannot be reached: {e}.",
                        "see that it runs, and that dask's configuration here has its certificates",
                    ) from e
            self._client: Any = client
            limited = self._per_minute is not None
            if self._per_minute is not None:
                from transcribe_cli.cluster.session_limits import SchedulerLimits

                client.register_plugin(SchedulerLimits(self._per_minute))
            plugin = RecordingsPlugin(wire.encode(self._settings), limited=limited)
            client.register_plugin(plugin)
            stack.callback(client.unregister_worker_plugin, plugin.name)
            self._threads: int = sum(client.nthreads().values())
            if not self._threads:
                raise ServiceError(
                    f"The scheduler '{self._address}' has no workers.", "start some: dask worker"
                )
            client.subscribe_topic(wire.TOPIC, self._told)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start_workers(self, stack: contextlib.ExitStack) -> Any:
        """Workers of this machine, which none but this command can reach."""
        import logging

        from distributed import Client, LocalCluster, Security

        processors = os.cpu_count() or 1
        workers = max(2, min(processors, self._jobs))
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=-(-max(self._jobs, workers) // workers),
            host="127.0.0.1",
            protocol="tls://",
            security=Security.temporary(),
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
            memory_limit=0,
            preload=["transcribe_cli.cluster.ignore_interrupts"],
        )
        stack.enter_context(cluster)
        return Client(cluster)

    @property
    def at_once(self) -> int:
        """How many files at once."""
        return self._threads

    def begin(self, loop: Loop, spec: SourceSpec, view: View | None) -> "RemoteFile":
        """Give a file to the workers."""
        self._loop = loop
        file = RemoteFile(self, loop, spec, view)
        self._files[file.key] = file
        return file

    def submit(self, task: wire.FileTask, done: Callable[[Any], None]) -> Any:
        """Give a task to a worker; `done` is called with its future, on another thread."""
        from transcribe_cli.cluster.worker import transcribe

        key = f"{task.name}-{uuid.uuid4().hex[:8]}"
        future = self._client.submit(transcribe, wire.encode(task), key=key, pure=False)
        future.add_done_callback(done)
        return future

    def stop(self, event: StopRequested) -> None:
        """Have all workers end their sessions; each event counts once."""
        if event is not self._stop:
            self._stop = event
            self._call("stop", event.cause)

    def limit_cost(self) -> None:
        """Have all workers stop, since all files together have cost what they may."""
        if not self._is_limited:
            self._is_limited = True
            self._call("limit_cost")

    def type_line(self, event: SettingsTyped) -> None:
        """Have all workers take a line of settings; each event counts once."""
        if event is not self._typed:
            self._typed = event
            self._call("type_line", event.line)

    def _call(self, method: str, *arguments: str) -> None:
        """Call a method on every worker; a thread waits for their answers, and nobody for it."""
        from transcribe_cli.cluster.worker import call

        def send() -> None:
            with contextlib.suppress(Exception):  # a worker that has died has no session any more
                self._client.run(call, method, *arguments, on_error="ignore")

        threading.Thread(target=send, name="aai-cluster-call", daemon=True).start()

    def _told(self, event: tuple[float, Any]) -> None:
        """A worker tells something; on Dask's thread."""
        loop, told = self._loop, wire.read_event(event[1])
        if loop is not None:
            loop.call(lambda: self._take(told))

    def _take(self, event: wire.Event) -> None:
        notices = self.transcriber.notices
        for label, text in event.notices:
            if label == "error":
                notices.error(text)
            elif label == "warning":
                notices.warning(text)
            else:
                notices.note(text)
        for key, progress in event.progress.items():
            if key in self._files:
                self._files[key].progressed(progress)

    def forget(self, file: "RemoteFile") -> None:
        """A file has ended."""
        self._files.pop(file.key, None)


class _RemoteBill(Bill):
    """What a file costs, as its worker tells."""

    def __init__(self) -> None:
        super().__init__(None)
        self.usd: float | None = 0.0

    def cost_usd(self, now: float) -> float | None:
        """What was told last."""
        return self.usd


class RemoteFile:
    """A file that a worker has: a task of the loop, and a `RunningFile` of the batch."""

    def __init__(self, cluster: Cluster, loop: Loop, spec: SourceSpec, view: View | None) -> None:
        self.spec = spec
        self.key = uuid.uuid4().hex
        self.due = 0.0
        self.has_work = False
        self._cluster = cluster
        self._transcriber = cluster.transcriber
        self._loop = loop
        self._view = view
        self._stops: list[str] = []
        self._give_up_at = float("inf")
        self._bill = _RemoteBill()
        self._result: Result | None = None
        self._stack = contextlib.ExitStack()
        # Now, since shared outputs have files in the order in which they begin.
        self._outputs = self._transcriber.outputs.of_recording(loop, (), self._stack)

    # A `RunningFile`.

    @property
    def run(self) -> Self:
        """What the loop drives."""
        return self

    def end(self) -> Result:
        """Close what is open for it, and say how it ended."""
        assert self._result is not None
        self._transcriber.outputs.hurried |= self._result.interrupted
        self._stack.close()
        return self._result

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # A task.

    @property
    def over(self) -> bool:
        """It has ended."""
        return self._result is not None

    def start(self, now: float) -> None:
        """Give it to a worker."""
        self._transcriber.runs.budget.add(self._bill)
        self._submit()

    def take(self, event: Event, now: float) -> None:
        """Pass on what a person wants."""
        if isinstance(event, StopRequested):
            self._give_up_at = now + (_HURRY_WITHIN_S if self._stops else _STOP_WITHIN_S)
            self._stops.append(event.cause)
            self._cluster.stop(event)
            self.has_work = True
        elif isinstance(event, SettingsTyped):
            self._cluster.type_line(event)

    def read(self, session: Session, now: float) -> None:
        """It has no session here."""

    def advance(self, now: float) -> None:
        """Draw, and look at what all files cost."""
        self.has_work = False
        if self.over:
            return
        if self._view is not None:
            self._view.tick(now)
        if self._transcriber.runs.budget.is_reached(now):
            self._cluster.limit_cost()
        if now >= self._give_up_at:
            self._ended(None)
        self.due = now + _LOOK_EVERY_S

    def bail_out(self) -> None:
        """A fault of ours: workers end their sessions."""
        self._cluster.stop(StopRequested("SIGTERM"))

    def progressed(self, progress: wire.Progress) -> None:
        """Its worker tells how far it is."""
        if progress.cost_usd is not None:
            self._bill.usd = progress.cost_usd
        if self._view is not None and not self.over:
            from transcribe_cli.ui.status_line import Status

            self._view.status(
                Status(
                    state=progress.state,
                    elapsed_s=progress.elapsed_s,
                    source=self.spec.name,
                    turns=progress.turns,
                    message=progress.message,
                    progress=(progress.position_s, progress.length_s, progress.rate),
                )
            )

    @property
    def _by_person(self) -> bool:
        return is_stopped_by_person(self._stops)

    def _submit(self) -> None:
        path = os.path.abspath(self.spec.path or "")  # noqa: PTH100  # `resolve` follows links
        task = wire.FileTask(key=self.key, name=self.spec.name, path=path)
        self._future = self._cluster.submit(task, self._done)

    def _done(self, future: Any) -> None:
        """Its task is over; on Dask's thread."""
        try:
            outcome = wire.read_outcome(future.result())
        except Exception as e:
            outcome = None
            if type(e).__name__ == "KilledWorker" and not self._stops:
                # So many workers died while they had it; another goes on where they came to.
                self._loop.call(self._submit)
                return
            problem = ServiceError(
                f"The workers gave '{self.spec.name}' up: {type(e).__name__}: {e}.",
                "see what the workers say",
            )
            if not self._stops:
                outcome = wire.Outcome(
                    exit_status=int(problem.exit_status), problem=wire.problem_of(problem)
                )
        self._loop.call(lambda: self._ended(outcome))

    def _ended(self, outcome: wire.Outcome | None) -> None:
        """Tell the outputs everything about it. None: it was stopped, and nobody knows more."""
        if self.over:
            return
        if outcome is None:
            outcome = wire.Outcome()
        if self._by_person and not outcome.interrupted:  # as a run here that is asked to stop
            status = of_run(ExitStatus.OK, self._stops, spoken_now=False)
            outcome = structs.replace(outcome, exit_status=int(status), interrupted=True)
        problem = None if outcome.problem is None else outcome.problem.error()
        status = ExitStatus(outcome.exit_status)
        summary = _NOTHING | outcome.summary
        if outcome.recording is not None:
            try:
                self._tell(outcome.recording)
            except (StreamError, OSError) as e:
                problem = problem or IncompleteError(
                    f"What '{self.spec.name}' says cannot be told: {e}.", "run it again"
                )
                status = status or problem.exit_status
        elif problem is not None:
            record = error_record(problem, datetime.now(UTC))
            record.body["source"] = self.spec.name
            self._outputs.write(record)
            self._transcriber.notices.error(problem)
        if "cost_usd" in summary:
            self._bill.usd = summary["cost_usd"]
        self._transcriber.runs.budget.settle(self._bill, self._loop.clock())
        self._cluster.forget(self)
        self._result = Result(status, problem, summary, outcome.interrupted)
        self.has_work = True
        self._loop.wake()

    def _tell(self, recording: str) -> None:
        """Write what the recording holds to all outputs, and show its turns."""
        assert self._transcriber.save_dir is not None
        journal = self._transcriber.save_dir / recording / JOURNAL
        own = Outputs(
            self._transcriber.outputs.open_own(self.spec.name),
            self._transcriber.outputs.output_broken,
        )
        try:
            for line in journal_records(journal):
                record = read_record(line)
                record.body["source"] = self.spec.name
                own.write(record)
                self._outputs.write(record)
                if self._view is not None and is_final(line):
                    self._view.turn(turn_of(line))
        finally:
            own.close()
