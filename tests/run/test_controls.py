"""What keys do to a run, whichever letters they have."""

import pytest

from tests.counting import CountingService, counting_service
from tests.run.config_and_parts import Kept, Words, run_config, run_parts
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.protocol.endpoint import normalise_endpoint, session_url
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.run import Run
from transcribe_cli.session.events import EndTurnRequested, Event, KeyPressed
from transcribe_cli.session.session import Target
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.ui import key_table


class Pressing(Kept):
    """An output that has an event happen as the first turn comes."""

    def __init__(self, loop: Loop, event: Event) -> None:
        super().__init__()
        self._post = [lambda: loop.post(None, event)]

    def write(self, record: Record) -> None:
        super().write(record)
        if record.type == "Turn" and self._post:
            self._post.pop()()


def run(service: CountingService, event: Event) -> ExitStatus:
    """How a file of 20 words ends in whose first turn the event happens."""
    query = {"speech_model": "u3-rt-pro", "sample_rate": 16000}
    config = run_config(
        parameters=Parameters(query, MODELS["u3-rt-pro"], []),
        target=Target(session_url(normalise_endpoint(service.url), query), {}),
        pace=4.0,
    )
    with AudioLog.temporary(config.audio) as log, Loop() as loop:
        recording = Run(config, run_parts(Words(20), log, loop, [Pressing(loop, event)]))
        loop.run([recording])
    assert recording.result is not None
    return recording.result.exit_status


def test_a_file_that_is_stopped_by_any_key_was_stopped_by_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = [b._replace(key="x") if b.action == "stop" else b for b in key_table.KEY_TABLE]
    monkeypatch.setattr(key_table, "KEY_TABLE", tuple(other))
    with counting_service() as service:
        assert run(service, KeyPressed("x")) is ExitStatus.INTERRUPTED
        assert run(service, KeyPressed("q")) is ExitStatus.OK


@pytest.mark.parametrize("event", [KeyPressed("e"), EndTurnRequested()])
def test_the_service_is_asked_to_end_the_turn(event: Event) -> None:
    with counting_service() as service:
        assert run(service, event) is ExitStatus.OK
        assert service.sessions[0].texts == ['{"type":"ForceEndpoint"}']
