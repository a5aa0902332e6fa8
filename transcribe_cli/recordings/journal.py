"""Reads a recording's journal, also after a crash.

The journal is a recording's JSON Lines (`docs/jsonl.md`). After `kill -9` its last line may be
incomplete.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.protocol.codec import read_server_object
from transcribe_cli.protocol.messages import Turn, UpdateConfiguration
from transcribe_cli.system.regular_file import open_regular
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import TurnChannel, TurnUpdate, with_transcript

JournalRecord = dict[str, Any]

MOST_LINE_BYTES = 1 << 23
"""A longer line is no record: a message of a service has at most half of this length."""

# Records about the end of a run; they are no longer true once the recording is resumed.
_OF_THE_END = ("Summary", "Gap", "Error")

NO_AUDIO = "no audio from the microphone"
"""The reason of a Gap that stays true: the recording has silence there."""


def journal_records(path: Path) -> Iterator[JournalRecord]:
    """The complete records of a journal, in order; other lines are ignored.

    Raises:
        OSError: the journal cannot be read, or is no regular file.
    """
    with BufferedReader(FileIO(path, "r", opener=open_regular)) as file:
        yield from records_in(file)


def read_journal(path: Path) -> list[JournalRecord]:
    """The complete records of a journal as a list; raises as `journal_records` does."""
    return list(journal_records(path))


def records_in(file: BinaryIO) -> Iterator[JournalRecord]:
    """The complete records in any file of JSON lines."""
    for line in _lines(file):
        if (record := read_line(line)) is not None:
            yield record


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a journal that are complete records, without line feeds.

    Raises:
        OSError: the journal cannot be read, or is no regular file.
    """
    with BufferedReader(FileIO(path, "r", opener=open_regular)) as file:
        return [line for line in _lines(file) if read_line(line) is not None]


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines without line ends; lines that are too long are left out and never held whole."""
    while line := file.readline(MOST_LINE_BYTES):
        if len(line) < MOST_LINE_BYTES or line.endswith(b"\n"):
            yield line.rstrip(b"\r\n")
            continue
        while (line := file.readline(MOST_LINE_BYTES)) and not line.endswith(b"\n"):
            pass


def read_line(line: bytes) -> JournalRecord | None:
    """The record in a line; None if the line is no record."""
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    fits = isinstance(record, dict) and isinstance(record.get("type"), str)
    return record if fits else None


def is_final(record: JournalRecord) -> bool:
    """Whether the record is a final Turn."""
    return record["type"] == "Turn" and record.get("final") is True


def is_closing(record: JournalRecord) -> bool:
    """Whether the record is of a kind that ends a run, and may be untrue after a resume."""
    return record["type"] in _OF_THE_END


def turn_of(record: JournalRecord) -> TurnUpdate:
    """The turn of a Turn record; its times are on the recording's clock."""
    decoded = read_server_object(record)
    formatted = record.get("formatted_transcript")
    if isinstance(formatted, str) and formatted:
        decoded = with_transcript(decoded, formatted)
    else:
        formatted = ""
    return TurnUpdate(
        session=record["session"],
        session_offset_ms=record["session_offset_ms"],
        turn=record["turn"],
        final=record["final"],
        held=False,
        start_ms=record["start"],
        end_ms=record["end"],
        decoded=decoded,
        formatted=formatted,
        channel=_channel_of(record),
    )


def _channel_of(record: JournalRecord) -> TurnChannel | None:
    number, name = record.get("channel"), record.get("channel_name")
    if type(number) is not int or not isinstance(name, str):
        return None
    return TurnChannel(number, name)


@dataclass(frozen=True)
class JournalSummary:
    """The summary of a journal.

    Attributes:
        start: the Recording record; empty if it is missing.
        changes: the connection parameters that were changed while it ran, with their last values.
        finals: the final Turn records, in order.
        gaps: start and end in ms of each stretch for which the source gave no audio; the recording
            has silence there.
        summary: the Summary record at the end; None for a run that was interrupted.
        next_session: the number of the next session.
        sessions: how many sessions began.
        session_s: billed seconds so far; a session without Termination counts up to its last
            record.
        problem: why the journal cannot be read; empty if it can.
    """

    start: JournalRecord = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    finals: Sequence[JournalRecord] = ()
    gaps: Sequence[tuple[int, int]] = ()
    summary: JournalRecord | None = None
    next_session: int = 0
    sessions: int = 0
    session_s: float = 0.0
    problem: str = ""

    @property
    def audio(self) -> AudioFormat:
        """The format of its audio log."""
        audio = self.start.get("audio", {})
        return AudioFormat(audio.get("sample_rate", 16000), audio.get("channels", 1))

    @property
    def finished_ms(self) -> int:
        """Where the last final word ends."""
        ends: list[int] = [turn["end"] for turn in self.finals if turn.get("words")]
        return max([0, *ends])

    @property
    def is_each(self) -> bool:
        """Whether each channel was heard by sessions of its own."""
        return self.start.get("channels") == "each" and self.audio.channels > 1

    @property
    def totals(self) -> TurnTotals:
        """The totals of its final turns."""
        totals = TurnTotals()
        for record in self.finals:
            totals.add(turn_of(record))
        return totals

    @property
    def tracks(self) -> tuple[str, ...]:
        """The names of the audio's channels; empty where they need no names."""
        tracks = self.start.get("tracks")
        if not isinstance(tracks, list) or len(tracks) != self.audio.channels:
            return ()
        return tuple(map(str, tracks))

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


def summarize(records: Iterable[JournalRecord]) -> JournalSummary:
    """The summary of a journal's records; of these only the final turns are kept."""
    start: JournalRecord | None = None
    last: JournalRecord = {}
    changes: dict[str, Any] = {}
    finals, gaps, last_gaps = [], list[JournalRecord](), list[JournalRecord]()
    sessions = _Sessions()
    for number, record in enumerate(records, 1):
        try:
            shape = _shape_of(record)
        except msgspec.ValidationError as e:
            return JournalSummary(problem=f"record {number} of its journal is odd: {e}")
        if start is None and record["type"] == "Recording":
            start = record
        if is_final(record):
            finals.append(record)
        if record["type"] == "Gap":
            last_gaps.append(record)
        elif record["type"] not in _OF_THE_END:
            gaps += last_gaps
            last_gaps = []
        if isinstance(shape, _UpdateShape):
            changes |= shape.parameters
        sessions.add(record, shape)
        last = record
    if start is None:
        what = "does not begin" if last else "is empty"
        return JournalSummary(problem=f"its journal {what}")
    return JournalSummary(
        start=start,
        changes=changes,
        finals=finals,
        gaps=[
            (gap["start"], gap["end"])
            for gap in gaps + [gap for gap in last_gaps if gap.get("reason") == NO_AUDIO]
            if gap["end"] > gap["start"]
        ],
        summary=last if last["type"] == "Summary" else None,
        next_session=sessions.next,
        sessions=sessions.began,
        session_s=sessions.billed_s,
    )


# Bounds that hold for a recording of any length, and that every platform can calculate with.
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
_Ms = Annotated[int, msgspec.Meta(ge=-(1 << 40), le=1 << 40)]  # 34 years
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1 << 30)]


class _Shape(msgspec.Struct):
    """The fields of every record."""

    time: Annotated[datetime, msgspec.Meta(tz=True)]
    session: _Count | None = None

    def __post_init__(self) -> None:
        if not 1970 < self.time.year < 9999:  # outside, local time may be no valid date
            raise ValueError("no recording has been made at that time")


class _Audio(msgspec.Struct):
    sample_rate: Annotated[int, msgspec.Meta(ge=1000, le=1_000_000)]
    channels: Annotated[int, msgspec.Meta(ge=1, le=64)]


class _Excerpt(msgspec.Struct):
    start: _Count = 0
    duration: _Count | None = None


class _RecordingShape(_Shape, kw_only=True):
    source: str
    kind: str
    audio: _Audio
    parameters: dict[str, Any]
    path: str | None = None
    endpoint: str | None = None
    excerpt: _Excerpt | None = None


class _FinalShape(_Shape, kw_only=True):
    session: _Count
    session_offset_ms: _Ms
    turn: _Count
    start: _Ms
    end: _Ms


class _GapShape(_Shape, kw_only=True):
    start: _Ms
    end: _Ms


class _UpdateShape(_Shape, kw_only=True):
    parameters: dict[str, Any]


class _SummaryShape(_Shape, kw_only=True):
    audio_s: _Seconds = 0.0


_SHAPES: dict[str, type[_Shape]] = {
    "Recording": _RecordingShape,
    "Gap": _GapShape,
    UpdateConfiguration.type: _UpdateShape,
    "Summary": _SummaryShape,
}


def _shape_of(record: JournalRecord) -> _Shape:
    """Check the fields that this program relies on, since other programs may write records.

    Raises:
        msgspec.ValidationError: a field is missing, or has a wrong type or value.
    """
    if not is_final(record):
        return msgspec.convert(record, _SHAPES.get(record["type"], _Shape))
    if not isinstance(read_server_object(record).message, Turn):
        raise msgspec.ValidationError("it is no turn")
    return msgspec.convert(record, _FinalShape)


def without_closing_records(records: Sequence[JournalRecord]) -> list[JournalRecord]:
    """The records that stay true when the recording is resumed."""
    last = max((n for n, r in enumerate(records) if not is_closing(r)), default=-1)
    return [r for number, r in enumerate(records) if stays_true(r, followed=number < last)]


def stays_true(record: JournalRecord, *, followed: bool) -> bool:
    """Whether a record stays true when the recording is resumed.

    Errors of the service (those without `exit_code`) stay true. So does a Gap with records after
    it, or in which the source gave no audio.

    Args:
        followed: a record that is not a closing one comes later.
    """
    if record["type"] == "Gap":
        return followed or record.get("reason") == NO_AUDIO
    if record["type"] == "Error":
        return "exit_code" not in record
    return not is_closing(record)


class _Sessions:
    """Counts a journal's sessions.

    A session's billed time is that of its Termination, else the time between its records.

    Attributes:
        next: the number of the next session.
    """

    def __init__(self) -> None:
        self.next = 0
        self._seconds: dict[int, float] = {}
        self._began: dict[int, datetime] = {}
        self._confirmed: set[int] = set()

    @property
    def began(self) -> int:
        """How many sessions began."""
        return len(self._began)

    @property
    def billed_s(self) -> float:
        """The billed seconds of all sessions."""
        return sum(self._seconds.values())

    def add(self, record: JournalRecord, shape: _Shape) -> None:
        """Count a record."""
        session = shape.session
        if session is None:
            return
        self.next = max(self.next, session + 1)
        if session in self._confirmed:
            return
        if record["type"] == "Begin":
            self._began[session] = shape.time
        if record["type"] == "Termination":
            with suppress(msgspec.ValidationError):
                said = msgspec.convert(record.get("session_duration_seconds"), _Seconds)
                self._seconds[session] = said
                self._confirmed.add(session)
                return
        if session in self._began:
            self._seconds[session] = (shape.time - self._began[session]).total_seconds()
