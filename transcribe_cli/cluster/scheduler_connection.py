"""Dask's scheduler: one that is there, or one of this command's own with its workers."""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from transcribe_cli.errors import ServiceError

_CONNECTED_WITHIN_S = 10

QUIET = {
    # What Dask would measure of its own processes costs a twentieth of a core, whatever they do.
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    # Dask serves pages also without a dashboard, to whoever asks: the names of files are there.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
}
DASHBOARD = QUIET | {
    "distributed.scheduler.http.routes": [
        "distributed.http.scheduler.info",
        "distributed.http.statics",
    ]
}


def connect_to_scheduler(address: str) -> Any:
    """A client of the scheduler that is there.

    Raises:
        ServiceError: it cannot be reached.
    """
    from distributed import Client

    connected: Future[Any] = Future()

    def try_to() -> None:
        try:
            client = Client(address, timeout=_CONNECTED_WITHIN_S, set_as_default=False)
        except BaseException as e:  # whatever comes of an answer that is none of Dask's
            connected.set_exception(e)
        else:
            connected.set_result(client)

    # Dask would wait for ever for one that takes the connection and says nothing.
    threading.Thread(target=try_to, name="aai-cluster-connect", daemon=True).start()
    try:
        problem = connected.exception(1.5 * _CONNECTED_WITHIN_S)
    except TimeoutError:
        problem = TimeoutError("it does not answer")
    if problem is None:
        return connected.result()
    words = str(problem).rstrip(".") if isinstance(problem, OSError | RuntimeError) else ""
    raise ServiceError(
        f"The scheduler '{address}' cannot be reached: {words or 'its answer is none of Dask'}.",
        "see that it runs, and that dask's configuration here has its certificates",
    ) from problem


def start_workers(jobs: int, stack: contextlib.ExitStack, *, dashboard: bool) -> Any:
    """A client of workers of this machine, which none but this command can reach.

    Args:
        jobs: so many files at once, of all workers together.
        stack: closes them.
    """
    from distributed import Client, LocalCluster, Security

    workers = max(2, min(os.cpu_count() or 1, jobs))
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=-(-max(jobs, workers) // workers),
        host="127.0.0.1",
        protocol="tls://",
        security=Security.temporary(),
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": dashboard},
        silence_logs=logging.CRITICAL,
        memory_limit=0,
        preload=["transcribe_cli.cluster.ignore_interrupts"],
    )
    stack.enter_context(cluster)
    return Client(cluster)


@contextlib.contextmanager
def dask_keeps_quiet() -> Iterator[None]:
    """While open, Dask's own log is not on standard error: what matters is told as a notice."""
    import distributed  # noqa: F401  # which opens it

    handlers = logging.getLogger("distributed").handlers
    levels = [handler.level for handler in handlers]
    for handler in handlers:
        handler.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for handler, level in zip(handlers, levels, strict=True):
            handler.setLevel(level)
