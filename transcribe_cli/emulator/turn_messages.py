"""Builds the Turn messages of each model family from an engine's hypotheses. Pure.

Sources: pages "Streaming messages" (Universal-Streaming), "Whisper streaming", "Multilingual
streaming" and "Universal-3 Pro message sequence". All times are ms from the session's first sample.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from transcribe_cli.emulator import end_of_turn
from transcribe_cli.emulator.engine_settings import MULTILINGUAL, EngineSettings
from transcribe_cli.emulator.family_rules import (
    finals_of,
    formats_every_message,
    partial_is_flagged,
    utterance_ends,
    without_confidence,
)
from transcribe_cli.emulator.text_formatting import (
    as_sentence,
    joined,
    unwritten,
    with_capitals,
    with_full_stop,
)
from transcribe_cli.protocol.messages import ServerMessage, SpeechStarted, Turn, Word
from transcribe_cli.protocol.models import Family

# A word may become final this long after its end. The recogniser's second pass cannot correct a
# final word: with 1500 ms one word in 25 of the sample meeting stayed wrong (four runs); with
# 3000 ms no more than with models that freeze no words.
FREEZE_AFTER_MS = 3000
FREEZE_STEPS = 3  # and so many hypotheses in a row must agree on it
PARTIAL_EVERY_MS = {Family.UNIVERSAL_STREAMING: 0, Family.WHISPER: 500, Family.PRO: 500}
UNKNOWN_SPEAKER = "UNKNOWN"  # page "Streaming API"; no recogniser here tells voices apart


class HeardWord(NamedTuple):
    """One word of a hypothesis: raw and lower-case, or as the recogniser writes it.

    `confidence` is the recogniser's posterior, 0 to 1; None where it has none: then it is estimated
    from how long the word has stayed the same.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None

    def later(self, ms: int) -> "HeardWord":
        """The word, said so much later."""
        return self._replace(start_ms=self.start_ms + ms, end_ms=self.end_ms + ms)


class Language(NamedTuple):
    """What is spoken: its code, and how sure that is, 0 to 1; None: as sure as the words are."""

    code: str
    confidence: float | None = None


ENGLISH = Language("en")


class TurnBuilder:
    """Builds the turns of one session: takes hypotheses, returns messages.

    Args:
        written: words come with capitals and punctuation, and their times are estimated.
    """

    def __init__(self, settings: EngineSettings, written: bool = False) -> None:
        self.settings = settings
        self._written = written
        self._turn_order = 0
        self._open_turn()

    def _open_turn(self) -> None:
        self._frozen: list[Word] = []
        self._hypotheses: deque[tuple[str, ...]] = deque(maxlen=FREEZE_STEPS)
        self._ages: dict[tuple[int, str], int] = {}
        self._shown: list[Word] | None = None
        self._shown_at_ms = 0
        self._shown_confidence = 0.0
        self._announced = False
        self._speech = 0.0
        self._settled: int | None = None
        self._uttered_ms = 0  # where the last `utterance` of this turn ends

    def hypothesis(
        self,
        heard: Sequence[HeardWord],
        now_ms: int,
        silence_ms: int = 0,
        speech: float = 1.0,
        settled: int | None = None,
        language: Language = ENGLISH,
    ) -> list[ServerMessage]:
        """Take a hypothesis for the open turn.

        Args:
            now_ms: the audio position of the hypothesis.
            silence_ms: silence at the end of it.
            speech: share of speech, 0 to 1, since the turn's speech began.
            settled: its first words that no later one changes; None: the recogniser does not tell.
            language: what is spoken, as far as it was heard.
        """
        self._settled = settled
        texts = tuple(word.text for word in heard)
        self._hypotheses.append(texts)
        # A word's age is the number of hypotheses that have had it at its place, unbroken.
        ages = {place: self._ages.get(place, 0) + 1 for place in enumerate(texts)}
        self._ages = ages
        self._speech = speech
        words = self._merge(heard, now_ms)
        confidence = self._partial_confidence(silence_ms)
        if not words or not self.settings.include_partial_turns:
            return []
        utterance = self._ended_utterance(words, silence_ms)
        if not (utterance or self._is_due(words, now_ms) or self._is_held_longer(confidence)):
            return []
        self._shown, self._shown_at_ms = words, now_ms
        self._shown_confidence = confidence
        partial = self._partial(words, confidence, utterance)
        if utterance:
            self._detect(partial, words, language)
        return [*self._announcement(words), partial]

    def is_over(self, silence_ms: int, turn_ms: int) -> bool:
        """Whether the open turn ends after `silence_ms` of silence and `turn_ms` in all."""
        confidence = self.end_of_turn_confidence(silence_ms)
        return end_of_turn.is_over(self.settings, silence_ms, turn_ms, confidence)

    def end_of_turn_confidence(self, silence_ms: int) -> float:
        """The confidence in an end of turn: grows with silence and with stable words."""
        seen = self._hypotheses
        steady = sum(texts == seen[-1] for texts in seen) / FREEZE_STEPS if seen else 0.0
        return _rounded(steady * end_of_turn.silence_confidence(silence_ms))

    def end(
        self, heard: Sequence[HeardWord], silence_ms: int = 0, language: Language = ENGLISH
    ) -> list[ServerMessage]:
        """End the open turn with its last hypothesis.

        A turn that never had words is not sent. If a partial was sent and its words were withdrawn,
        the turn ends without words, so that the client removes the partial.
        """
        words = self._final_words(heard)
        messages: list[ServerMessage] = []
        if words or self._shown:
            messages = [*self._announcement(words), *self._finals(words, silence_ms, language)]
            self._turn_order += 1
        self._open_turn()
        return messages

    def flush(self, silence_ms: int = 0) -> list[ServerMessage]:
        """What `Terminate` adds after the last turn: the Universal-Streaming models' empty one."""
        if self.settings.family is not Family.UNIVERSAL_STREAMING:
            return []
        confidence = _rounded(end_of_turn.silence_confidence(silence_ms))
        self._turn_order += 1
        return [
            Turn(
                turn_order=self._turn_order - 1,
                turn_is_formatted=formats_every_message(self.settings),
                end_of_turn=True,
                end_of_turn_confidence=confidence,
            )
        ]

    # The words of the turn, final ones first.

    def _merge(self, heard: Sequence[HeardWord], now_ms: int) -> list[Word]:
        """The frozen words, then the rest of the hypothesis; freezes words that became sure."""
        tail = self._after_frozen(heard)
        if self.settings.family is Family.UNIVERSAL_STREAMING:
            # The last word of all is never frozen: it may yet grow, or take a full stop.
            while len(tail) > 1 and self._is_sure(tail[0], len(heard) - len(tail), now_ms):
                self._frozen.append(self._word(tail[0], True, len(heard) - len(tail)))
                tail = tail[1:]
        first = len(heard) - len(tail)
        open_words = [self._word(word, False, first + index) for index, word in enumerate(tail)]
        return [*self._frozen, *open_words]

    def _after_frozen(self, heard: Sequence[HeardWord]) -> list[HeardWord]:
        """The part of a hypothesis that no frozen word covers."""
        frozen = self._frozen
        if not frozen:
            return list(heard)
        if [word.text for word in heard[: len(frozen)]] == [word.text for word in frozen]:
            rest = list(heard[len(frozen) :])
        else:
            rest = [w for w in heard if w.start_ms + w.end_ms > 2 * frozen[-1].end]
        frontier = frozen[-1].end
        return [
            w._replace(start_ms=max(w.start_ms, frontier), end_ms=max(w.end_ms, frontier))
            for w in rest
        ]

    def _is_sure(self, word: HeardWord, place: int, now_ms: int) -> bool:
        if self._settled is not None:
            return place < self._settled
        age = self._ages.get((place, word.text), 0)
        return age >= FREEZE_STEPS and word.end_ms < now_ms - FREEZE_AFTER_MS

    def _word(self, heard: HeardWord, final: bool, place: int) -> Word:
        confidence = heard.confidence
        if confidence is None:
            # Without a posterior, the confidence grows with the age of the word.
            confidence = 1 - 0.5 ** self._ages.get((place, heard.text), 1)
        return Word(heard.start_ms, heard.end_ms, heard.text, _rounded(confidence), final)

    def _final_words(self, heard: Sequence[HeardWord]) -> list[Word]:
        rest = self._after_frozen(heard)
        first = len(heard) - len(rest)
        return [
            *self._frozen,
            *(self._word(word, True, first + index) for index, word in enumerate(rest)),
        ]

    def _is_due(self, words: list[Word], now_ms: int) -> bool:
        """Whether a partial is due: words or their finality changed, at the family's interval."""
        if self._shown is None:
            return True
        if now_ms - self._shown_at_ms < PARTIAL_EVERY_MS[self.settings.family]:
            return False
        shown = [(word.text, word.word_is_final) for word in self._shown]
        return shown != [(word.text, word.word_is_final) for word in words]

    def _is_held_longer(self, confidence: float) -> bool:
        """Whether a Pro turn that is held has come to its next step."""
        return self.settings.family is Family.PRO and confidence > self._shown_confidence

    def _ended_utterance(self, words: Sequence[Word], silence_ms: int) -> str:
        """What was said up to a short pause, each word once; the turn's end says it itself."""
        if not utterance_ends(self.settings, silence_ms) or self.is_over(silence_ms, 0):
            return ""
        utterance = self._utterance(words, self._sentence(words))
        self._uttered_ms = words[-1].end
        return utterance

    def _utterance(self, words: Sequence[Word], sentence: Sequence[str]) -> str:
        """The words of the sentence that no `utterance` has had."""
        said = zip(words, sentence, strict=True)
        return joined([text for word, text in said if word.start >= self._uttered_ms])

    def _sentence(self, words: Sequence[Word]) -> Sequence[str]:
        texts = [word.text for word in words]
        return with_full_stop(texts) if self._written else as_sentence(texts)

    def _partial_confidence(self, silence_ms: int) -> float:
        if self.settings.family is Family.PRO:
            return end_of_turn.held_confidence(self.settings, silence_ms)
        if self.settings.family is Family.WHISPER:
            return 0.0
        return self.end_of_turn_confidence(silence_ms)

    # The messages.

    def _announcement(self, words: list[Word]) -> list[ServerMessage]:
        """`SpeechStarted`, immediately before the first Turn of a turn, on the Pro models."""
        if self._announced or self.settings.family is not Family.PRO:
            return []
        self._announced = True
        return [SpeechStarted(timestamp=words[0].start, confidence=_rounded(self._speech))]

    def _partial(self, words: list[Word], confidence: float, utterance: str) -> Turn:
        family = self.settings.family
        capitals = (
            family is Family.PRO
            or self.settings.like == MULTILINGUAL
            or formats_every_message(self.settings)
        )
        texts = [word.text for word in words]
        if texts:  # a sentence that goes on has no end yet, though the recogniser writes one
            texts[-1] = texts[-1].rstrip(".,\u3002") or texts[-1]
        shown = self._raw(words)
        if capitals:
            shown = _with_texts(words, texts if self._written else with_capitals(texts))
        universal = family is Family.UNIVERSAL_STREAMING
        if family is Family.WHISPER:
            shown = [without_confidence(word) for word in shown]
        return Turn(
            turn_order=self._turn_order,
            turn_is_formatted=partial_is_flagged(self.settings),
            end_of_turn=False,
            transcript=_joined([w for w in shown if w.word_is_final] if universal else shown),
            end_of_turn_confidence=confidence,
            words=shown,
            utterance=utterance,
        )

    def _finals(self, words: list[Word], silence_ms: int, language: Language) -> list[Turn]:
        settings = self.settings
        sentence = self._sentence(words)
        formatted_words = _with_texts(words, sentence)
        formatted = Turn(
            turn_order=self._turn_order,
            turn_is_formatted=True,
            end_of_turn=True,
            transcript=joined(sentence),
            end_of_turn_confidence=1,
            words=formatted_words,
            utterance=self._utterance(words, sentence),
        )
        raw = Turn(
            turn_order=self._turn_order,
            turn_is_formatted=False,
            end_of_turn=True,
            transcript=_joined(self._raw(words)),
            end_of_turn_confidence=1,
            words=self._raw(words),
            utterance=formatted.utterance,
        )
        finals = finals_of(settings, raw, formatted)
        for turn in finals:
            if settings.family is Family.UNIVERSAL_STREAMING:
                turn.end_of_turn_confidence = self.end_of_turn_confidence(silence_ms)
            if words:
                self._detect(turn, words, language)
            if settings.family is Family.WHISPER:
                turn.words = [without_confidence(word) for word in turn.words]
            if settings.speaker_labels and words:
                turn.speaker_label = UNKNOWN_SPEAKER
                turn.words = [replace(word, speaker=UNKNOWN_SPEAKER) for word in turn.words]
        return finals

    def _detect(self, turn: Turn, words: Sequence[Word], language: Language) -> None:
        """Say the language, as turns with an `utterance` and finals do."""
        if self.settings.language_detection:
            certainty = language.confidence
            if certainty is None:
                certainty = sum(word.confidence for word in words) / len(words)
            turn.language_code, turn.language_confidence = language.code, _rounded(certainty)

    def _raw(self, words: list[Word]) -> list[Word]:
        """The words without capitals and punctuation."""
        if not self._written:
            return words
        return _with_texts(words, [unwritten(word.text) for word in words])


def _with_texts(words: Sequence[Word], texts: Sequence[str]) -> list[Word]:
    return [
        Word(word.start, word.end, text, word.confidence, word.word_is_final)
        for word, text in zip(words, texts, strict=True)
    ]


def _joined(words: Sequence[Word]) -> str:
    return joined([word.text for word in words])


def _rounded(share: float) -> float:
    """A share as the service writes it: 0 to 1, six decimals."""
    return round(min(max(share, 0.0), 1.0), 6)
