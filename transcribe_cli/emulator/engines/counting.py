"""An engine for audio that carries its own count, so that a test knows every word and time. Pure.

Word N is 60 ms of the constant sample N, an unsigned 16-bit number, then 40 ms of silence. It is
recognised as `wN` at its exact samples, so a word that a client lost, doubled or moved is seen at
once. Mu-law can represent only some of the numbers (8, 16 ... 120, 132 ...).
"""

from collections.abc import Sequence

from msgspec import Struct

from transcribe_cli.emulator.actions import Send
from transcribe_cli.emulator.end_of_turn import turn_silence_ms
from transcribe_cli.emulator.engine_settings import TURN_WORDS, EngineSettings
from transcribe_cli.emulator.engines.pcm_reader import decode_mulaw
from transcribe_cli.emulator.engines.told_turns import ToldTurns, ToldWord

LEAST_MS = 30  # more than half of a word: at most one part of a cut word counts
NUMBERS_A_SPEAKER = 10_000
CERTAIN_AFTER_WORDS = 3  # of a speaker; until then his turns are PENDING


class CountedWord(Struct, frozen=True):
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
        samples, self._rest = samples[:whole], samples[whole:]
        words = []
        while samples:
            length = _leading(samples, self._unit)
            self.position += length
            samples = samples[2 * length :]
            if samples:  # another one sounds
                if (word := self.growing()) is not None:
                    words.append(word)
                self._unit, self._began = samples[:2], self.position
                self.silent_since = self.position if self._unit == b"\0\0" else None
        return words

    def growing(self) -> CountedWord | None:
        """The word that sounds at the end, once it is long enough to be certain."""
        if self.silent_since is not None or self.position - self._began <= self._least:
            return None
        return CountedWord(int.from_bytes(self._unit, "little"), self._began, self.position)


def _leading(samples: bytes, unit: bytes) -> int:
    """How many samples at the start are `unit`: mostly all or none."""
    if not samples.startswith(unit):
        return 0
    least, most = 1, len(samples) // 2
    if samples == unit * most:
        return most
    while least < most:
        middle = (least + most + 1) // 2
        if samples.startswith(unit * middle):
            least = middle
        else:
            most = middle - 1
    return least


class CountingEngine:
    """Recognises counting audio; a turn ends after `turn_words` words or at a silence.

    In the mode `manual` no number of words ends it. Messages are those of the model's family; the
    words have no capitals or punctuation to format. Each ten thousand numbers are a speaker's own,
    so that audio of two sides tells who speaks.
    """

    def __init__(self, settings: EngineSettings, turn_words: int = TURN_WORDS) -> None:
        self._turn_words = turn_words
        self._counter = WordCounter(settings.sample_rate_hz)
        self._words: list[ToldWord] = []  # of the open turn
        self._turns = ToldTurns(settings, CERTAIN_AFTER_WORDS)
        self.configure(settings)
        self._spoke = False

    def hear(self, data: bytes, more_waiting: bool = False) -> list[Send]:
        sent: list[Send] = []
        for word in self._counter.hear(self._samples(data)):
            self._spoke = True
            self._words.append(self._told(word))
            full = len(self._words) >= self._turn_words and not self._settings.manual
            sent += self.end_turn() if full else self._turns.partial(self._words)
        silence_ms = self._silence_ms()
        if silence_ms >= self._ends_after_ms:
            sent += self.end_turn()
        else:
            sent += self._turns.partial(self._words, self._growing(), silence_ms)
        if self._settings.revision_interval_ms:
            sent += self._turns.speakers.revise(self._ms(self._counter.position))
        return sent

    def configure(self, settings: EngineSettings) -> Sequence[Send]:
        self._settings = settings
        self._ends_after_ms = turn_silence_ms(settings)
        self._turns.configure(settings)
        return []

    def end_turn(self) -> list[Send]:
        words, self._words = self._words, []
        return self._turns.final(words)

    def finish(self) -> list[Send]:
        if (growing := self._growing()) is not None:
            self._words.append(growing)
        return self.end_turn() + self._turns.finish()

    def take_speech_probability(self) -> float:
        spoke, self._spoke = self._spoke, False
        return 1.0 if spoke else 0.0

    def _samples(self, data: bytes) -> bytes:
        return decode_mulaw(data) if self._settings.encoding == "pcm_mulaw" else data

    def _silence_ms(self) -> int:
        """Silence since the last sound."""
        since = self._counter.silent_since
        return 0 if since is None else self._ms(self._counter.position - since)

    def _growing(self) -> ToldWord | None:
        """The word that still sounds."""
        word = self._counter.growing()
        return None if word is None else self._told(word)

    def _told(self, word: CountedWord) -> ToldWord:
        text, speaker = f"w{word.number}", self._speaker(word.number)
        return ToldWord(text, self._ms(word.start), self._ms(word.end), text, speaker)

    def _speaker(self, number: int) -> str:
        most = self._settings.max_speakers
        speaker = number // NUMBERS_A_SPEAKER
        return chr(ord("A") + (speaker if most is None else min(speaker, most - 1)))

    def _ms(self, frames: int) -> int:
        return frames * 1000 // self._settings.sample_rate_hz
