"""Whisper's tokens: what they stand for, and how words are made of them. Pure but for one file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

END = "<|endoftext|>"
# Written without blanks: each character or syllable sign is a word to the model.
UNSPACED = frozenset(("zh", "ja", "yue", "th", "lo", "my", "km", "bo"))
_LONGEST_CHARACTER = 8  # bytes: one of four, and what a token may hold beside it


class TokenWord(NamedTuple):
    """One word: its text without blanks, and its tokens `first` up to `end` of the sequence."""

    text: str
    first: int
    end: int


class Vocabulary:
    """The vocabulary of one model."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._ids = {token: number for number, token in enumerate(tokens)}
        self._end = self._ids[END]  # from here on all are special

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read it beside the model: `vocabulary.json`, or one token a line in `vocabulary.txt`.

        Raises:
            OSError, ValueError: there is none, or it is not one of Whisper's.
        """
        path = folder / "vocabulary.json"
        if path.exists():
            tokens = msgspec.json.decode(path.read_bytes(), type=list[str])
        else:
            text = (folder / "vocabulary.txt").read_text(encoding="utf-8")
            tokens = text.removesuffix("\n").split("\n")
        if END not in tokens:
            raise ValueError(f"no {END} in the vocabulary")
        return cls(tokens)

    def id(self, token: str) -> int:
        """The number of a token, such as `<|en|>`."""
        return self._ids[token]

    def spoken(self, ids: Sequence[int]) -> list[int]:
        """The tokens that stand for text."""
        return [number for number in ids if number < self._end]

    def bytes_of(self, ids: Sequence[int]) -> bytes:
        """The UTF-8 text of tokens; it may begin or end inside a character."""
        return b"".join(
            bytes(_BYTES[character] for character in self._tokens[number]) for number in ids
        )

    def words(self, ids: Sequence[int], spaced: bool = True) -> list[TokenWord]:
        """The words of spoken tokens; punctuation belongs to the word beside it.

        Args:
            spaced: words are set apart by blanks.
        """
        words: list[TokenWord] = []
        opening = False  # the last word is no more than marks that open one, such as ' ("'
        for text, first, end in self._characters(ids):
            begins = text.startswith(" ") if spaced else _says_something(text)
            if words and (opening or not begins):
                words[-1] = TokenWord(words[-1].text + text.strip(), words[-1].first, end)
            else:
                words.append(TokenWord(text.strip(), first, end))
            opening = begins and not _says_something(words[-1].text)
        if len(words) > 1 and opening:
            mark = words.pop()
            words[-1] = TokenWord(words[-1].text + mark.text, words[-1].first, mark.end)
        return [word for word in words if _says_something(word.text)]

    def _characters(self, ids: Sequence[int]) -> Iterator[tuple[str, int, int]]:
        """The tokens, several together where a character needs them."""
        first = 0
        for end in range(1, len(ids) + 1):
            part = self.bytes_of(ids[first:end])
            try:
                text = part.decode()
            except UnicodeDecodeError:
                if len(part) < _LONGEST_CHARACTER:
                    continue
                text = part.decode(errors="replace")
            yield text, first, end
            first = end


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's alphabet: each byte is one printable character."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {
        chr(256 + place): byte for place, byte in enumerate(others)
    }


_BYTES = _byte_alphabet()
