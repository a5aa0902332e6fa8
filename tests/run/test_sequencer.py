"""What two sessions say at once is told one after the other, as their leases have it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.run.config_and_parts import run_config
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Begin, Termination, Turn, Word
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.run.sequencer import Ended, Odd, OtherMessage, SequencedUpdate, Sequencer
from transcribe_cli.session.events import BadFrame, Closed, Received
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.supervisor.lease import Lease, LeaseState
from transcribe_cli.transcript.turns import TurnUpdate

OLD = Lease(0, LeaseState.OPEN)
DRAINING = replace(OLD, state=LeaseState.DRAINING, handed=True, owes=True)
AFTER_TURN = replace(DRAINING, owes=False)
READY = Lease(1, LeaseState.READY)
NEW = Lease(1, LeaseState.OPEN)
NEW_DRAINING = replace(NEW, state=LeaseState.DRAINING)


def sequencer(*, limited: bool = False) -> Sequencer:
    made = Sequencer(run_config(limited=limited))
    made.started(0, 0)
    return made


def turn(session: int, order: int, end_ms: int, *, ended: bool = True) -> Received:
    words = [Word(start=end_ms - 100, end=end_ms, text=f"w{end_ms}")]
    message = Turn(
        turn_order=order,
        turn_is_formatted=True,
        end_of_turn=ended,
        transcript=f"w{end_ms}",
        words=words,
    )
    return Received(session, Decoded(message, {"words": [], "turn_order": order}), 0.0)


def said(session: int, message: Any) -> Received:
    return Received(session, Decoded(message, {"type": message.type}), 0.0)


def texts(all_told: list[SequencedUpdate]) -> list[str]:
    """Turns with their final version, and the types of the other messages."""
    return [
        told.message.transcript if isinstance(told, TurnUpdate) else told.decoded.message.type
        for told in all_told
        if isinstance(told, OtherMessage) or (isinstance(told, TurnUpdate) and told.final)
    ]


def test_nothing_is_final_that_was_not_sent_whatever_a_word_s_time_says() -> None:
    sequence = sequencer()
    odd = turn(0, 0, 100_000)
    odd.sent_ms = 1_200
    sequence.take(odd, (OLD,), 0.0)
    sequence.take(Closed(0, received_to=25_600), (OLD,), 0.0)

    assert sequence.committed_ms == sequence.final_ms == sequence.last_turn_end_ms == 1_200


def test_what_a_session_says_is_told_when_it_comes() -> None:
    sequence = sequencer()

    assert texts(sequence.take(said(0, Begin("a", 1)), (OLD,), 0.0)) == ["Begin"]
    assert texts(sequence.take(turn(0, 0, 500), (OLD,), 0.0)) == ["w500"]
    assert sequence.take(Closed(0, terminated=True), (OLD,), 0.0) == [Ended(0)]
    assert sequence.final_ms == 500


def test_what_the_next_session_says_waits_for_the_end_of_the_one_before() -> None:
    sequence = sequencer()
    both = (DRAINING, NEW)
    sequence.take(turn(0, 0, 500), both, 0.0)
    sequence.started(1, 600)

    assert sequence.take(said(1, Begin("b", 1)), both, 0.0) == []
    assert sequence.take(turn(1, 0, 300), both, 0.0) == []
    assert texts(sequence.take(turn(0, 1, 580), both, 0.0)) == ["w580"]
    sequence.take(Closed(0, terminated=True), both, 0.0)
    assert texts(sequence.go_on((NEW,), 0.0)) == ["Begin", "w300"]
    assert sequence.final_ms == 900


def test_session_opened_ahead_is_not_heard_before_it_reads() -> None:
    sequence = sequencer()

    assert sequence.take(said(1, Begin("b", 1)), (OLD, READY), 0.0) == []
    sequence.take(Closed(0), (OLD, READY), 0.0)
    assert sequence.go_on((READY,), 0.0) == []
    sequence.started(1, 0)
    assert texts(sequence.go_on((NEW,), 0.0)) == ["Begin"]


def test_session_that_has_settled_before_its_turn_is_heard_after_the_one_before() -> None:
    sequence = sequencer()
    both = (DRAINING, NEW_DRAINING)
    sequence.take(turn(0, 0, 500), both, 0.0)
    sequence.started(1, 600)
    sequence.take(turn(1, 0, 300), both, 0.0)
    sequence.take(said(1, Termination(1, 1)), both, 0.0)

    assert sequence.take(Closed(1, terminated=True), both, 0.0) == []
    settled = (DRAINING, replace(NEW, state=LeaseState.SETTLED))
    assert sequence.go_on(settled, 0.0) == []
    sequence.take(Closed(0, terminated=True), settled, 0.0)
    assert texts(sequence.go_on((), 0.0)) == ["w300", "Termination"]


def test_session_that_breaks_off_before_its_turn_has_said_nothing() -> None:
    sequence = sequencer()
    both = (DRAINING, NEW)
    sequence.take(turn(0, 0, 500), both, 0.0)
    sequence.started(1, 600)
    sequence.take(said(1, Begin("b", 1)), both, 0.0)
    sequence.take(turn(1, 0, 300), both, 0.0)

    assert texts(sequence.take(Closed(1, code=1006), both, 0.0)) == ["Begin"]
    sequence.take(Closed(0, terminated=True), both, 0.0)
    assert sequence.go_on((), 0.0) == []
    assert sequence.committed_ms == 500


def test_turns_after_the_one_at_which_the_next_took_over_are_not_told_twice() -> None:
    sequence = sequencer()
    sequence.take(turn(0, 0, 500), (OLD,), 0.0)

    assert sequence.last_turn_end_ms == 500
    assert sequence.take(turn(0, 1, 700), (AFTER_TURN, NEW), 0.0) == []
    sequence.take(Closed(0, terminated=True), (AFTER_TURN, NEW), 0.0)
    assert sequence.final_ms == 500


def test_late_formatted_version_does_not_move_the_end_of_the_last_turn_back() -> None:
    sequence = sequencer()
    sequence.take(turn(0, 1, 900), (OLD,), 0.0)
    sequence.take(turn(0, 0, 500), (OLD,), 0.0)

    assert sequence.last_turn_end_ms == 900


def test_dropped_session_is_over_for_the_transcript_and_still_told_of() -> None:
    sequence = sequencer()
    sequence.take(turn(0, 0, 500), (OLD,), 0.0)
    sequence.take(turn(0, 1, 700, ended=False), (OLD,), 0.0)

    assert sequence.drop(0, received_to=16_000) == [Ended(0)]
    assert sequence.committed_ms == 500
    dropped = (replace(OLD, state=LeaseState.DROPPED),)
    assert sequence.take(turn(0, 1, 700), dropped, 0.0) == []
    assert texts(sequence.take(said(0, Termination(1, 1)), dropped, 0.0)) == ["Termination"]


def test_open_turn_is_said_again_unless_the_service_has_finished_with_it() -> None:
    cut, finished = sequencer(), sequencer()
    for sequence in (cut, finished):
        sequence.take(turn(0, 0, 700, ended=False), (OLD,), 0.0)
    cut.take(Closed(0, code=1006), (OLD,), 0.0)
    draining = (replace(OLD, state=LeaseState.DRAINING),)
    told = finished.take(Closed(0, terminated=True), draining, 0.0)

    assert cut.committed_ms == 0
    assert texts(told) == ["w700"]
    assert finished.committed_ms == 700


def test_long_silence_is_not_sent_again() -> None:
    sequence = sequencer(limited=True)
    sequence.take(turn(0, 0, 500), (OLD,), 0.0)
    sequence.take(Closed(0, received_to=16_000 * 100), (OLD,), 0.0)

    assert sequence.committed_ms == 40_000


def test_message_that_cannot_be_read_is_a_warning() -> None:
    (told,) = sequencer().take(BadFrame(0, "not JSON"), (OLD,), 0.0)

    assert isinstance(told, Odd)


@pytest.mark.parametrize(
    ("model", "format_turns", "configuration", "shown"),
    [
        ("whisper-rt", True, None, "Buenos días, 5."),
        ("whisper-rt", True, {"model": "whisper-rt"}, "Buenos días, 5."),
        ("whisper-rt", "true", None, "Buenos días, 5."),  # of `--param`
        ("whisper-rt", False, None, "buenos días cinco"),
        # What is off is not among the parameters that a session runs with.
        ("whisper-rt", False, {"model": "whisper-rt"}, "buenos días cinco"),
        ("whisper-rt", True, {"model": "universal-streaming-english"}, "buenos días cinco"),
        ("universal-streaming-english", True, None, "buenos días cinco"),  # the words differ
    ],
)
def test_a_raw_final_is_told_as_its_utterance_has_it_where_formatting_was_asked_for(
    model: str, format_turns: object, configuration: object, shown: str
) -> None:
    query = {"speech_model": model, "format_turns": format_turns}
    sequence = Sequencer(run_config(parameters=Parameters(query, MODELS[model], [])))
    sequence.started(0, 0)
    begin = {"type": "Begin"} | ({"configuration": configuration} if configuration else {})
    sequence.take(Received(0, Decoded(Begin("b"), begin), 0.0), (OLD,), 0.0)
    raw = Turn(transcript="buenos días cinco", utterance="Buenos días, 5.", end_of_turn=True)
    told = sequence.take(Received(0, Decoded(raw, {}), 0.0), (OLD,), 0.0)

    assert texts([*told, *sequence.release_due(1.0)]) == [shown]


def test_a_raw_final_does_not_wait_for_a_formatted_one_that_was_not_asked_for() -> None:
    query = {"speech_model": "whisper-rt", "format_turns": False}
    sequence = Sequencer(run_config(parameters=Parameters(query, MODELS["whisper-rt"], [])))
    sequence.started(0, 0)
    begin = {"type": "Begin", "configuration": {"model": "whisper-rt"}}
    sequence.take(Received(0, Decoded(Begin("b"), begin), 0.0), (OLD,), 0.0)
    raw = Turn(transcript="hola", end_of_turn=True)

    assert texts(sequence.take(Received(0, Decoded(raw, {}), 0.0), (OLD,), 0.0)) == ["hola"]
