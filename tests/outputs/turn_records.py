"""Final turns and records, made on the spot."""

from datetime import UTC, datetime
from typing import Any

from tests.transcript.turn_shorthand import decoded
from transcribe_cli.outputs.jsonl_records import Record, turn_record
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.transcript.turns import Transcript, TurnUpdate

WHEN = datetime(2026, 11, 20, 9, 5, 7, 999_999, UTC)


def update(text: str, *, final: bool = True, **fields: Any) -> TurnUpdate:
    """A turn of a session that starts 1000 ms into the recording."""
    transcript = Transcript()
    transcript.begin_session(0, 1000, expects_formatted=False)
    turn = Turn(transcript=text, end_of_turn=final, **fields)
    (made,) = transcript.receive(0, decoded(turn), 0.0)
    return made


def record(text: str, *, final: bool = True, **fields: Any) -> Record:
    """The record of such a turn."""
    return turn_record(update(text, final=final, **fields), WHEN)
