"""Reads a recording's journal, also after a crash.

The journal is a recording's JSON Lines (`docs/jsonl.md`). After `kill -9` its last line may be
incomplete.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.protocol.codec import read_server_object
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.system.regular_file import read_regular
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import TurnUpdate

JournalRecord = dict[str, Any]

# Records about the end of a run; they are no longer true once the recording is resumed.
_OF_THE_END = ("Summary", "Gap", "Error")


def whole_lines(data: bytes) -> list[bytes]:
    """The lines that are complete records, without line feeds."""
    return [line for line in data.splitlines() if _read(line) is not None]


def read_journal(path: Path) -> list[JournalRecord]:
    """All complete records, in order; other lines are ignored.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    return records_in(read_regular(path))


def records_in(data: bytes) -> list[JournalRecord]:
    """The same for the bytes of a JSON Lines file."""
    records = (_read(line) for line in data.splitlines())
    return [record for record in records if record is not None]


def _read(line: bytes) -> JournalRecord | None:
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    fits = isinstance(record, dict) and isinstance(record.get("type"), str)
    return record if fits else None


def is_final(record: JournalRecord) -> bool:
    """Whether it is a final Turn."""
    return record["type"] == "Turn" and record.get("final") is True


def turn_of(record: JournalRecord) -> TurnUpdate:
    """The turn of a Turn record; its times are on the recording's clock."""
    return TurnUpdate(
        session=record["session"],
        session_offset_ms=record["session_offset_ms"],
        turn=record["turn"],
        final=record["final"],
        held=False,
        start_ms=record["start"],
        end_ms=record["end"],
        decoded=read_server_object(record),
    )


@dataclass(frozen=True)
class JournalSummary:
    """The summary of a journal.

    Attributes:
        start: the Recording record; empty if it is missing.
        finals: the final Turn records, in order.
        summary: the Summary record at the end; None for a run that was interrupted.
        next_session: the number of the next session.
        session_s: billed seconds so far; a session without Termination counts up to its last
        record. problem: why the journal cannot be read; empty if it can.
    """

    start: JournalRecord = field(default_factory=dict)
    finals: Sequence[JournalRecord] = ()
    summary: JournalRecord | None = None
    next_session: int = 0
    session_s: float = 0.0
    problem: str = ""

    @property
    def audio(self) -> AudioFormat:
        """The format of its audio log."""
        audio = self.start.get("audio", {})
        return AudioFormat(audio.get("sample_rate", 16000), audio.get("channels", 1))

    @property
    def finished_ms(self) -> int:
        """End of the last final word."""
        return max((turn["end"] for turn in self.finals if turn.get("words")), default=0)

    @property
    def totals(self) -> TurnTotals:
        """The totals of its final turns."""
        totals = TurnTotals()
        for record in self.finals:
            totals.add(turn_of(record))
        return totals

    @property
    def next_turn(self) -> int:
        """The number of the next turn."""
        return max((turn["turn"] + 1 for turn in self.finals), default=0)

    @property
    def state(self) -> str:
        """`complete`, `incomplete`, `interrupted` (no Summary at the end) or `unreadable`."""
        if self.problem:
            return "unreadable"
        if self.summary is None:
            return "interrupted"
        return "complete" if self.summary.get("complete") else "incomplete"


def summarize(records: Sequence[JournalRecord]) -> JournalSummary:
    """The summary of a journal's records."""
    problem = _problem(records)
    if problem:
        return JournalSummary(problem=problem)
    start = next((record for record in records if record["type"] == "Recording"), {})
    last = records[-1] if records else {}
    ended = last if last.get("type") == "Summary" else None
    sessions = [record["session"] for record in records if isinstance(record.get("session"), int)]
    return JournalSummary(
        start=start,
        finals=[record for record in records if is_final(record)],
        summary=ended,
        next_session=max(sessions, default=-1) + 1,
        session_s=_session_s(records),
    )


class _Shape(msgspec.Struct):
    """The fields of every record."""

    time: datetime
    session: int | None = None


class _Audio(msgspec.Struct):
    sample_rate: Annotated[int, msgspec.Meta(gt=0)]
    channels: Annotated[int, msgspec.Meta(gt=0)]


class _RecordingShape(_Shape, kw_only=True):
    source: str
    kind: str
    audio: _Audio
    parameters: dict[str, Any]
    path: str | None = None
    endpoint: str | None = None


class _FinalShape(_Shape, kw_only=True):
    session: int
    session_offset_ms: int
    turn: int
    start: int
    end: int


class _SummaryShape(_Shape, kw_only=True):
    audio_s: float = 0.0


_SHAPES: dict[str, type[_Shape]] = {"Recording": _RecordingShape, "Summary": _SummaryShape}


def _problem(records: Sequence[JournalRecord]) -> str:
    """Why these records are no valid journal; "" if they are. Others may have written them."""
    if not any(record["type"] == "Recording" for record in records):
        return "its journal does not begin" if records else "its journal is empty"
    for number, record in enumerate(records, 1):
        final = is_final(record)
        try:
            msgspec.convert(record, _FinalShape if final else _SHAPES.get(record["type"], _Shape))
        except msgspec.ValidationError as e:
            return f"record {number} of its journal is odd: {e}"
        if final and not isinstance(read_server_object(record).message, Turn):
            return f"record {number} of its journal is no turn"
    return ""


def without_closing_records(records: Sequence[JournalRecord]) -> list[JournalRecord]:
    """The records that stay true when the recording is resumed; Errors of the service stay."""
    return [
        record
        for record in records
        if record["type"] not in _OF_THE_END
        or (record["type"] == "Error" and "exit_code" not in record)
    ]


def _session_s(records: Sequence[JournalRecord]) -> float:
    """Billed seconds: from each Termination, else the time between a session's records."""
    seconds: dict[int, float] = {}
    began: dict[int, datetime] = {}
    confirmed: set[int] = set()
    for record in records:
        session = record.get("session")
        if not isinstance(session, int) or session in confirmed:
            continue
        time = datetime.fromisoformat(record["time"])
        if record["type"] == "Begin":
            began[session] = time
        if record["type"] == "Termination":
            said = record.get("session_duration_seconds")
            if isinstance(said, int | float):
                seconds[session] = float(said)
                confirmed.add(session)
                continue
        if session in began:
            seconds[session] = (time - began[session]).total_seconds()
    return sum(seconds.values())
