"""The records that a run makes of what a service has been seen to say."""

from datetime import timedelta
from typing import Any

from tests import recorded_messages as traces
from tests.outputs.turn_records import WHEN
from transcribe_cli.outputs.jsonl_records import Record, message_record, turn_record
from transcribe_cli.protocol.codec import decode_server_message
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import Transcript, TurnUpdate


def recording(source: str, **fields: Any) -> Record:
    """The first record of a run."""
    body = {
        "id": "2026-11-20-090507",
        "source": source,
        "kind": "file",
        "path": None,
        "folder": None,
        "audio": {"sample_rate": 16000, "channels": 1, "encoding": "pcm_s16le"},
        "model": "whisper-rt",
        "endpoint": "ws://127.0.0.1/v3/ws",
        "local": True,
        "parameters": {"speech_model": "whisper-rt", "sample_rate": 16000},
    }
    return Record(WHEN, "Recording", body | fields)


def summary(totals: TurnTotals, **fields: Any) -> Record:
    """The last record of a run."""
    body = {
        "audio_s": 42.5,
        "session_s": 43.0,
        "cost_usd": 0.0,
        "sessions": 1,
        "turns": totals.turns,
        "words": totals.words,
        "languages": {code: ms / 1000 for code, ms in totals.language_ms.items()},
        "lost_ms": 0,
        "terminated": True,
        "complete": True,
    }
    return Record(WHEN + timedelta(seconds=43), "Summary", body | fields)


def told(name: str) -> list[Record]:
    """A whole run in which the service says what a trace holds."""
    transcript, totals = Transcript(), TurnTotals()
    transcript.begin_session(0, 0, expects_formatted="two-finals" in name)
    records = [recording(f"{name}.wav")]

    def tell(updates: list[TurnUpdate]) -> None:
        for update in updates:
            if update.final:
                totals.add(update)
            records.append(turn_record(update, WHEN))

    for number, line in enumerate(traces.read_trace(name)):
        decoded = decode_server_message(line)
        if decoded.message.type == "Turn":
            tell(transcript.receive(0, decoded, float(number)))
        else:
            records.append(message_record(decoded.message.type, decoded.raw, 0, 0, WHEN))
    tell(transcript.end_session(0, complete=True))
    return [*records, summary(totals)]
