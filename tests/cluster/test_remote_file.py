"""A file whose workers die is given to others, but not for ever."""

from asyncio import CancelledError
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from transcribe_cli.cluster.remote_file import RemoteFile
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.sources import SourceSpec


class KilledWorker(Exception):
    """Known to us by its name, as Dask's is."""


class Cancelled(CancelledError):
    """As Dask's: a future whose scheduler is gone."""

    reason = "scheduler-connection-lost"


class Workers:
    """What a file asks of its cluster; every worker that gets the file dies."""

    command = "aai-stream-1"
    lost: RemoteFile | None = None

    def __init__(self, error: BaseException) -> None:
        self.submitted = 0
        self.told: list[Any] = []
        self._error = error
        budget = SimpleNamespace(add=lambda _: None, settle=lambda *_: None)
        outputs = SimpleNamespace(of_recording=lambda *_: SimpleNamespace(write=self.told.append))
        self.transcriber: Any = SimpleNamespace(
            outputs=outputs,
            runs=SimpleNamespace(budget=budget),
            notices=SimpleNamespace(error=self.told.append),
        )

    def submit(self, _: Any, done: Callable[[Any], None]) -> None:
        self.submitted += 1
        future: Future[None] = Future()
        future.set_exception(self._error)
        done(future)

    def submit_again(self, file: RemoteFile) -> None:
        self.lost = file

    def forget(self, _: Any) -> None:
        pass


def ended(workers: Workers) -> Any:
    """How a file ends that these workers get; None: it has not."""
    loop: Any = SimpleNamespace(call=lambda do: do(), clock=lambda: 0.0, wake=lambda: None)
    spec = SourceSpec(name="talk.wav", kind="file", open=lambda: pytest.fail("it is not read here"))
    file = RemoteFile(workers, loop, spec, None)  # type: ignore[arg-type]
    file.start(0.0)
    return file._result


def test_a_file_that_kills_every_worker_is_given_up() -> None:
    workers = Workers(KilledWorker("talk.wav", "tls://127.0.0.1:1"))

    result = ended(workers)

    assert workers.submitted == 6
    assert result.exit_status is ExitStatus.SERVICE
    assert result.problem.message.startswith("The workers gave 'talk.wav' up: KilledWorker")


def test_a_fault_of_a_worker_is_not_tried_again() -> None:
    workers = Workers(ValueError("nothing of ours"))

    assert ended(workers).exit_status is ExitStatus.SERVICE
    assert workers.submitted == 1


def test_a_file_whose_scheduler_is_gone_waits_for_the_next() -> None:
    workers = Workers(Cancelled())

    assert ended(workers) is None
    assert workers.lost is not None
    workers.lost.submit()
    assert workers.submitted == 2
