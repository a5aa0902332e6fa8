"""An engine for audio that carries its own count, so that a test knows every word and time. Pure.

Word N is 60 ms of the constant sample N, an unsigned 16-bit number, then 40 ms of silence. It is
recognised as `wN` at its exact samples, so a word that a client lost, doubled or moved is seen at
once. Mu-law can represent only some of the numbers (8, 16 ... 120, 132 ...).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transcribe_cli.emulator.actions import Send, send
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.pcm_reader import decode_mulaw
from transcribe_cli.emulator.family_rules import (
    finals_of,
    formats_every_message,
    partial_is_flagged,
    without_confidence,
)
from transcribe_cli.protocol.messages import SpeechStarted, Turn, Word
from transcribe_cli.protocol.models import Family

TURN_WORDS = 5
LEAST_MS = 30  # more than half of a word: at most one part of a cut word counts
_CONFIDENCE = 0.9
_LANGUAGE = "en"


class CountedWord(NamedTuple):
    """One word: its number, and its frames `start` up to `end` in the session's audio."""

    number: int
    start: int
    end: int


class WordCounter:
    """Reads words out of samples, whatever chunks they come in.

    Attributes:
        position: frames heard.
        silent_since: the frame where the silence at the end began; None while something sounds.
    """

    def __init__(self, rate_hz: int) -> None:
        self.position = 0
        self.silent_since: int | None = 0
        self._least = rate_hz * LEAST_MS // 1000
        self._unit = b"\0\0"  # the sample that sounds
        self._began = 0
        self._rest = b""

    def hear(self, samples: bytes) -> list[CountedWord]:
        """The words that end in these samples, 16-bit little-endian."""
        samples = self._rest + samples
        whole = len(samples) - len(samples) % 2
        self._rest = samples[whole:]
        words = []
        for unit, length in _runs(samples[:whole], self._unit):
            if unit != self._unit:
                words += self._word()
                self._unit, self._began = unit, self.position
                self.silent_since = self.position if unit == b"\0\0" else None
            self.position += length
        return words

    def growing(self) -> list[CountedWord]:
        """The unfinished word, once it is long enough to be certain: one or none."""
        return self._word()

    def _word(self) -> list[CountedWord]:
        number = int.from_bytes(self._unit, "little")
        certain = number and self.position - self._began > self._least
        return [CountedWord(number, self._began, self.position)] if certain else []


def _runs(samples: bytes, unit: bytes) -> Iterator[tuple[bytes, int]]:
    """The samples as (sample, how often) pairs.

    The first is of `unit`, and may be empty.
    """
    at = 0
    while True:
        left = (len(samples) - at) // 2
        # Bisected, since a run is hundreds of samples long and equal bytes are compared fast.
        differs = bisect_left(
            range(left), True, key=lambda n: samples[at : at + 2 * n + 2] != unit * (n + 1)
        )
        yield unit, differs
        at += 2 * differs
        if differs == left:
            return
        unit = samples[at : at + 2]


class CountingEngine:
    """Recognises counting audio; a turn ends after `turn_words` words or at a silence.

    In the mode `manual` no number of words ends it. Messages are those of the model's family; the
    words have no capitals or punctuation to format.
    """

    def __init__(self, settings: EngineSettings, turn_words: int = TURN_WORDS) -> None:
        self._settings = settings
        self._turn_words = turn_words
        self._counter = WordCounter(settings.sample_rate_hz)
        self._words: list[CountedWord] = []  # of the open turn
        self._shown: list[CountedWord] = []
        self._announced = False
        self._order = 0
        self._spoke = False

    def hear(self, data: bytes, more_waiting: bool = False) -> list[Send]:
        sent: list[Send] = []
        for word in self._counter.hear(self._samples(data)):
            self._spoke = True
            self._words.append(word)
            full = len(self._words) >= self._turn_words and not self._settings.manual
            sent += self.end_turn() if full else self._partial([])
        if self._is_silent():
            return sent + self.end_turn()
        return sent + self._partial(self._counter.growing())

    def configure(self, settings: EngineSettings) -> Sequence[Send]:
        self._settings = settings
        return []

    def end_turn(self) -> list[Send]:
        words, self._words, self._shown = self._words, [], []
        if not words:
            return []
        sent = [*self._announcement(words), *self._finals(words)]
        self._order += 1
        self._announced = False
        return sent

    def finish(self) -> list[Send]:
        self._words += self._counter.growing()
        last = self.end_turn()
        if self._settings.family is Family.UNIVERSAL_STREAMING:
            flag = formats_every_message(self._settings)
            last.append(send(Turn(self._order, flag, True, "", 1.0)))  # an empty one, as it does
        return last

    def take_speech_probability(self) -> float:
        spoke, self._spoke = self._spoke, False
        return 1.0 if spoke else 0.0

    def _samples(self, data: bytes) -> bytes:
        return decode_mulaw(data) if self._settings.encoding == "pcm_mulaw" else data

    def _is_silent(self) -> bool:
        since = self._counter.silent_since
        return since is not None and (
            self._ms(self._counter.position - since) >= self._settings.least_turn_silence_ms
        )

    def _partial(self, growing: list[CountedWord]) -> list[Send]:
        """A partial of the open turn with the word that still sounds, if it has changed."""
        words = [*self._words, *growing]
        settings = self._settings
        if not words or words == self._shown or not settings.include_partial_turns:
            return []
        self._shown = words
        by_word = settings.family is Family.UNIVERSAL_STREAMING  # become final one by one
        said = self._said(self._words, by_word) + self._said(growing, False)
        partial = Turn(
            turn_order=self._order,
            turn_is_formatted=partial_is_flagged(settings),
            transcript=_joined([word for word in said if word.word_is_final] if by_word else said),
            words=said,
        )
        return [*self._announcement(words), send(partial)]

    def _announcement(self, words: list[CountedWord]) -> list[Send]:
        if self._announced or self._settings.family is not Family.PRO:
            return []
        self._announced = True
        return [send(SpeechStarted(self._ms(words[0].start), _CONFIDENCE))]

    def _finals(self, words: list[CountedWord]) -> list[Send]:
        said = self._said(words, True)
        text = _joined(said)
        raw, formatted = (
            Turn(self._order, flag, True, text, 1.0, said, text) for flag in (False, True)
        )
        finals = finals_of(self._settings, raw, formatted)
        if self._settings.language_detection:
            for turn in finals:
                turn.language_code, turn.language_confidence = _LANGUAGE, _CONFIDENCE
        return [send(turn) for turn in finals]

    def _said(self, words: list[CountedWord], final: bool) -> list[Word]:
        said = [
            Word(self._ms(w.start), self._ms(w.end), f"w{w.number}", _CONFIDENCE, final)
            for w in words
        ]
        if self._settings.family is Family.WHISPER:
            return [without_confidence(word) for word in said]
        return said

    def _ms(self, frames: int) -> int:
        return frames * 1000 // self._settings.sample_rate_hz


def _joined(words: list[Word]) -> str:
    return " ".join(word.text for word in words)
