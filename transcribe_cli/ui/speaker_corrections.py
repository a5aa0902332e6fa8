"""Speakers that the service corrects later: which turn is meant, and what is said about it. Pure.

Source: page "Streaming diarization": a SpeakerRevision names turns of its own session by
`turn_order`; the last one wins. It can come before the turn that it is about is final.
"""

from typing import NamedTuple

from msgspec.structs import replace
from rich.text import Text

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui.turn_rendering import DIM, first_words, revision_line

MOST_TOLD = 6
"""More turns than this whose speaker is corrected at once are told by their number."""

_Place = tuple[int, int]  # session, turn_order


class _Committed(NamedTuple):
    start_ms: int
    words: str
    speaker: str | None


class SpeakerCorrections:
    """Who spoke each turn, as far as it is known now. `ascii_only`: for lines about it."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        self._ascii = ascii_only
        self._committed: dict[_Place, _Committed] = {}
        self._early: dict[_Place, str | None] = {}

    def correct(self, update: TurnUpdate) -> TurnUpdate:
        """The turn with the speaker that it was corrected to before it was final."""
        place = _place(update)
        if place not in self._early or update.message.speaker_label == self._early[place]:
            return update
        message = replace(update.message, speaker_label=self._early[place])
        return replace(update, decoded=Decoded(message, update.decoded.fields))

    def commit(self, update: TurnUpdate) -> None:
        """The final stands in the scrollback now, where it cannot be changed."""
        words = first_words(update.message, ascii_only=self._ascii)
        self._early.pop(_place(update), None)
        self._committed[_place(update)] = _Committed(
            update.start_ms, words, update.message.speaker_label
        )

    def revise(self, session: int, revision: SpeakerRevision) -> list[Text]:
        """Take a correction; a line for each turn that stands in the scrollback wrongly."""
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
