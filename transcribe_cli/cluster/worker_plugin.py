"""What Dask calls on a worker. The scheduler reads it too, and imports no more than it has to."""

import asyncio
from typing import TYPE_CHECKING, Any

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from transcribe_cli.cluster.wire import Report, encode, read_call, read_task

if TYPE_CHECKING:
    from transcribe_cli.cluster.worker import WorkerLoop


class WorkerLoopPlugin(WorkerPlugin):  # type: ignore[misc]
    """Puts `WorkerLoop` on each worker, also on one that comes later.

    Args:
        name: of the command's part, and of the topic under which it tells.
        settings: of the command.
        limited: the scheduler is asked for each session.
    """

    def __init__(self, name: str, settings: bytes, *, limited: bool) -> None:
        self.name = name
        self._settings = settings
        self._limited = limited
        self.loop: WorkerLoop | None = None

    def setup(self, worker: Worker) -> None:
        """Called on the worker."""
        from transcribe_cli.cluster.account_limits import Seats, WorkerQuota, telling
        from transcribe_cli.cluster.worker import WorkerLoop

        def tell(report: Report) -> None:
            worker.log_event(self.name, encode(report).decode())

        limits = (WorkerQuota(telling(worker)), Seats(worker, self.name)) if self._limited else ()
        self.loop = WorkerLoop(self._settings, tell, *limits)
        tell(Report(begun=worker.address))

    async def teardown(self, worker: Worker) -> None:
        """Called on the worker when it ends, or the command; other commands are not kept."""
        if self.loop is not None:
            await asyncio.to_thread(self.loop.close)


def transcribe(task: bytes) -> None:
    """The task: one file, on whatever worker this is. Its end is told before that of the task."""
    file = read_task(task)
    _loop_of(get_worker(), file.command).transcribe(file)


def take_call(command: str, call: bytes, dask_worker: Any) -> None:
    """Take a call for a worker's `WorkerLoop` of a command."""
    _loop_of(dask_worker, command).take_call(read_call(call))


def _loop_of(worker: Any, command: str) -> "WorkerLoop":
    loop: WorkerLoop = worker.plugins[command].loop
    return loop
