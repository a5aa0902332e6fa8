"""`file --cluster`: the same jobs as with `--jobs`, each of them on a worker of a Dask cluster.

`Batch` drives them as it drives runs of its own: what is asked here is a task of its loop that
waits for a worker. When a file has ended, its journal goes through this command's outputs.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import structs

from transcribe_cli.cluster import wire
from transcribe_cli.cluster.calls import WorkerCalls
from transcribe_cli.cluster.checks import LOCAL
from transcribe_cli.cluster.scheduler_connection import (
    DASHBOARD,
    QUIET,
    connect_to_scheduler,
    dask_keeps_quiet,
    start_workers,
)
from transcribe_cli.cluster.submitted_file import SubmittedFile
from transcribe_cli.errors import ServiceError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.batch import Batch
from transcribe_cli.jobs.sources import SourceSpec
from transcribe_cli.jobs.transcriber import Transcriber
from transcribe_cli.outputs.jsonl_records import timestamp
from transcribe_cli.protocol.endpoint import is_loopback, resolve_endpoint
from transcribe_cli.run.config import Service
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import View
from transcribe_cli.session.session import Target
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.file_options import FileOptions
from transcribe_cli.supervisor.session_quota import FREE_ACCOUNT_SESSIONS_PER_MINUTE

if TYPE_CHECKING:
    from transcribe_cli.jobs.shards import Shard

_LOOK_AGAIN_S = 0.2
_GATHER_S = 0.02
_SUBMIT_EVERY_S = 1 / 3
_HYPHEN = "\N{NON-BREAKING HYPHEN}"
_TASKS_OF = "file"  # what Dask counts them under, for as long as its scheduler runs
_FIRST_WORKER_WITHIN_S = 15
_BACK_WITHIN_S = 120.0


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
        is_local = (options.cluster or LOCAL) == LOCAL
        with transcriber.screen.waiting("starting workers" if is_local else "finding workers"):
            cluster = stack.enter_context(CommandWorkers(transcriber, options, service))
        batch = Batch(transcriber, service, specs, elsewhere=cluster)
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


class CommandWorkers:
    """The workers of one command; a context manager.

    Attributes:
        command: the name of its part on each worker, once that is there.
        calls: what all workers are told.
    """

    def __init__(self, transcriber: Transcriber, options: FileOptions, service: Service) -> None:
        self.transcriber = transcriber
        self._address = options.cluster or LOCAL
        self._jobs = options.jobs
        self._dashboard = options.dashboard
        self._per_minute = options.new_sessions_per_minute
        if self._per_minute is None and not service.local:
            endpoint = resolve_endpoint(options.region.value, options.endpoint)
            if not is_loopback(endpoint):
                self._per_minute = FREE_ACCOUNT_SESSIONS_PER_MINUTE
        file = transcriber.keyterms_file
        terms = () if file is None else file.terms
        self._settings = wire.Settings(
            options=structs.replace(
                options,
                **dict.fromkeys(("paths", "from_list", "output", "format", "shard", "cluster")),
                **dict.fromkeys(("captions_file", "captions_port", "keyterms_file")),
                **dict.fromkeys(("jsonl", "text", "sample", "quiet", "dashboard"), False),
                engine=service.engine or None,
                keyterm=[*(options.keyterm or ()), *terms] or None,
                save_dir=str(Path(transcriber.save_dir or "").absolute()),
            ),
            since=timestamp(datetime.now(UTC)),
        )
        self._threads = 0  # of all workers
        self.calls = WorkerCalls(self._run)
        self._files: dict[str, SubmittedFile] = {}
        self._to_submit: list[SubmittedFile] = []
        self._submit_at = float("-inf")
        self._loop: Loop | None = None
        self._is_over = False
        self._is_lost = False  # the scheduler is gone, with the tasks of all files
        self._lost_lock = threading.Lock()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start workers, or find those that are there.

        Raises:
            ServiceError: the scheduler cannot be reached, or there are no workers.
        """
        import dask

        with contextlib.ExitStack() as stack:
            stack.enter_context(dask.config.set(DASHBOARD if self._dashboard else QUIET))
            stack.enter_context(dask_keeps_quiet())
            if self._address == LOCAL:
                client = start_workers(self._jobs, stack, dashboard=self._dashboard)
                if self._dashboard:
                    self.transcriber.notices.note(f"dashboard: {client.dashboard_link}")
            else:
                client = self._connect()
            self._client: Any = client
            stack.callback(lambda: self._client.close())  # it may be another one by then
            self._install()
            stack.callback(self._take_off)
            if not client.nthreads():
                self.transcriber.notices.note(f"waiting for workers of '{self._address}'")
            with contextlib.suppress(TimeoutError):  # they may be starting too
                client.wait_for_workers(1, timeout=_FIRST_WORKER_WITHIN_S)
            self._threads = sum(client.nthreads().values())
            if not self._threads:
                raise ServiceError(
                    f"The scheduler '{self._address}' has no workers.", "start some: dask worker"
                )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._stack.close()

    def _install(self, *, anew: bool = False) -> None:
        """Have the scheduler and all workers, also those to come, do their part of this command.

        Args:
            anew: the scheduler has begun anew, and knows nothing of what was opened of late.
        """
        from transcribe_cli.cluster.command_ends import CommandEnds
        from transcribe_cli.cluster.worker_plugin import WorkerLoopPlugin

        client, limited = self._client, self._per_minute is not None
        self.command = wire.command_name(client.id)
        client.register_plugin(CommandEnds())
        if self._per_minute is not None:
            from transcribe_cli.cluster.account_limits import SchedulerLimits

            at_once = {self.command: self._jobs if self._jobs > 1 else None}
            limits = SchedulerLimits(self._per_minute, at_once, used=anew)
            client.register_plugin(limits)
        client.subscribe_topic(self.command, self._told)
        settings = wire.encode(self._settings)
        client.register_plugin(WorkerLoopPlugin(self.command, settings, limited=limited))

    def _take_off(self) -> None:
        """End this command's part on all workers."""
        if self._client.status == "running":
            self._client.unregister_worker_plugin(self.command)

    def _connect(self) -> Any:
        return connect_to_scheduler(self._address)

    @property
    def at_once(self) -> int:
        """How many files at once: what was asked for, or as many as the workers have threads."""
        return self._jobs if self._jobs > 1 else self._threads

    def begin(self, loop: Loop, spec: SourceSpec, view: View | None) -> "SubmittedFile":
        """Give a file to the workers."""
        if self._loop is None:
            self._loop = loop
            self._welcome(None)  # workers that have begun just now
        file = SubmittedFile(self, loop, spec, view)
        self._files[file.key] = file
        return file

    def submit_later(self, file: "SubmittedFile", now: float) -> float:
        """Have a file's task go with those of others; gives the time when `submit` does that."""
        if not self._to_submit:
            self._submit_at = max(self._submit_at, now + _GATHER_S)
        self._to_submit.append(file)
        return self._submit_at

    def submit(self, now: float) -> None:
        """Give workers what waits; each `done` is called with its future, on Dask's thread.

        To the scheduler many tasks in one go cost little more than one. Where it is gone, all files
        submit again when it is back.
        """
        from transcribe_cli.cluster.worker_plugin import transcribe

        if not self._to_submit or now < self._submit_at:
            return
        files, self._to_submit = self._to_submit, []
        self._submit_at = now + _SUBMIT_EVERY_S
        if self._is_lost:
            return
        client = self._client
        try:
            if client.status == "running":
                tasks = [wire.encode(file.task()) for file in files]
                keys = [self._key_of(file) for file in files]
                for file, future in zip(
                    files, client.map(transcribe, tasks, key=keys, pure=False), strict=True
                ):
                    file.future = future  # Dask forgets a task whose future nobody has
                    future.add_done_callback(file.done)
                return
        except Exception:  # Dask's are of several kinds
            if client.status == "running":
                raise
        self.reconnect(client)

    def _key_of(self, file: "SubmittedFile") -> str | tuple[str, ...]:
        """What Dask calls a task, and its pages: by the key up to a hyphen and what no word is.

        The scheduler keeps what it has counted under each name: it gets them for its pages alone.
        """
        name, number = file.spec.name, uuid.uuid4().hex[:8]
        if self._dashboard:
            return f"{name.replace('-', _HYPHEN)}-{number}"
        return _TASKS_OF, name, number

    def _run(self, call: wire.Call, worker: str | None) -> None:
        from transcribe_cli.cluster.worker_plugin import take_call

        with contextlib.suppress(Exception):  # who has died has no session any more
            self._client.run(
                *(take_call, self.command, wire.encode(call)),
                workers=None if worker is None else [worker],
                on_error="ignore",
            )

    def _welcome(self, worker: str | None) -> None:
        """Tell a worker that is new what all were told, and have it do its part of the files."""
        loop = self._loop

        def welcome() -> None:
            if worker is not None:
                self.calls.repeat(worker)
            with contextlib.suppress(Exception):  # it is gone again
                self._threads = sum(self._client.nthreads().values()) or self._threads
                if loop is not None:
                    loop.call(loop.ask_more)

        threading.Thread(target=welcome, name="aai-cluster-call", daemon=True).start()

    def reconnect(self, client: Any) -> None:
        """The scheduler is gone, with the tasks of all files; called on any thread.

        When it is back, as a service that is restarted comes back, the workers go on.

        Args:
            client: Dask's, which had the scheduler: by now there may be another one.
        """
        with self._lost_lock:
            if self._is_over or self._is_lost or client is not self._client:
                return
            self._is_lost = True
        threading.Thread(target=self._come_back, name="aai-cluster-back", daemon=True).start()

    def _come_back(self) -> None:
        """Find the scheduler again, as another client: to it, this command is a new one."""
        gives_up_at = time.monotonic() + _BACK_WITHIN_S
        problem: StreamError | None = ServiceError(
            f"The scheduler '{self._address}' is gone.", "start it, and run the command again"
        )
        try:
            while problem is not None and time.monotonic() < gives_up_at and not self._is_over:
                with contextlib.suppress(BaseException):  # the client that is gone, or half made
                    self._client.close(timeout=_LOOK_AGAIN_S)
                time.sleep(_LOOK_AGAIN_S)
                # A scheduler that has just started, and its workers, fail in ways of their own;
                # what Dask cancels is no `Exception`.
                with contextlib.suppress(BaseException):
                    self._client = self._connect()
                    self._install(anew=True)
                    problem = None
        finally:
            if self._loop is not None:
                self._loop.call(lambda: self._go_on(problem))

    def _go_on(self, problem: StreamError | None) -> None:
        """On main's thread, as all that is submitted."""
        self._is_lost = False
        self._to_submit.clear()  # all are given once more
        if problem is None:
            self.transcriber.notices.warning(
                f"the scheduler '{self._address}' has begun anew; files go on as its workers come"
            )
        else:
            self.transcriber.notices.error(problem)
        for file in list(self._files.values()):
            if problem is None:
                file.submit()
            else:
                file.give_up(problem, told=True)

    def _told(self, event: tuple[float, Any]) -> None:
        """A worker tells something; on Dask's thread."""
        loop, told = self._loop, wire.read_report(event[1])
        if loop is not None:
            loop.call(lambda: self._take(told))

    def _take(self, event: wire.Report) -> None:
        if event.begun:
            self._welcome(event.begun)
        self._write_notices(event.notices)
        for key, progress in event.progress.items():
            if key in self._files:
                self._files[key].progressed(progress)
        for key, outcome in event.ended.items():
            if key in self._files:
                self._files[key].ended(outcome)

    def _write_notices(self, told: Sequence[wire.Notice]) -> None:
        """Write what workers have to say."""
        notices = self.transcriber.notices
        for one in told:
            if one.kind == "error":
                notices.error(one.text, one.hint)
            else:
                getattr(notices, one.kind)(one.text)

    def forget(self, file: "SubmittedFile") -> None:
        """A file has ended."""
        self._files.pop(file.key, None)
