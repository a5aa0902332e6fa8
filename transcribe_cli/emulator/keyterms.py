"""Key terms: what is heard of a term is written as the term is. Pure.

The service hears a term rather than what sounds like it. Here a term is known by its letters and
digits, however they are cut into words: "aws lambda", "le mur".
Source: page "Keyterms prompting".
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_MOST_CHARACTERS = 50  # longer terms are ignored
_LETTERS = re.compile(r"[\W_]+")
_AFTER = re.compile(r"[^\w\s]*$")


class Keyterm(NamedTuple):
    """One term.

    Attributes:
        text: as it is written.
        letters: its letters and digits, in lower case.
        spoken: finds it in a text, with blanks wherever they may be.
    """

    text: str
    letters: str
    spoken: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> "Keyterm | None":
        """The term; None for one that is too long, or holds nothing that is said."""
        letters = _letters(text)
        if not letters or len(text) > _MOST_CHARACTERS:
            return None
        between = r"[\W_]{0,2}".join(map(re.escape, letters))
        return cls(text, letters, re.compile(rf"(?<!\w){between}(?!\w)", re.IGNORECASE))

    def write_into(self, turn: dict[str, Any]) -> None:
        """Write it wherever a Turn has it: words that are parts of it become one, or as many."""
        for name in turn.keys() & {"transcript", "utterance"}:
            turn[name] = self.spoken.sub(lambda _: self.text, turn[name])
        turn["words"] = self._in_words(turn["words"])

    def _in_words(self, words: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        at = 0
        while at < len(words):
            count = self._count_at(words, at)
            written += self._as_words(words[at : at + count]) if count else [words[at]]
            at += count or 1
        return written

    def _count_at(self, words: Sequence[dict[str, Any]], at: int) -> int:
        """How many words from here on are the term; 0 where they are not."""
        rest = self.letters
        for count, word in enumerate(words[at:], 1):
            part = _letters(word["text"])
            if not part or not rest.startswith(part):
                return 0
            rest = rest[len(part) :]
            if not rest:
                return count
        return 0

    def _as_words(self, heard: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The words of the term in the time of those that were heard."""
        after = _AFTER.search(heard[-1]["text"])
        texts = self.text.split()
        texts[-1] += after[0] if after and not texts[-1].endswith(after[0]) else ""
        if len(texts) == len(heard):
            return [word | {"text": text} for word, text in zip(heard, texts, strict=True)]
        start, end = heard[0]["start"], heard[-1]["end"]
        edges = [start + (end - start) * number // len(texts) for number in range(len(texts) + 1)]
        return [
            heard[0] | {"start": edges[number], "end": edges[number + 1], "text": text}
            for number, text in enumerate(texts)
        ]


def _letters(text: str) -> str:
    return _LETTERS.sub("", text).lower()
