"""A file that workers have: who gets it when they die, and what is told of its journal."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from transcribe_cli.cluster import wire
from transcribe_cli.cluster.submitted_file import SubmittedFile
from transcribe_cli.errors import StreamError, UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.sources import SourceSpec
from transcribe_cli.outputs.output import Output
from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.recordings.folder import JOURNAL
from transcribe_cli.recordings.followed_journal import FollowedJournal
from transcribe_cli.session.events import EndTurnRequested, Event, SettingsTyped, StopRequested


class KilledWorker(Exception):
    """Known to us by its name, as Dask's is."""


class Task(Future[bytes]):
    """A future as Dask's."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self.client = client

    @property
    def status(self) -> str:
        """As Dask has it."""
        failed = self.cancelled() or self.exception() is not None
        return "error" if failed else "finished"


class Workers:
    """What a file asks of its cluster.

    Args:
        error: what every worker that gets the file dies of; None: the file runs, until it `ends`.
    """

    command = "aai-stream-1"

    def __init__(self, error: BaseException | None = None, save_dir: Path | None = None) -> None:
        self.submitted = 0
        self.client = SimpleNamespace(status="running")
        self.lost: list[Any] = []
        self.told: list[Any] = []
        self.calls = SimpleNamespace(pass_on=self.told.append)
        self.errors: list[StreamError] = []
        self._error = error
        budget = SimpleNamespace(
            add=lambda _: None, settle=lambda *_: None, is_reached=lambda _: False
        )
        told = SimpleNamespace(write=self.told.append, put_first=lambda _: None)
        self.transcriber: Any = SimpleNamespace(
            outputs=SimpleNamespace(
                of_recording=lambda *_: told, open_own=self.open_own, hurried=False
            ),
            runs=SimpleNamespace(budget=budget),
            notices=SimpleNamespace(error=self.errors.append),
            save_dir=save_dir,
        )

    def submit_later(self, file: SubmittedFile, now: float) -> float:
        self.submitted += 1
        self.file = file
        self.future = Task(self.client)
        if self._error is not None:
            self.future.set_exception(self._error)
            file.done(self.future)
        else:
            self.future.add_done_callback(file.done)
        return now

    def ends(self, outcome: wire.FileOutcome) -> None:
        self.file.ended(outcome)
        self.future.set_result(b"")

    def open_own(self, _: str) -> list[Output]:
        return []

    def reconnect(self, client: Any) -> None:
        self.lost.append(client)

    def forget(self, _: Any) -> None:
        pass


def begun(workers: Workers, view: Any = None) -> SubmittedFile:
    """A file that these workers get."""
    loop: Any = SimpleNamespace(call=lambda do: do(), clock=lambda: 0.0, wake=lambda: None)
    spec = SourceSpec(name="talk.wav", kind="file", open=lambda: pytest.fail("it is not read here"))
    file = SubmittedFile(workers, loop, spec, view)  # type: ignore[arg-type]
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


def test_a_file_whose_end_has_not_been_told_is_asked_for_again() -> None:
    workers = Workers()
    file = begun(workers)

    workers.future.set_result(b"")  # while its worker's report was lost

    assert workers.submitted == 2
    assert not file.over
    workers.ends(wire.FileOutcome())
    assert file.end().exit_status is ExitStatus.OK


def test_a_file_whose_end_is_never_told_is_given_up() -> None:
    workers = Workers()
    file = begun(workers)
    while not file.over:
        workers.future.set_result(b"")
    assert workers.submitted == 6
    assert file.end().exit_status is ExitStatus.SERVICE


@pytest.mark.parametrize("error", [CancelledError(), asyncio.CancelledError()])
def test_a_file_whose_task_is_cancelled_waits_for_the_scheduler(error: BaseException) -> None:
    workers = Workers(error)

    assert ended(workers) is None
    assert workers.lost == [workers.client]


def test_a_result_that_a_closing_client_cannot_bring_is_waited_for_elsewhere() -> None:
    workers = Workers(OSError("cut off"))
    workers.client.status = "closing"

    assert ended(workers) is None
    assert workers.lost == [workers.client]


def test_a_task_that_a_closing_client_has_cancelled_is_not_asked_for_its_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers()
    file = begun(workers)
    asked: list[float | None] = []
    monkeypatch.setattr(workers.future, "exception", asked.append)  # Dask's may wait for ever

    workers.future.cancel()

    assert workers.lost == [workers.client]
    assert file._result is None and not asked


def test_what_a_person_wants_goes_to_the_workers() -> None:
    workers = Workers()
    file = begun(workers)
    events: list[Event] = [EndTurnRequested(), SettingsTyped("RNase"), StopRequested("SIGINT")]

    for event in events:
        file.take(event, 0.0)

    assert workers.told == events


RECORDING = "2026-talk"
PROGRESS = wire.ProgressReport(RECORDING, 1.5, None, 2.0, 1.6, "transcribing", 3, "", None)
RECORDS = (
    b'{"type": "Begin", "time": "2026-11-28T00:00:00.000Z"}\n'
    b'{"type": "Termination", "time": "2026-11-28T00:00:01.000Z"}\n'
)


@pytest.fixture
def save_dir(tmp_path: Path) -> Path:
    (tmp_path / RECORDING).mkdir()
    (tmp_path / RECORDING / JOURNAL).write_bytes(RECORDS)
    return tmp_path


class Network:
    """What a journal lies on: the looks at it that fail are counted from 0."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: set[int]) -> None:
        self.looks = 0
        read = FollowedJournal.new_records

        def look(journal: FollowedJournal, **asked: Any) -> Iterator[Any]:
            self.looks += 1
            if self.looks - 1 in fails:
                raise OSError("stale file handle")
            return read(journal, **asked)

        monkeypatch.setattr(FollowedJournal, "new_records", look)


@pytest.mark.parametrize("failing_look", [0, 1])
def test_a_journal_that_once_cannot_be_read_is_told_and_the_file_is_whole(
    save_dir: Path, monkeypatch: pytest.MonkeyPatch, failing_look: int
) -> None:
    Network(monkeypatch, {failing_look})
    workers = Workers(save_dir=save_dir)
    file = begun(workers)
    file.progressed(PROGRESS)

    workers.ends(wire.FileOutcome(recording=RECORDING))

    assert [record.type for record in workers.told] == ["Begin", "Termination"]
    assert file.end().exit_status is ExitStatus.OK
    assert not workers.errors


def test_a_journal_that_cannot_be_read_at_the_end_is_said_to_be_untold(
    save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Network(monkeypatch, {1, 2})
    workers = Workers(save_dir=save_dir)
    file = begun(workers)
    file.progressed(PROGRESS)

    workers.ends(wire.FileOutcome(recording=RECORDING))

    assert file.end().exit_status is ExitStatus.INCOMPLETE
    (error,) = workers.errors
    assert error.message == "What 'talk.wav' says cannot be told: stale file handle."


def test_outputs_that_once_cannot_be_opened_are_opened_later_and_lack_a_record(
    save_dir: Path,
) -> None:
    workers = Workers(save_dir=save_dir)
    tries: list[str] = []

    def open_own(name: str) -> list[Output]:
        tries.append(name)
        if len(tries) == 1:
            raise UsageError("'talk.srt' cannot be opened.", "see that its folder is there")
        return []

    workers.transcriber.outputs.open_own = open_own
    file = begun(workers)
    workers.ends(wire.FileOutcome(recording=RECORDING))

    assert len(tries) == 2
    assert [record.type for record in workers.told] == ["Termination"]
    assert file.end().exit_status is ExitStatus.INCOMPLETE


class View:
    """Keeps what is shown beside the turns."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def revise(self, session: int, revision: SpeakerRevision) -> None:
        self.shown.append((session, revision.revisions[0].speaker_label))

    def mark(self, at_ms: int, words: str) -> None:
        self.shown.append((at_ms, words))

    def other_message(self, text: str) -> None:
        self.shown.append(text)

    def hint(self, text: str) -> None:
        pass


def test_what_is_said_beside_the_turns_is_shown_and_no_flood_of_it(save_dir: Path) -> None:
    head = '"time": "2026-11-28T00:00:00.000Z", "session": 1, "session_offset_ms": 0'
    translation = f'{{"type": "Translation", {head}, "text": "Guten Tag."}}\n'
    (save_dir / RECORDING / JOURNAL).write_text(
        f'{{"type": "SpeakerRevision", {head},'
        ' "revisions": [{"turn_order": 0, "speaker_label": "B", "words": []}]}\n'
        f'{{"type": "UpdateConfiguration", {head}, "at": 5, "parameters": {{"mode": "manual"}}}}\n'
        f'{{"type": "Warning", {head}, "warning": "too loud"}}\n' + translation * 1000
    )
    workers, view = Workers(save_dir=save_dir), View()
    begun(workers, view)

    workers.ends(wire.FileOutcome(recording=RECORDING))

    assert view.shown[:2] == [(1, "B"), (5, "mode: manual")]
    assert view.shown[2:] == ["Translation: Guten Tag."] * 20
    assert len(workers.told) == 1003  # outputs have it all
