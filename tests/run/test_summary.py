"""What the last records of a run say."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.config_and_parts import Kept, Words, run_config, run_parts
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.source import DeviceLost
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.channel import ChannelEnd
from transcribe_cli.run.config import Result
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.status import RunStatus
from transcribe_cli.run.summary import conclude
from transcribe_cli.supervisor.actions import FinishRun

OK = ExitStatus.OK


class Talk(Words):
    """What is spoken into a microphone."""

    kind = "mic"
    live = True


def concluded(
    log: AudioLog, finish: FinishRun, *, missing_ms: int = 0
) -> tuple[Result, dict[str, list[dict[str, Any]]]]:
    """A second was captured, and all of it was sent; the result, and its records by type."""
    kept = Kept()
    with Loop() as loop:
        parts = run_parts(Talk(1), log, loop, [kept])
    reporter = Reporter(run_config(), parts.source, parts.outputs, parts.notices, None)
    log.append(bytes(32_000))
    if missing_ms:
        status = RunStatus(run_config(), parts.source, reporter.totals, 0.0)
        reporter.source_event(DeviceLost("USB"), 1000, status)
        log.append(bytes(32 * missing_ms))
    result = conclude(
        [ChannelEnd(finish, sent=log.frames, final_ms=600)],
        *(["SIGINT"], parts, Bill(0.45), reporter),
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
    result, records = concluded(log, FinishRun(OK), missing_ms=3000)

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
    finish = FinishRun(ExitStatus.SERVICE, problem, complete=False)
    result, records = concluded(log, finish, missing_ms=3000)

    assert result.problem is problem
    assert [error["message"] for error in records["Error"]] == ["No network."]
    assert [(gap["start"], gap["end"]) for gap in records["Gap"]] == [
        (1000, 4000),  # from no microphone
        (600, 1000),  # without words
        (0, 4000),  # not saved
    ]


@pytest.mark.usefixtures("full_disk")
def test_unsaved_audio_is_told_of_a_microphone_that_went_away_too(log: AudioLog) -> None:
    result, records = concluded(log, FinishRun(OK), missing_ms=3000)

    assert result.exit_status is ExitStatus.AUDIO
    assert [(gap["start"], gap["end"]) for gap in records["Gap"]] == [(1000, 4000), (0, 4000)]


@pytest.mark.usefixtures("full_disk")
def test_what_a_full_disk_does_not_hold_makes_the_recording_incomplete(log: AudioLog) -> None:
    result, _ = concluded(log, FinishRun(OK))

    assert result.exit_status is ExitStatus.INCOMPLETE
    assert result.problem is not None
    assert result.problem.message == "1.0 s of the recording could not be saved."
