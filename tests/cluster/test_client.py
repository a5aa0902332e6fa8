"""What the command tells its workers, also those that come later, and a scheduler that restarts."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed")

from tests.program import patience_s
from transcribe_cli.cluster import client, scheduler_connection, wire
from transcribe_cli.cluster.client import CommandWorkers
from transcribe_cli.errors import ServiceError
from transcribe_cli.exit_status import BY_KEY
from transcribe_cli.jobs.sources import SourceSpec
from transcribe_cli.session.events import EndTurnRequested, SettingsTyped, StopRequested
from transcribe_cli.settings.file_options import FileOptions
from transcribe_cli.ui.notices import Notices, PlainConsole


class Dask:
    """Dask's client.

    Args:
        fails: what it says when a plugin is to be installed.
    """

    id = "Client-1"
    closes_now = False  # just as a task is submitted

    def __init__(self, fails: BaseException | None = None) -> None:
        self.status = "running"
        self.calls: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self.submitted: list[list[str]] = []  # in one go each
        self.threads = {"tls://127.0.0.1:5": 2}
        self.threads_later: dict[str, int] | None = None
        self._fails = fails

    def map(self, _: Any, tasks: list[bytes], **how: Any) -> list[Any]:
        if self.closes_now:
            self.status = "closed"
        if self.status == "closed":
            raise RuntimeError("Client is closed.")
        if self.status == "running":  # else nobody hears of it any more
            self.submitted.append([wire.read_task(task).name for task in tasks])
        return [SimpleNamespace(add_done_callback=lambda done: None) for _ in tasks]

    def register_plugin(self, plugin: Any) -> None:
        if self._fails is not None:
            raise self._fails

    def subscribe_topic(self, topic: str, handler: Any) -> None:
        pass

    def unregister_worker_plugin(self, name: str) -> None:
        pass

    def nthreads(self) -> dict[str, int]:
        return self.threads

    def wait_for_workers(self, workers: int, timeout: float) -> None:
        if not self.threads and self.threads_later is None:
            raise TimeoutError
        self.threads = self.threads_later or self.threads

    def close(self, timeout: float = 0.0) -> None:
        self.status = "closed"

    def run(self, _: Any, command: str, call: bytes, **how: Any) -> None:
        self.calls.put((how["workers"], wire.read_call(call)))

    def told(self) -> tuple[Any, ...]:
        """The next call: the workers, its number, the method, what that is given."""
        workers, call = self.calls.get(timeout=patience_s())
        return workers, call.number, call.method, *call.arguments


@pytest.fixture
def cluster(tmp_path: Path) -> CommandWorkers:
    notices = Notices(PlainConsole(stderr=True))
    outputs = SimpleNamespace(of_recording=lambda *_: None)
    runs = SimpleNamespace(budget=SimpleNamespace(add=lambda _: None))
    transcriber: Any = SimpleNamespace(
        keyterms_file=None, save_dir=tmp_path, notices=notices, outputs=outputs, runs=runs
    )
    service: Any = SimpleNamespace(local=True, engine="")
    return CommandWorkers(transcriber, FileOptions(), service)


def test_each_event_is_told_once_and_to_workers_that_come_later(cluster: CommandWorkers) -> None:
    dask = cluster._client = Dask()
    cluster.command = "aai-stream-1"
    typed = SettingsTyped("RNase")

    cluster.calls.pass_on(typed)
    cluster.calls.pass_on(typed)  # by another file
    assert dask.told() == (None, 0, "type_line", "RNase")
    cluster.calls.pass_on(EndTurnRequested())  # of what is being said now
    assert dask.told() == (None, 1, "end_turn")
    cluster.calls.limit_cost()
    assert dask.told() == (None, 2, "limit_cost")
    cluster.calls.pass_on(StopRequested(BY_KEY))
    assert dask.told() == (None, 3, "stop", BY_KEY)

    cluster._take(wire.Report(begun="tls://127.0.0.1:5"))
    later = [dask.told() for _ in range(3)]
    assert all(call[0] == ["tls://127.0.0.1:5"] for call in later)
    calls = [(0, "type_line", "RNase"), (2, "limit_cost"), (3, "stop", BY_KEY)]
    assert [call[1:] for call in later] == calls
    assert dask.calls.empty()


def test_dask_s_own_log_is_not_on_the_terminal(
    cluster: CommandWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_connect", Dask)
    monkeypatch.setattr(cluster, "_address", "tls://head:8786")
    terminal = logging.StreamHandler()
    monkeypatch.setattr(logging.getLogger("distributed"), "handlers", [terminal])
    with cluster:
        assert terminal.level == logging.CRITICAL
    assert terminal.level == logging.NOTSET


def test_who_takes_the_connection_and_says_nothing_is_no_scheduler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr("distributed.Client", lambda *_, **how: over.wait(patience_s()))
    monkeypatch.setattr(scheduler_connection, "_CONNECTED_WITHIN_S", 0.01)
    with pytest.raises(ServiceError, match="cannot be reached: it does not answer"):
        scheduler_connection.connect_to_scheduler("tls://head:8786")
    over.set()


LATER = {"tls://127.0.0.1:5": 2}


@pytest.mark.parametrize(("now", "later"), [(LATER, None), ({}, LATER), ({}, None)])
def test_it_is_said_that_workers_are_waited_for_where_there_are_none_yet(
    cluster: CommandWorkers,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    now: dict[str, int],
    later: dict[str, int] | None,
) -> None:
    dask = Dask()
    dask.threads, dask.threads_later = now, later
    monkeypatch.setattr(cluster, "_connect", lambda: dask)
    monkeypatch.setattr(cluster, "_address", "tls://head:8786")
    there = contextlib.nullcontext()
    refused = pytest.raises(ServiceError, match="has no workers")
    with there if now or later else refused, cluster:
        assert cluster.at_once == 2
    assert ("waiting for workers of 'tls://head:8786'" in capfd.readouterr().err) == (not now)


@pytest.mark.parametrize(("jobs", "now", "later"), [(1, 2, 6), (60, 60, 60)])
def test_as_many_files_run_at_once_as_workers_have_threads_also_those_that_come_later(
    cluster: CommandWorkers, monkeypatch: pytest.MonkeyPatch, jobs: int, now: int, later: int
) -> None:
    dask = Dask()
    monkeypatch.setattr(cluster, "_connect", lambda: dask)
    monkeypatch.setattr(cluster, "_address", "tls://head:8786")
    monkeypatch.setattr(cluster, "_jobs", jobs)
    called: SimpleQueue[Callable[[], None]] = SimpleQueue()
    asked: list[int] = []
    loop: Any = SimpleNamespace(
        call=called.put, ask_more=lambda: asked.append(cluster.at_once), wake=lambda: None
    )
    spec = SourceSpec(name="a.wav", kind="file", open=lambda: pytest.fail("it is not read here"))
    with cluster:
        cluster.begin(loop, spec, None)
        called.get(timeout=patience_s())()
        dask.threads = {"tls://127.0.0.1:5": 2, "tls://127.0.0.1:6": 4}
        cluster._take(wire.Report(begun="tls://127.0.0.1:6"))
        called.get(timeout=patience_s())()
    assert asked == [now, later]


def test_files_that_begin_one_after_the_other_are_given_to_workers_a_few_times_a_second(
    cluster: CommandWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    dask = cluster._client = Dask()
    cluster.command = "aai-stream-1"
    loop: Any = SimpleNamespace(clock=lambda: now)
    cluster._loop = loop
    begun = 0

    def begin() -> float:
        nonlocal begun
        begun += 1
        spec = SourceSpec(name=str(begun), kind="file", open=lambda: pytest.fail("not read here"))
        file = cluster.begin(loop, spec, None)
        file.start(now)
        return file.due

    assert begin() == begin() == pytest.approx(100.02)  # the first ones at once
    cluster.submit(100.01)
    assert not dask.submitted
    now = 100.02
    cluster.submit(now)
    now = 100.1
    assert begin() == begin() == pytest.approx(100.02 + 1 / 3)
    cluster.submit(now)
    assert dask.submitted == [["1", "2"]]
    cluster.submit(100.5)
    assert dask.submitted == [["1", "2"], ["3", "4"]]


class Restart:
    """A scheduler that is gone, and is asked for again.

    Args:
        clients: those that are made then, one after the other.
    """

    def __init__(
        self, cluster: CommandWorkers, monkeypatch: pytest.MonkeyPatch, clients: list[Dask]
    ) -> None:
        monkeypatch.setattr(client, "_LOOK_AGAIN_S", 0.0)
        monkeypatch.setattr(cluster, "_connect", lambda: clients.pop(0))
        self.first = cluster._client = Dask()
        cluster.command = "aai-stream-1"
        self._cluster = cluster
        self._called: SimpleQueue[Callable[[], None]] = SimpleQueue()
        loop: Any = SimpleNamespace(call=self._called.put, clock=lambda: 0.0)
        self._loop = cluster._loop = loop  # which has counted the workers' threads

    def begin(self, name: str) -> None:
        """Begin a file."""
        spec = SourceSpec(name=name, kind="file", open=lambda: pytest.fail("it is not read here"))
        self._cluster.begin(self._loop, spec, None).start(0.0)

    def is_over(self) -> None:
        """Take the step on main's thread with which files go on."""
        self._called.get(timeout=patience_s())()
        self._cluster.submit(2.0)


@pytest.mark.parametrize("error", [KeyError("odd"), asyncio.CancelledError(), OSError("cut off")])
def test_whatever_a_new_scheduler_says_it_is_asked_again_and_all_files_go_on(
    cluster: CommandWorkers, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    half_made, last = Dask(error), Dask()
    restart = Restart(cluster, monkeypatch, [half_made, last])
    restart.begin("a.wav")
    restart.begin("b.wav")
    cluster.submit(1.0)  # nothing is heard of their tasks any more

    cluster.reconnect(restart.first)
    restart.is_over()

    assert last.submitted == [["a.wav", "b.wav"]]
    assert restart.first.status == half_made.status == "closed"


@pytest.mark.parametrize("status", ["closed", "closing", "connecting", "running"])
def test_a_file_that_begins_while_the_scheduler_is_gone_waits_for_it(
    cluster: CommandWorkers, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    last = Dask()
    restart = Restart(cluster, monkeypatch, [last])
    restart.first.status = status
    restart.first.closes_now = status == "running"

    restart.begin("a.wav")
    restart.begin("b.wav")
    cluster.submit(1.0)
    restart.is_over()

    assert last.submitted == [["a.wav", "b.wav"]]


def test_what_is_heard_late_of_a_client_that_is_gone_begins_nothing(
    cluster: CommandWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = Dask()
    restart = Restart(cluster, monkeypatch, [last])
    restart.begin("a.wav")
    cluster.reconnect(restart.first)
    restart.is_over()

    cluster.reconnect(restart.first)

    assert not cluster._is_lost
    assert last.status == "running"
