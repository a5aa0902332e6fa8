"""One recording in this process: what the main loop does when something of ours breaks."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.counting import CountingService, Session, counting_service
from tests.run.config_and_parts import Kept, Words, run_config, run_parts
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.protocol.endpoint import normalise_endpoint, session_url
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.run.config import Result
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.run import Run
from transcribe_cli.session.session import Target
from transcribe_cli.settings.session_parameters import Parameters


def run(
    service: CountingService,
    source: Words,
    output: Kept,
    pace: float | None = None,
    model: str = "u3-rt-pro",
) -> Result:
    audio = AudioFormat()
    query = {"speech_model": model, "sample_rate": audio.rate_hz}
    if "format_turns" in MODELS[model].takes:
        query["format_turns"] = True
    config = run_config(
        parameters=Parameters(query, MODELS[model], []),
        target=Target(session_url(normalise_endpoint(service.url), query), {}),
        pace=pace,
        limited=pace is not None,
    )
    with AudioLog.temporary(audio) as log, Loop() as loop:
        recording = Run(config, run_parts(source, log, loop, [output]))
        loop.run([recording])
    assert recording.result is not None
    return recording.result


def alive() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("aai-")]


def test_a_fault_of_ours_still_ends_the_session_properly() -> None:
    with counting_service() as service:
        with pytest.raises(RuntimeError, match="a bug"):
            run(service, Words(200), Kept(breaks_at="Turn"), pace=1.0)
        service.wait_for_close()
        assert service.sessions[0].terminated
    assert alive() == []


def test_a_source_that_breaks_is_transcribed_as_far_as_it_came() -> None:
    output = Kept()
    with counting_service() as service:
        result = run(service, Words(12, breaks=True), output)
    assert result.exit_status is ExitStatus.AUDIO
    assert result.problem is not None
    assert result.problem.message == "The tape is torn."
    assert result.summary["words"] == 12
    assert result.summary["complete"] is False
    assert service.sessions[0].terminated


def test_a_formatted_final_replaces_the_raw_one_and_is_waited_for_only_so_long() -> None:
    def say(session: Session, formatted: bool, text: str) -> None:
        session.send(
            {
                "type": "Turn",
                "turn_order": session.order,
                "turn_is_formatted": formatted,
                "end_of_turn": True,
                "transcript": text,
                "words": [],
            }
        )

    def speaks(session: Session, heard: int) -> None:
        if heard == 1:
            say(session, False, "hello there")
            say(session, True, "Hello there.")
            session.order += 1
            say(session, False, "never formatted")
            session.order += 1
        elif heard == 2:  # and nothing more is said before that was told
            meanwhile.append(comes_true(lambda: len(said()) == 2))

    def said() -> list[Record]:
        return [r for r in output.records if r.update is not None and r.update.final]

    output = Kept()
    meanwhile: list[bool] = []
    with counting_service(turn_words=1000, fault=speaks) as service:
        run(service, Words(20), output, model="whisper-rt")
    assert meanwhile == [True]
    first, second = said()[:2]
    assert first.body["transcript"] == "Hello there."
    assert second.body["transcript"] == "never formatted"
    assert (second.time - first.time).total_seconds() >= 0.9


def comes_true(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return what()
