"""Collects the records of each recording into the contents of a document. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.protocol.codec import Decoded, read_server_object
from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.transcript.revised_turns import RevisedTurns
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import TurnUpdate

_HEAD = ("v", "seq", "time", "type", "source")


@dataclass(slots=True)
class RecordingContents:
    """What a document says about one recording.

    Attributes:
        source: the name of the source, from the Recording record.
        started: when the recording began; None if nothing could be recorded.
        start, summary, error: the fields of the Recording, Summary and Error records, or empty.
        marks, gaps: the fields of each Mark and Gap record.
        finals: the final turns, with corrected speakers, without their `raw`.
        totals: the totals of these turns.
    """

    source: str = ""
    started: datetime | None = None
    start: dict[str, Any] = field(default_factory=dict)
    finals: RevisedTurns = field(default_factory=RevisedTurns)
    totals: TurnTotals = field(default_factory=TurnTotals)
    marks: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)

    def add(self, record: Record) -> bool:
        """Take a record. Returns whether the document has changed."""
        body = record.body
        match record.type:
            case "Turn" if record.update is not None and record.update.final:
                # Without the raw message: hours of words are kept in memory once.
                bare = Decoded(record.update.message, {})
                self.finals.add(replace(record.update, decoded=bare))
                self.totals.add(record.update)
            case "SpeakerRevision" if _has_numbers(body, "session"):
                revision = read_server_object({"type": record.type} | body).message
                assert isinstance(revision, SpeakerRevision)
                return bool(self.finals.revise(body["session"], revision))
            case "Recording":
                self.source, self.started, self.start = _source(body), record.time, dict(body)
            case "Mark" if _has_numbers(body, "at"):
                self.marks.append(_fields(body))
            case "Gap" if _has_numbers(body, "start", "end"):
                self.gaps.append(_fields(body))
            case "Error" if "exit_code" in body:  # else it is the service's, and ends a session
                self.source = self.source or _source(body)
                self.error = _fields(body)
            case "Summary":
                self.summary = _fields(body)
            case _:
                return False
        return True

    @property
    def turns(self) -> Sequence[TurnUpdate]:
        """The final turns: of channels that are kept apart in the order in which they began."""
        turns = self.finals.turns
        is_apart = bool(turns) and turns[0].channel is not None
        return sorted(turns, key=lambda turn: turn.start_ms) if is_apart else turns

    @property
    def speakers(self) -> list[str]:
        """The speakers, in the order of their first words."""
        found: dict[str, None] = {}
        parts = (part for update in self.turns for part in update.parts())
        for update in parts:
            for speaker in (update.message.speaker_label, *_word_speakers(update)):
                if speaker:
                    found.setdefault(speaker)
        return list(found)


class DocumentContents:
    """The recordings of one document, in the order in which they began.

    Records of several recordings may alternate, as long as each names its source.
    """

    def __init__(self) -> None:
        self.all: list[RecordingContents] = []
        self._by_source: dict[str, RecordingContents] = {}

    def add(self, record: Record) -> bool:
        """Take a record. Returns whether the document has changed."""
        source = _source(record.body)
        recording = self._by_source.get(source)
        if recording is None and not source and self.all:
            recording = self.all[-1]
        # An Error without a Recording: nothing could be recorded of that source.
        failed = record.type == "Error" and (recording is None or bool(recording.summary))
        if record.type == "Recording" or failed:
            recording = RecordingContents()
            self.all.append(recording)
            self._by_source[source] = recording
        return recording is not None and recording.add(record)


def _source(body: dict[str, Any]) -> str:
    return str(body.get("source") or "")


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    """A record's fields without those that every record has."""
    return {name: value for name, value in body.items() if name not in _HEAD}


def _has_numbers(body: dict[str, Any], *names: str) -> bool:
    """Whether these fields are integers; a journal may be somebody else's."""
    return all(type(body.get(name)) is int for name in names)


def _word_speakers(update: TurnUpdate) -> Iterator[str | None]:
    return (word.speaker for word in update.message.words)


def what_heard(start: Mapping[str, Any]) -> str:
    """The model of a Recording record, or the engine of this machine that stood in for it."""
    engine = start.get("engine")
    return f"{engine}, local" if engine else str(start.get("model") or "")
