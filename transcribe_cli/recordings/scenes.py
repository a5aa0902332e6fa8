"""Prepares the records of a journal for replay: each gets its time, session and turn. Pure.

It works on any JSON Lines file: unknown records are passed on, malformed ones are ignored, and
several recordings in one file are kept apart.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from transcribe_cli.protocol.codec import read_server_object
from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.recordings.journal import JournalRecord, turn_of
from transcribe_cli.transcript.revised_turns import RevisedTurns
from transcribe_cli.transcript.turns import TurnUpdate

REST_S = 3.0
"""A replay shortens a pause, and the time before a recording was resumed, to at most this."""


class Scene(NamedTuple):
    """One record with its time.

    Attributes:
        at_s: seconds since the first record, with long pauses shortened.
        record: the record as it stands in the file.
        session: the number of its session, unique in the file.
        update: the turn of a Turn record.
    """

    at_s: float
    record: JournalRecord
    session: int | None = None
    update: TurnUpdate | None = None


class _TurnShape(msgspec.Struct):
    session: int
    turn: int
    start: int
    end: int
    final: bool
    session_offset_ms: int = 0


def scenes(records: Iterable[JournalRecord]) -> list[Scene]:
    """The records in the order of the file, each with its time."""
    numbers = _Numbering()
    found: list[Scene] = []
    at_s, before = 0.0, None
    paused = False
    for record in records:
        now = _time(record)
        if now is not None:
            gap_s = 0.0 if before is None else max(0.0, (now - before).total_seconds())
            rests = paused or numbers.is_resumed(record)
            at_s += min(gap_s, REST_S) if rests else gap_s
            before = now
        numbers.meet(record)
        paused = record["type"] == "Paused" or (paused and record["type"] != "Resumed")
        found.append(Scene(at_s, record, numbers.session(record), _update(record, numbers)))
    return found


def with_final_speakers(played: Sequence[Scene]) -> list[Scene]:
    """The scenes with the final speakers of all turns, without the SpeakerRevisions."""
    finals = RevisedTurns()
    indexes = []
    for index, scene in enumerate(played):
        if scene.update is not None and scene.update.final:
            finals.add(scene.update)
            indexes.append(index)
        elif scene.session is not None and (revision := revision_of(scene)) is not None:
            finals.revise(scene.session, revision)
    corrected = dict(zip(indexes, finals.turns, strict=True))
    return [
        scene._replace(update=corrected.get(index, scene.update))
        for index, scene in enumerate(played)
        if scene.record["type"] != SpeakerRevision.type
    ]


def revision_of(scene: Scene) -> SpeakerRevision | None:
    """The corrected speakers of a SpeakerRevision record; None for any other."""
    if scene.record["type"] != SpeakerRevision.type:
        return None
    message = read_server_object(scene.record).message
    return message if isinstance(message, SpeakerRevision) else None


class _Numbering:
    """Numbers turns and sessions over all recordings of one file."""

    def __init__(self) -> None:
        self._turns: dict[tuple[object, int], int] = {}
        self._sessions: dict[tuple[object, int], int] = {}
        self._recording = 0
        self._is_cut_off = False

    def meet(self, record: JournalRecord) -> None:
        """Note a record that affects the numbering of later ones."""
        kind = record["type"]
        if kind == "Recording":
            self._recording += 1
        if kind in ("Disconnected", "Rollover", "Resumed"):
            self._is_cut_off = True
        elif kind == "Begin":
            self._is_cut_off = False

    def is_resumed(self, record: JournalRecord) -> bool:
        """Whether a session begins here because the recording was resumed."""
        key = self._key(record, "session")
        first = not self._sessions or self._is_cut_off
        return key is not None and key not in self._sessions and not first

    def session(self, record: JournalRecord) -> int | None:
        """The session's number in the file."""
        key = self._key(record, "session")
        return None if key is None else self._sessions.setdefault(key, len(self._sessions))

    def turn(self, record: JournalRecord) -> int:
        """The turn's number in the file."""
        key = self._key(record, "turn")
        assert key is not None
        return self._turns.setdefault(key, len(self._turns))

    def _key(self, record: JournalRecord, name: str) -> tuple[object, int] | None:
        number = record.get(name)
        if not isinstance(number, int) or isinstance(number, bool):
            return None
        # Records of several sources may alternate; each record then names its source.
        return str(record.get("source", self._recording)), number


def _update(record: JournalRecord, numbers: _Numbering) -> TurnUpdate | None:
    if record["type"] != "Turn":
        return None
    try:
        msgspec.convert(record, _TurnShape)
    except msgspec.ValidationError:
        return None
    session = numbers.session(record)
    assert session is not None
    update = turn_of({"session_offset_ms": 0} | record)
    held = update.message.end_of_turn and not update.final
    return replace(update, session=session, turn=numbers.turn(record), held=held)


def _time(record: JournalRecord) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(record.get("time")))
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
