"""A worker's part of a command, beside that of other commands; Dask runs in this process."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

import dask
from distributed import Client, LocalCluster

from tests.counting import CountingService, counting_service
from tests.end_to_end.counted_files import spoken, write_talk
from tests.program import patience_s, words
from transcribe_cli.cluster import wire, worker
from transcribe_cli.cluster.account_limits import SchedulerLimits
from transcribe_cli.cluster.command_ends import CommandEnds
from transcribe_cli.cluster.scheduler_connection import QUIET
from transcribe_cli.cluster.worker import WorkerLoop
from transcribe_cli.cluster.worker_plugin import WorkerLoopPlugin, transcribe
from transcribe_cli.cluster.worker_screen import ForwardedNotices
from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.journal import journal_records
from transcribe_cli.recordings.lock import is_locked
from transcribe_cli.redaction import MARK, keep_secret
from transcribe_cli.run.loop import MANY
from transcribe_cli.settings.file_options import FileOptions
from transcribe_cli.ui.notices import MOST_CHARACTERS, NamedNotices


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with (
        dask.config.set(QUIET),
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",  # None is a port that another test may have
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
    ):
        yield cluster


def settings_for(service: CountingService, save_dir: Path, pace: str = "max") -> bytes:
    options = FileOptions(endpoint=service.url, pace=pace, save_dir=str(save_dir))
    return wire.encode(wire.Settings(options=options, since="2026-11-28T00:00:00.000Z"))


@pytest.fixture
def told() -> list[wire.Report]:
    """What a worker's loop has told."""
    return []


@pytest.fixture
def worker_loop(tmp_path: Path, told: list[wire.Report]) -> Iterator[WorkerLoop]:
    """A worker's loop, with a service that nobody reaches."""
    options = FileOptions(endpoint="ws://127.0.0.1:9", save_dir=str(tmp_path / "recordings"))
    settings = wire.Settings(options=options, since="2026-11-28T00:00:00.000Z")
    worker_loop = WorkerLoop(wire.encode(settings), told.append)
    worker_loop._ready.wait(patience_s())
    yield worker_loop
    worker_loop.close()


def end_of(told: list[wire.Report]) -> wire.FileOutcome:
    """How the one file ended, which is told once."""
    (outcome,) = [outcome for report in told for outcome in report.ended.values()]
    return outcome


def talk_in(folder: Path) -> wire.FileTask:
    path = write_talk(folder / "talk.wav", 4)
    return wire.FileTask(command="", key="talk", name=path.name, path=str(path))


def ends() -> None:
    """What ends a loop."""
    raise ValueError("nothing of ours")


def test_a_file_that_comes_just_as_the_loop_ends_is_not_waited_for(
    worker_loop: WorkerLoop,
    told: list[wire.Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = worker_loop._loop
    assert loop is not None
    call = loop.call

    def call_late(action: Callable[[], None]) -> None:
        call(ends)
        worker_loop._thread.join(patience_s())
        call(action)

    monkeypatch.setattr(loop, "call", call_late)
    worker_loop.transcribe(talk_in(tmp_path))
    outcome = end_of(told)
    assert outcome.problem is not None and "nothing of ours" in outcome.problem.message
    assert outcome.exit_status == ExitStatus.FAULT


def test_a_file_that_is_begun_just_as_a_stop_comes_is_told_as_stopped(
    worker_loop: WorkerLoop,
    told: list[wire.Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = worker_loop._loop
    assert loop is not None
    call = loop.call

    def call_and_stop(action: Callable[[], None]) -> None:
        def post_both() -> None:  # on the loop's thread, which then takes both in one go
            call(action)
            worker_loop.stop("SIGINT")

        call(post_both)

    monkeypatch.setattr(loop, "call", call_and_stop)
    worker_loop.transcribe(talk_in(tmp_path))
    outcome = end_of(told)
    assert outcome.interrupted and outcome.recording is None
    assert not worker_loop._jobs


class Full:
    """Seats of which none is free."""

    def take(self, file: str) -> bool:
        return False


def test_a_file_that_waits_for_a_seat_ends_when_all_have_cost_what_they_may(
    told: list[wire.Report], tmp_path: Path
) -> None:
    seats: Any = Full()
    with counting_service() as service:
        settings = settings_for(service, tmp_path / "recordings")
        worker_loop = WorkerLoop(settings, told.append, None, seats)
        worker_loop.limit_cost()  # before it is ready, or not
        worker_loop.transcribe(talk_in(tmp_path))
        worker_loop.close()
    outcome = end_of(told)
    assert outcome.exit_status == ExitStatus.INCOMPLETE
    assert outcome.problem is not None and "cost" in outcome.problem.message


def test_files_that_run_have_their_turn_between_two_that_begin(
    worker_loop: WorkerLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = worker_loop._loop
    assert loop is not None
    diary: list[str] = []
    over = threading.Event()
    claim, advance = worker_loop._claim, worker_loop.advance

    def write_claim(*arguments: Any) -> Any:
        diary.append("begins")
        worker_loop.has_work = True
        return claim(*arguments)

    def write_advance(now: float) -> None:
        diary.append("runs")
        worker_loop.has_work = False
        advance(now)
        if diary.count("begins") == 3:
            over.set()

    monkeypatch.setattr(worker_loop, "_claim", write_claim)
    monkeypatch.setattr(worker_loop, "advance", write_advance)
    tasks = [
        wire.FileTask(command="", key=str(n), name=path.name, path=str(path))
        for n in range(3)
        for path in [write_talk(tmp_path / f"{n}.wav", 4, n * 100 + 1)]
    ]

    def begin_all() -> None:
        for task in tasks:
            worker_loop._begin(task, Future())

    loop.call(begin_all)
    assert over.wait(patience_s())
    first = diary.index("begins")
    assert diary[first : first + 5] == ["begins", "runs", "begins", "runs", "begins"]


def test_what_there_is_to_say_of_a_file_that_cannot_begin_is_told_with_its_end(
    worker_loop: WorkerLoop,
    told: list[wire.Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def fail(*_: Any) -> None:
        worker_loop._notices.warning("it is odd")
        raise UsageError("It cannot be.", "leave it")

    monkeypatch.setattr(worker_loop, "_claim", fail)
    worker_loop.transcribe(talk_in(tmp_path))
    (report,) = told
    assert report.notices == [wire.Notice("warning", "it is odd")]
    (outcome,) = report.ended.values()
    assert outcome.problem is not None and outcome.problem.message == "It cannot be."


def test_what_was_not_told_yet_when_a_worker_s_loop_faults_is_told(
    worker_loop: WorkerLoop,
    told: list[wire.Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        worker_loop._notices.warning("it is odd")
        worker_loop._loop.call(ends)  # type: ignore[union-attr]
        raise UsageError("It cannot be.", "leave it")

    monkeypatch.setattr(worker_loop, "_claim", fail)
    monkeypatch.setattr(worker_loop, "advance", lambda now: None)
    worker_loop.transcribe(talk_in(tmp_path))
    worker_loop._thread.join(patience_s())
    (report,) = told
    assert report.notices == [wire.Notice("warning", "it is odd")]
    (outcome,) = report.ended.values()
    assert outcome.problem is not None and outcome.problem.message == "It cannot be."


def test_ends_of_many_files_are_told_together(
    worker_loop: WorkerLoop,
    told: list[wire.Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "TELL_EVERY_S", float("inf"))
    many = 2 * MANY
    files: list[Future[bool]] = [Future() for _ in range(many)]
    tasks = [
        wire.FileTask(command="", key=str(n), name="gone.wav", path=str(tmp_path / "gone.wav"))
        for n in range(many)
    ]

    def begin_all() -> None:
        worker_loop.due = float("inf")
        for task, file in zip(tasks, files, strict=True):
            worker_loop._begin(task, file)

    assert worker_loop._loop is not None
    worker_loop._loop.call(begin_all)
    assert all(file.result(patience_s()) for file in files)
    ended = [report.ended.keys() for report in told if report.ended]
    assert {key for keys in ended for key in keys} == {task.key for task in tasks}
    assert len(ended[0]) >= many - MANY


def test_a_call_that_comes_twice_to_a_worker_that_is_new_is_done_once(
    worker_loop: WorkerLoop,
) -> None:
    typed = wire.Call(0, "type_line", ("RNase",))
    for call in (typed, typed, wire.Call(1, "type_line", ("RNase",))):
        worker_loop.take_call(call)
    assert worker_loop._transcriber.runs.typed == ["RNase", "RNase"]


def test_a_worker_whose_loop_faults_leaves_no_file_locked(
    worker_loop: WorkerLoop,
    told: list[wire.Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = worker_loop._loop
    assert loop is not None
    call = loop.call

    def call_and_end(action: Callable[[], None]) -> None:
        call(action)
        call(ends)

    monkeypatch.setattr(loop, "call", call_and_end)
    worker_loop.transcribe(talk_in(tmp_path))
    outcome = end_of(told)
    assert outcome.problem is not None and "nothing of ours" in outcome.problem.message
    folders = list((tmp_path / "recordings").glob("*-talk*"))
    assert not any(map(is_locked, folders))


class Command:
    """What a client does with the workers, for one file."""

    def __init__(self, client: Client, settings: bytes, *, limited: bool = False) -> None:
        self.client = client
        self.name = wire.command_name(client.id)
        self.told: set[str] = set()
        self.ended: dict[str, wire.FileOutcome] = {}
        self.noticed: list[wire.Notice] = []
        self.noticed_by_the_end: dict[str, list[wire.Notice]] = {}
        client.register_plugin(CommandEnds())
        client.register_plugin(WorkerLoopPlugin(self.name, settings, limited=limited))
        client.subscribe_topic(self.name, self._take)

    def _take(self, event: tuple[float, str]) -> None:
        report = wire.read_report(event[1])
        self.told |= report.progress.keys()
        self.ended |= report.ended
        self.noticed += report.notices
        for key in report.ended:
            self.noticed_by_the_end[key] = list(self.noticed)

    def transcribe(self, path: Path) -> Any:
        task = wire.FileTask(command=self.name, key=path.stem, name=path.name, path=str(path))
        return self.client.submit(transcribe, wire.encode(task), pure=False)

    def end_of(self, path: Path, running: Any) -> wire.FileOutcome:
        """How a file ended, as it was told when its task is over."""
        running.exception(patience_s())
        return self.ended[path.stem]

    def end(self) -> None:
        self.client.unregister_worker_plugin(self.name)


def words_in(save_dir: Path, outcome: wire.FileOutcome) -> list[str]:
    assert outcome.recording is not None, outcome
    return words(list(journal_records(save_dir / outcome.recording / JOURNAL)))


def test_commands_that_share_workers_leave_each_other_alone(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    talks = [write_talk(tmp_path / f"{n}.wav", 20, n * 1000) for n in (1, 2, 3)]
    with counting_service() as service, Client(cluster) as one, Client(cluster) as other:
        settings = settings_for(service, tmp_path / "recordings")
        first = Command(one, settings)
        running = first.transcribe(talks[0])
        second = Command(other, settings)  # while the first command's file runs
        outcomes = [first.end_of(talks[0], running)]
        outcomes.append(second.end_of(talks[1], second.transcribe(talks[1])))
        second.end()
        outcomes.append(first.end_of(talks[2], first.transcribe(talks[2])))
        first.end()
    heard = [words_in(tmp_path / "recordings", outcome) for outcome in outcomes]
    assert heard == [spoken(20, n * 1000) for n in (1, 2, 3)]
    noticed = first.noticed_by_the_end | second.noticed_by_the_end
    for n in (1, 2, 3):  # not only with the next report, which may not come
        assert wire.Notice("note", f"{n}.wav: 2.0 s, 4 turns, 20 words") in noticed[str(n)]
    assert first.told <= {"1", "3"} and second.told <= {"2"}


def test_of_two_commands_that_share_one_seat_one_has_a_file_at_a_time(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    talks = [write_talk(tmp_path / f"{n}.wav", 20, n * 1000) for n in (1, 2)]
    with counting_service() as service, Client(cluster) as one, Client(cluster) as other:
        settings = settings_for(service, tmp_path / "recordings", pace="4")
        commands = []
        for client in (one, other):
            at_once = {wire.command_name(client.id): 1}
            client.register_plugin(SchedulerLimits(100, at_once))
            commands.append(Command(client, settings, limited=True))
        running = [command.transcribe(talk) for command, talk in zip(commands, talks, strict=True)]
        outcomes = [
            command.end_of(talk, one)
            for command, talk, one in zip(commands, talks, running, strict=True)
        ]
    assert all(outcome.recording and not outcome.exit_status for outcome in outcomes)
    times = sorted(
        [record["time"] for record in journal_records(path)]
        for path in (tmp_path / "recordings").glob(f"*/{JOURNAL}")
    )
    first, second = times
    assert first[-1] <= second[0]


def test_what_a_worker_breaks_off_as_it_ends_is_no_end_of_the_file(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    talk = write_talk(tmp_path / "talk.wav", 600)
    with counting_service() as service, Client(cluster) as client:
        command = Command(client, settings_for(service, tmp_path / "recordings", pace="1"))
        running = command.transcribe(talk)
        service.wait_for_words(1)
        command.end()
        assert running.exception(patience_s()) is None
        service.wait_for_close()
    assert service.sessions[0].terminated
    assert not command.ended
    assert [notice.text.partition(" ")[0] for notice in command.noticed] == ["talk.wav:"]


def test_a_command_that_is_killed_is_taken_off_the_workers(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    with counting_service() as service:
        with Client(cluster) as killed:
            command = Command(killed, settings_for(service, tmp_path))
            (part,) = [
                plugin
                for worker in cluster.workers.values()
                for name, plugin in worker.plugins.items()
                if name == command.name
            ]
        part.loop._thread.join(patience_s())
        assert not part.loop._thread.is_alive()
        assert command.name not in cluster.scheduler.worker_plugins


def test_an_error_of_a_worker_is_told_with_its_hint() -> None:
    notices = ForwardedNotices(verbose=True)
    NamedNotices(notices, "a.wav", quiet=True).error(UsageError("It is odd.", "look at it"))
    notices.warning("a warning")
    notices.note("a note")
    notices.debug("for --verbose")
    assert notices.take() == [
        wire.Notice("error", "a.wav: It is odd.", "a.wav: look at it"),
        wire.Notice("warning", "a warning"),
        wire.Notice("note", "a note"),
        wire.Notice("debug", "for --verbose"),
    ]
    assert not notices.take()


def test_what_a_worker_tells_is_safe_text_of_some_length_without_the_key() -> None:
    key = "0123456789abcdef" * 2
    keep_secret(key)
    notices = ForwardedNotices(verbose=True)
    for tell in (notices.error, notices.warning, notices.note, notices.debug):
        tell(f"{key}\x1b[31m\n" + "x" * 5000)
    notices.error("odd", f"try {key}")
    *cut, last = notices.take()
    assert len(cut) == 4
    for notice in cut:
        assert notice.text.startswith(MARK) and notice.text.isprintable()
        assert len(notice.text) <= MOST_CHARACTERS + len("...")
    assert last.hint == f"try {MARK}"
