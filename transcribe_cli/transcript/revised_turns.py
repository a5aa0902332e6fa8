"""The final turns of a recording, with the speakers that SpeakerRevisions correct. Pure.

Source: page "Streaming diarization": a SpeakerRevision names turns of its own session by
`turn_order`; texts and times do not change, and the last one wins. A revision can arrive while its
turn still waits for the formatted version, so it is kept until the turn is final.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Revision, SpeakerRevision, Word
from transcribe_cli.transcript.turns import TurnUpdate

_Place = tuple[int, int]  # session, turn_order


class RevisedTurns:
    """Final turns in the order in which they became final.

    Attributes:
        turns: the turns as last corrected; a revised turn is a new object.
    """

    def __init__(self) -> None:
        self.turns: list[TurnUpdate] = []
        self._indexes: dict[_Place, int] = {}
        self._early: dict[_Place, Revision] = {}

    def add(self, update: TurnUpdate) -> None:
        """Take a turn; one that is not final is ignored."""
        if not update.final:
            return
        place = (update.session, update.message.turn_order)
        early = self._early.pop(place, None)
        self._indexes[place] = len(self.turns)
        self.turns.append(update if early is None else _revised(update, early))

    def revise(self, session: int, revision: SpeakerRevision) -> list[TurnUpdate]:
        """Apply corrected speakers to turns of a session. Returns the turns that changed."""
        changed: dict[int, TurnUpdate] = {}
        latest = {one.turn_order: one for one in revision.revisions}
        for one in latest.values():
            place = (session, one.turn_order)
            index = self._indexes.get(place)
            if index is None:
                self._early[place] = one
                continue
            turn = _revised(self.turns[index], one)
            if turn != self.turns[index]:
                self.turns[index] = changed[index] = turn
        return [changed[index] for index in sorted(changed)]


def _revised(update: TurnUpdate, revision: Revision) -> TurnUpdate:
    message, raw = update.message, dict(update.raw)
    words = message.words
    speakers = _speakers(words, revision.words)
    raw = _with_speaker(raw, "speaker_label", "speaker_confidence", revision.speaker_label)
    if isinstance(raw.get("words"), list):
        raw = raw | {"words": _revised_raw_words(raw["words"], speakers)}
    revised = replace(
        message,
        speaker_label=revision.speaker_label,
        speaker_confidence=_still(
            message.speaker_confidence, message.speaker_label, revision.speaker_label
        ),
        words=[
            replace(
                word,
                speaker=speaker,
                speaker_confidence=_still(word.speaker_confidence, word.speaker, speaker),
            )
            for word, speaker in zip(words, speakers, strict=True)
        ],
    )
    return replace(update, decoded=Decoded(revised, raw))


def _speakers(words: Sequence[Word], revised: Sequence[Word]) -> list[str | None]:
    """The speaker of each word: from the revision if it names the word, else as before."""
    if len(words) == len(revised):
        return [word.speaker for word in revised]
    named = {(word.start, word.end): word.speaker for word in revised}
    return [named.get((word.start, word.end), word.speaker) for word in words]


def _revised_raw_words(raw: Sequence[Any], speakers: Sequence[str | None]) -> list[Any]:
    """The raw words with these speakers; odd entries, which are no objects, stay as they are."""
    remaining = iter(speakers)
    return [
        _with_speaker(word, "speaker", "speaker_confidence", next(remaining))
        if isinstance(word, dict)
        else word
        for word in raw
    ]


def _with_speaker(
    raw: dict[str, Any], name: str, confidence_name: str, speaker: str | None
) -> dict[str, Any]:
    before = raw.get(name)
    if before == speaker:
        return raw
    return {k: v for k, v in raw.items() if k != confidence_name} | {name: speaker}


def _still(confidence: float | None, before: str | None, now: str | None) -> float | None:
    """The confidence if the speaker is the same, else None: a revision gives no confidences."""
    return confidence if before == now else None
