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
from transcribe_cli.session.events import Event, KeyPressed, SettingsTyped, StopRequested


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

    def pass_on(self, event: Event) -> None:
        self.told.append(event)

    def forget(self, _: Any) -> None:
        pass


def begun(workers: Workers) -> RemoteFile:
    """A file that these workers get."""
    loop: Any = SimpleNamespace(call=lambda do: do(), clock=lambda: 0.0, wake=lambda: None)
    spec = SourceSpec(name="talk.wav", kind="file", open=lambda: pytest.fail("it is not read here"))
    file = RemoteFile(workers, loop, spec, None)  # type: ignore[arg-type]
    file.start(0.0)
    return file


def ended(workers: Workers) -> Any:
    """How such a file ends; None: it has not."""
    return begun(workers)._result


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


def test_what_a_person_wants_goes_to_the_workers() -> None:
    workers = Workers(Cancelled())
    file = begun(workers)
    events: list[Event] = [KeyPressed("e"), SettingsTyped("RNase"), StopRequested("q")]

    for event in events:
        file.take(event, 0.0)

    assert workers.told == events
