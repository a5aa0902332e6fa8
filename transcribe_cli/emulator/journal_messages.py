"""What the service said, out of the records of a journal of `aai-stream`. Pure.

Records are described in `docs/jsonl.md`. A message of the service has `session_offset_ms` and other
fields of ours beside its own, and its times are on the recording's clock.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from transcribe_cli.protocol.codec import read_server_object
from transcribe_cli.protocol.messages import CLIENT_MESSAGES, Turn
from transcribe_cli.transcript.recording_clock import to_recording_clock

_OURS = {"v", "seq", "time", "session", "session_offset_ms", "source"}
_OF_A_TURN = {"turn", "start", "end", "final"}
_NOT_PLAYED = {"Begin", "Termination", *CLIENT_MESSAGES}  # a new session has its own


class SaidThen(NamedTuple):
    """One message of the service, and when it came, in ms since its session's `Begin`."""

    at_ms: int
    frame: str


def is_record(line: Mapping[str, Any]) -> bool:
    """Whether a line of JSON is a record of a journal."""
    return {"v", "seq", "time", "type"} <= line.keys()


def sessions_of(records: Iterable[Mapping[str, Any]]) -> list[list[SaidThen]]:
    """What was said in each session, in the order of their numbers."""
    began: dict[int, datetime] = {}
    said: dict[int, list[SaidThen]] = {}
    for record in records:
        number, offset_ms, time = (record.get(n) for n in ("session", "session_offset_ms", "time"))
        if not (isinstance(number, int) and isinstance(offset_ms, int) and isinstance(time, str)):
            continue  # a record of ours
        try:
            came = datetime.fromisoformat(time)
            since = came - began.setdefault(number, came)
        except (ValueError, TypeError):  # no time, or one without a zone
            continue
        messages = said.setdefault(number, [])
        if record["type"] not in _NOT_PLAYED:
            at_ms = max(0, round(since.total_seconds() * 1000))
            messages.append(SaidThen(at_ms, _frame(record, offset_ms)))
    return [said[number] for number in sorted(said)]


def _frame(record: Mapping[str, Any], offset_ms: int) -> str:
    """The message as the service sent it: its own fields and times, `type` last."""
    ours = _OURS | (_OF_A_TURN if record["type"] == Turn.type else set())
    raw = {name: value for name, value in record.items() if name not in ours and name != "type"}
    decoded = read_server_object({**raw, "type": record["type"]})
    return msgspec.json.encode(to_recording_clock(decoded, -offset_ms).raw).decode()
