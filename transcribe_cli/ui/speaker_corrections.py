"""Applies SpeakerRevision messages to the turns that a view shows. Pure.

Source: page "Streaming diarization": a SpeakerRevision names turns of its own session by
`turn_order`; the last one wins. It can arrive before its turn is final.
"""

from typing import NamedTuple

from msgspec.structs import replace
from rich.text import Text

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui.turn_rendering import DIM, first_words, revision_line

MOST_TOLD = 6
"""When more turns are corrected at once, only the number of the rest is shown."""

_Place = tuple[int, int]  # session, turn_order


class _Committed(NamedTuple):
    start_ms: int
    words: str
    speaker: str | None


class SpeakerCorrections:
    """The speaker of each turn, as last corrected. `ascii_only`: for the lines about it."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        self._ascii = ascii_only
        self._committed: dict[_Place, _Committed] = {}
        self._early: dict[_Place, str | None] = {}

    def correct(self, update: TurnUpdate) -> TurnUpdate:
        """The turn with a correction that arrived before it was final."""
        place = _place(update)
        if place not in self._early or update.message.speaker_label == self._early[place]:
            return update
        message = replace(update.message, speaker_label=self._early[place])
        return replace(update, decoded=Decoded(message, update.decoded.fields))

    def commit(self, update: TurnUpdate) -> None:
        """Note a final that was committed: it stands in the scrollback and cannot change."""
        words = first_words(update.message, ascii_only=self._ascii)
        self._early.pop(_place(update), None)
        self._committed[_place(update)] = _Committed(
            update.start_ms, words, update.message.speaker_label
        )

    def revise(self, session: int, revision: SpeakerRevision) -> list[Text]:
        """Take a correction. Returns a line for each committed turn whose speaker was wrong."""
        lines: dict[_Place, Text] = {}
        for one in revision.revisions:
            place = (session, one.turn_order)
            said = self._committed.get(place)
            if said is None:
                self._early[place] = one.speaker_label
            elif said.speaker != one.speaker_label:
                self._committed[place] = said._replace(speaker=one.speaker_label)
                lines[place] = revision_line(
                    said.start_ms, said.words, one.speaker_label, said.speaker
                )
        told = list(lines.values())
        if len(told) > MOST_TOLD:
            told[MOST_TOLD:] = [Text(f"speaker: {len(told) - MOST_TOLD} more turns corrected", DIM)]
        return told


def _place(update: TurnUpdate) -> _Place:
    return update.session, update.message.turn_order
