"""The exit code of a run that was stopped, and what its last records say."""

import errno
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.run.test_run import PLANS, Kept, Words
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import Result
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.summary import conclude, exit_status
from transcribe_cli.supervisor.actions import Finish
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.ui.notices import Notices

OK, INCOMPLETE = ExitStatus.OK, ExitStatus.INCOMPLETE
INTERRUPTED, TERMINATED = ExitStatus.INTERRUPTED, ExitStatus.TERMINATED


@pytest.mark.parametrize(
    ("stops", "microphone", "file"),
    [
        ([], OK, OK),
        (["limit"], OK, OK),
        (["q"], OK, INTERRUPTED),
        (["SIGINT"], OK, INTERRUPTED),
        (["SIGBREAK"], OK, INTERRUPTED),
        (["SIGTERM"], OK, TERMINATED),
        (["SIGHUP"], OK, TERMINATED),
        (["SIGINT", "SIGTERM"], OK, INTERRUPTED),
        (["SIGTERM", "SIGINT"], OK, TERMINATED),
        (["SIGINT", "SIGINT"], INTERRUPTED, INTERRUPTED),
        (["q", "SIGTERM"], OK, TERMINATED),
    ],
)
def test_stop(stops: list[str], microphone: ExitStatus, file: ExitStatus) -> None:
    assert exit_status(OK, stops, spoken_now=True) is microphone
    assert exit_status(OK, stops, spoken_now=False) is file


def test_microphone_that_is_stopped_once_keeps_what_its_sessions_say() -> None:
    assert exit_status(INCOMPLETE, ["SIGINT"], spoken_now=True) is INCOMPLETE
    assert exit_status(INCOMPLETE, ["SIGINT", "SIGINT"], spoken_now=True) is INTERRUPTED


class Talk(Words):
    """What is spoken into a microphone."""

    kind = "mic"
    live = True


def concluded(
    log: AudioLog, finish: Finish, *, missing_ms: int = 0
) -> tuple[Result, dict[str, list[dict[str, Any]]]]:
    """A second was captured, and all of it was sent; the result, and its records by type."""
    kept = Kept()
    notices = Notices(Console(file=io.StringIO()))
    outputs = Outputs([kept], lambda *_: None)
    source = Talk(1)
    tell = Reporter(PLANS, source, outputs, notices, None, TurnTotals())
    tell.missing_ms = missing_ms
    log.append(bytes(32_000))
    result = conclude(
        *(finish, ["SIGINT"], source, log, Bill(0.45), tell),
        sent=log.frames,
        finished_ms=600,
        audio_s=1.0,
        now=0.0,
    )
    records: dict[str, list[dict[str, Any]]] = {}
    for record in kept.records:
        records.setdefault(record.type, []).append(dict(record.body))
    return result, records


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AudioLog]:
    with AudioLog.create(tmp_path / "audio.wav", AudioFormat()) as log:
        yield log


def test_microphone_that_went_away_costs_no_word_that_was_captured(log: AudioLog) -> None:
    result, records = concluded(log, Finish(OK), missing_ms=3000)

    assert result.exit_status is ExitStatus.AUDIO
    assert result.summary["complete"] is True
    assert result.summary["missing_ms"] == result.summary["lost_ms"] == 3000
    gap = {"start": 1000, "end": 4000, "reason": "no audio from the microphone"}
    assert records["Gap"] == [gap]


@pytest.fixture
def full_disk(log: AudioLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(log, "_write", refuse)


@pytest.mark.usefixtures("full_disk")
def test_every_gap_is_told_whatever_went_wrong_first(log: AudioLog) -> None:
    problem = StreamError("No network.", exit_status=ExitStatus.SERVICE)
    finish = Finish(ExitStatus.SERVICE, problem, complete=False)
    result, records = concluded(log, finish, missing_ms=3000)

    assert result.problem is problem
    assert [error["message"] for error in records["Error"]] == ["No network."]
    assert [(gap["start"], gap["end"]) for gap in records["Gap"]] == [
        (600, 1000),  # without words
        (1000, 4000),  # from no microphone
        (0, 1000),  # not saved
    ]


@pytest.mark.usefixtures("full_disk")
def test_unsaved_audio_is_told_of_a_microphone_that_went_away_too(log: AudioLog) -> None:
    result, records = concluded(log, Finish(OK), missing_ms=3000)

    assert result.exit_status is ExitStatus.AUDIO
    assert [(gap["start"], gap["end"]) for gap in records["Gap"]] == [(1000, 4000), (0, 1000)]
