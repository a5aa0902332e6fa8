"""Turns whose words are certain, as each model family sends them. Pure.

For what recognises no speech: audio that carries its own count, and what a script has said.
"""

from collections.abc import Sequence

from msgspec import Struct

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


class ToldWord(Struct, frozen=True):
    """One word as it is written without and with formatting, its times in ms, and who says it."""

    text: str
    start_ms: int
    end_ms: int
    formatted: str
    speaker: str = "A"


class ToldTurns:
    """The turns of one session, with a field for each thing that a partial is made of.

    Attributes:
        speakers: who has been heard.
        next_order: `turn_order` of the open turn, or the next one.

    Args:
        certain_after_words: as for `Speakers`.
    """

    def __init__(self, settings: EngineSettings, certain_after_words: int = 1) -> None:
        self.configure(settings)
        self.speakers = Speakers(certain_after_words, settings.revision_interval_ms)
        self.next_order = 0
        self._announced = False
        self._shown: tuple[int, ToldWord] | None = None  # how many words, and the last
        self._shown_confidence = 0.0
        self._uttered = 0  # words of the open turn that an `utterance` has had

    def configure(self, settings: EngineSettings) -> None:
        """Tell turns by these settings from now on."""
        self._settings = settings
        self._is_pro = settings.family is Family.PRO
        self._is_whisper = settings.family is Family.WHISPER
        self._by_word = settings.family is Family.UNIVERSAL_STREAMING  # become final one by one
        self._formats = (
            self._is_pro or settings.like == MULTILINGUAL or formats_every_message(settings)
        )
        self._flagged = partial_is_flagged(settings)
        self._partial_words: list[Word] = []  # of the open turn, as far as partials had them

    def partial(
        self, said: Sequence[ToldWord], growing: ToldWord | None = None, silence_ms: int = 0
    ) -> list[Send]:
        """A partial of the open turn, if it has changed.

        Args:
            said: words are added to those of the partial before, and none of these changes.
            growing: the word that still sounds.
            silence_ms: silence at its end, which holds a Pro turn open, and ends an utterance.
        """
        confidence, ends = 0.0, False
        if silence_ms:
            if self._is_pro:
                confidence = held_confidence(self._settings, silence_ms)
            ends = (
                len(said) > self._uttered
                and growing is None
                and utterance_ends(self._settings, silence_ms)
            )
        sounding = [] if growing is None else [growing]
        count = len(said) + len(sounding)
        if not count or not self._settings.include_partial_turns:
            return []
        shown = (count, growing or said[-1])
        if shown == self._shown and confidence <= self._shown_confidence and not ends:
            return []
        self._shown, self._shown_confidence = shown, confidence
        words = self._partial_words
        if len(said) > len(words):
            words += self._words(said[len(words) :], self._by_word, formatted=self._formats)
        all_words = words
        if growing is not None:
            all_words = words + self._words(sounding, False, formatted=self._formats)
        partial = Turn(
            turn_order=self.next_order,
            turn_is_formatted=self._flagged,
            transcript=_joined(words if self._by_word else all_words),
            end_of_turn_confidence=confidence,
            words=all_words,
        )
        if ends:
            partial.utterance = _joined(self._words(said[self._uttered :], True, formatted=True))
            self._uttered = len(said)
            self._detect([partial], LANGUAGE)
        return [*self._announcement(said or sounding), send(partial)]

    def final(
        self, said: Sequence[ToldWord], language: str = LANGUAGE, corrected: str | None = None
    ) -> list[Send]:
        """The end of the open turn; nothing of one without words.

        Args:
            corrected: who says it, as a SpeakerRevision will have it.
        """
        self._shown, self._shown_confidence = None, 0.0
        self._partial_words = []
        if not said:
            return []
        raw, formatted = (self._words(said, True, formatted=each) for each in (False, True))
        utterance = _joined(formatted[self._uttered :])
        finals = finals_of(
            self._settings,
            Turn(self.next_order, False, True, _joined(raw), 1.0, raw, utterance),
            Turn(self.next_order, True, True, _joined(formatted), 1.0, formatted, utterance),
        )
        self._detect(finals, language)
        if self._settings.speaker_labels:
            self.speakers.label(finals, [word.speaker for word in said], corrected)
        sent = [*self._announcement(said), *(send(turn) for turn in finals)]
        self.next_order += 1
        self._announced = False
        self._uttered = 0
        return sent

    def finish(self) -> list[Send]:
        """What Terminate adds: an empty turn of the Universal-Streaming models, and revisions."""
        last = []
        if self._settings.family is Family.UNIVERSAL_STREAMING:
            flag = formats_every_message(self._settings)
            last.append(send(Turn(self.next_order, flag, True, "", 1.0)))
        return last + self.speakers.revise()

    def _detect(self, turns: Sequence[Turn], language: str) -> None:
        """Say the language, as turns with an `utterance` and finals do."""
        if self._settings.language_detection:
            for turn in turns:
                turn.language_code, turn.language_confidence = language, CONFIDENCE

    def _announcement(self, words: Sequence[ToldWord]) -> list[Send]:
        if self._announced or not self._is_pro:
            return []
        self._announced = True
        return [send(SpeechStarted(words[0].start_ms, CONFIDENCE))]

    def _words(self, said: Sequence[ToldWord], final: bool, *, formatted: bool) -> list[Word]:
        words = [
            Word(w.start_ms, w.end_ms, w.formatted if formatted else w.text, CONFIDENCE, final)
            for w in said
        ]
        if self._is_whisper:
            return [without_confidence(word) for word in words]
        return words


def _joined(words: Sequence[Word]) -> str:
    return " ".join([word.text for word in words])
