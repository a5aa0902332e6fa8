"""Records: what a run reports, one JSON object a line, version 1. Pure.

`docs/jsonl.md` describes them for readers. Messages of the service keep the API's type and all
their fields; our own records have types of their own. Readers ignore types and fields they do not
know.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from transcribe_cli.errors import StreamError
from transcribe_cli.recordings.journal import JournalRecord, turn_of
from transcribe_cli.transcript.turns import TurnUpdate

VERSION = 1
_HEAD = {"v", "seq", "time", "type"}
OUR_TYPES = frozenset(
    "Recording Shard Disconnected Reconnected Rollover Gap Paused Resumed Mark Overflow DeviceLost "
    "DeviceBack UpdateConfiguration Summary Total".split()
)
"""Of records that no service sends."""
_OF_A_TURN = {"session", "session_offset_ms", "turn", "start", "end", "final"}


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened.

    Attributes:
        time: when it was recorded.
        type: the API's message type, or one of ours.
        body: all other fields, times on the recording's clock.
        update: for a Turn, the turn itself.
    """

    time: datetime
    type: str
    body: dict[str, Any]
    update: TurnUpdate | None = None


def turn_record(update: TurnUpdate, time: datetime) -> Record:
    """A Turn message, with its place in the recording."""
    ours: dict[str, Any] = {
        "session": update.session,
        "session_offset_ms": update.session_offset_ms,
        "turn": update.turn,
        "start": update.start_ms,
        "end": update.end_ms,
        "final": update.final,
    }
    if update.channel is not None:
        ours |= {"channel": update.channel.number, "channel_name": update.channel.name}
    if update.formatted:
        ours["formatted_transcript"] = update.formatted
    return Record(time, "Turn", _beside(ours, update.raw), update)


def message_record(
    type_name: str, raw: Mapping[str, Any], session: int, offset_ms: int, time: datetime
) -> Record:
    """Any other message of the service; its times are on the recording's clock already.

    One that takes a name of our records is no such record: its type is `Unknown`, and that name
    its `message_type`.
    """
    ours: dict[str, Any] = {"session": session, "session_offset_ms": offset_ms}
    if type_name in OUR_TYPES:
        ours["message_type"], type_name = type_name, "Unknown"
    return Record(time, type_name, _beside(ours, raw))


def error_record(error: StreamError, time: datetime) -> Record:
    """The error that a run, or a command that could not start one, failed with."""
    body = {"exit_code": int(error.exit_status), "message": error.message, "hint": error.hint}
    return Record(time, "Error", body)


def _beside(ours: dict[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields, then the message's; ours win where a service should ever use the same name."""
    body = {**ours, **raw, **ours}
    for name in _HEAD:
        body.pop(name, None)
    return body


def encode_record(record: Record, seq: int) -> bytes:
    """One line of JSON, with its line feed.

    >>> when = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    >>> encode_record(Record(when, "Mark", {"at": 5}), 0)
    b'{"v":1,"seq":0,"time":"2026-01-02T03:04:05.678Z","type":"Mark","at":5}\\n'
    """
    head = {"v": VERSION, "seq": seq, "time": timestamp(record.time), "type": record.type}
    return encode_json(head | record.body) + b"\n"


def encode_json(value: Any) -> bytes:
    """A value as JSON on one line."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        # A file name may hold bytes that are not UTF-8; a number may have any size.
        import json

        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        with suppress(OverflowError):
            return msgspec.json.encode(msgspec.json.decode(text))
        return text


def read_record(line: JournalRecord) -> Record:
    """The record that a journal line was written from."""
    body = {name: value for name, value in line.items() if name not in _HEAD}
    is_whole = line["type"] == "Turn" and line.keys() >= _OF_A_TURN
    update = turn_of(line) if is_whole else None
    return Record(datetime.fromisoformat(line["time"]), line["type"], body, update)


def timestamp(time: datetime) -> str:
    """UTC, ISO 8601, in ms."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
