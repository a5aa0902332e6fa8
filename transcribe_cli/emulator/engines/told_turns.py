"""Turns whose words are certain, as each model family sends them. Pure.

For what recognises no speech: audio that carries its own count, and what a script has said.
"""

from collections.abc import Sequence
from typing import NamedTuple

from transcribe_cli.emulator.actions import Send, send
from transcribe_cli.emulator.end_of_turn import held_confidence
from transcribe_cli.emulator.engine_settings import MULTILINGUAL, EngineSettings
from transcribe_cli.emulator.engines.speakers import Speakers
from transcribe_cli.emulator.family_rules import (
    finals_of,
    formats_every_message,
    partial_is_flagged,
    utterance_ends,
    without_confidence,
)
from transcribe_cli.protocol.messages import SpeechStarted, Turn, Word
from transcribe_cli.protocol.models import Family

CONFIDENCE = 0.9
LANGUAGE = "en"


class ToldWord(NamedTuple):
    """One word as it is written without and with formatting, its times in ms, and who says it."""

    text: str
    start_ms: int
    end_ms: int
    formatted: str
    speaker: str = "A"


class ToldTurns:
    """The turns of one session.

    Attributes:
        settings: may change in mid-session.
        speakers: who has been heard.

    Args:
        certain_after_words: as for `Speakers`.
    """

    def __init__(self, settings: EngineSettings, certain_after_words: int = 1) -> None:
        self.settings = settings
        self.speakers = Speakers(certain_after_words, settings.revision_interval_ms)
        self._order = 0
        self._announced = False
        self._shown: list[ToldWord] = []
        self._shown_confidence = 0.0
        self._uttered = 0  # words of the open turn that an `utterance` has had

    def partial(
        self, said: Sequence[ToldWord], growing: Sequence[ToldWord] = (), silence_ms: int = 0
    ) -> list[Send]:
        """A partial of the open turn, if it has changed.

        Args:
            growing: the word that still sounds: one or none.
            silence_ms: silence at its end, which holds a Pro turn open, and ends an utterance.
        """
        words, settings = [*said, *growing], self.settings
        is_pro = settings.family is Family.PRO
        confidence = held_confidence(settings, silence_ms) if is_pro and silence_ms else 0.0
        ends = len(said) > self._uttered and not growing and utterance_ends(settings, silence_ms)
        if words == self._shown and confidence <= self._shown_confidence and not ends:
            return []
        if not words or not settings.include_partial_turns:
            return []
        self._shown, self._shown_confidence = words, confidence
        by_word = settings.family is Family.UNIVERSAL_STREAMING  # become final one by one
        formatted = settings.family is Family.PRO or settings.like == MULTILINGUAL
        formatted = formatted or formats_every_message(settings)
        shown = self._words(said, by_word, formatted=formatted)
        shown += self._words(growing, False, formatted=formatted)
        partial = Turn(
            turn_order=self._order,
            turn_is_formatted=partial_is_flagged(settings),
            transcript=_joined(
                [word for word in shown if word.word_is_final] if by_word else shown
            ),
            end_of_turn_confidence=confidence,
            words=shown,
        )
        if ends:
            partial.utterance = _joined(self._words(said[self._uttered :], True, formatted=True))
            self._uttered = len(said)
        return [*self._announcement(words), send(partial)]

    def final(
        self, said: Sequence[ToldWord], language: str = LANGUAGE, corrected: str | None = None
    ) -> list[Send]:
        """The end of the open turn; nothing of one without words.

        Args:
            corrected: who says it, as a SpeakerRevision will have it.
        """
        self._shown, self._shown_confidence = [], 0.0
        if not said:
            return []
        raw, formatted = (self._words(said, True, formatted=each) for each in (False, True))
        utterance = _joined(formatted[self._uttered :])
        finals = finals_of(
            self.settings,
            Turn(self._order, False, True, _joined(raw), 1.0, raw, utterance),
            Turn(self._order, True, True, _joined(formatted), 1.0, formatted, utterance),
        )
        if self.settings.language_detection:
            for turn in finals:
                turn.language_code, turn.language_confidence = language, CONFIDENCE
        if self.settings.speaker_labels:
            self.speakers.label(finals, [word.speaker for word in said], corrected)
        sent = [*self._announcement(said), *(send(turn) for turn in finals)]
        self._order += 1
        self._announced = False
        self._uttered = 0
        return sent

    def finish(self) -> list[Send]:
        """What Terminate adds: an empty turn of the Universal-Streaming models, and revisions."""
        last = []
        if self.settings.family is Family.UNIVERSAL_STREAMING:
            flag = formats_every_message(self.settings)
            last.append(send(Turn(self._order, flag, True, "", 1.0)))
        return last + self.speakers.revise()

    def _announcement(self, words: Sequence[ToldWord]) -> list[Send]:
        if self._announced or self.settings.family is not Family.PRO:
            return []
        self._announced = True
        return [send(SpeechStarted(words[0].start_ms, CONFIDENCE))]

    def _words(self, said: Sequence[ToldWord], final: bool, *, formatted: bool) -> list[Word]:
        words = [
            Word(w.start_ms, w.end_ms, w.formatted if formatted else w.text, CONFIDENCE, final)
            for w in said
        ]
        if self.settings.family is Family.WHISPER:
            return [without_confidence(word) for word in words]
        return words


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
