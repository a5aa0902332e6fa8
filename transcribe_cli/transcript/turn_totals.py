"""Totals over a recording's final turns. Pure."""

from dataclasses import dataclass, field

from transcribe_cli.transcript.turn_text import read_turn_text
from transcribe_cli.transcript.turns import TurnUpdate


@dataclass(slots=True)
class TurnTotals:
    """Counts over final turns.

    Attributes:
        turns: number of turns.
        words: number of words; tags such as `[Silence]` do not count.
        language_ms: how long each language was spoken, in ms, by language code.
        language: code of the language spoken last.
    """

    turns: int = 0
    words: int = 0
    language_ms: dict[str, int] = field(default_factory=dict)
    language: str | None = None

    def add(self, update: TurnUpdate) -> None:
        """Count a final turn."""
        self.turns += 1
        said = read_turn_text(update.message)
        if said.non_speech:
            return
        if update.message.words:
            self.words += sum(bool(word.text.strip()) for word in update.message.words)
        else:
            self.words += len(said.whole.split())
        code = update.message.language_code
        if code and said.whole:
            self.language = code
            spoken = max(0, update.end_ms - update.start_ms)
            self.language_ms[code] = self.language_ms.get(code, 0) + spoken
