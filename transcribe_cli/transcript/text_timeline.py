"""Gives each character of a turn's text a time and a speaker, from the turn's words. Pure.

The text is what people read; the words carry the times. Usually the two agree. But a service may
format only one of them ("$5", "five dollars"), give times for some words or none, or give them out
of order. Unknown times are interpolated by characters between known ones.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import NamedTuple

from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.caption_lines import caption_cells

_MOST_COMPARED = 1_000_000  # pairs of words; a minute of fast speech has 100,000
_LOOK_AHEAD = 40  # words
_CELLS_PER_S = 15  # the rate of an unhurried speaker, for a text without any times


class Span(NamedTuple):
    """A word, and its characters from `first` up to `last`, counted without blanks."""

    first: int
    last: int
    word: Word


class TextTimeline:
    """The times of one text; characters are counted without blanks.

    Args:
        text: the text of the turn.
        words: its words, with times in ms on any clock.
        start_ms, end_ms: the times of the whole text. `end_ms` counts only if it is later than the
            last word that was found in the text.
    """

    def __init__(self, text: str, words: Sequence[Word], start_ms: int, end_ms: int) -> None:
        total = len(without_blanks(text))
        spans = lay_words(text, words)
        self._spans = spans
        self._firsts = [span.first for span in spans]
        self._characters: list[int] = []
        self._times: list[int] = []
        timed = _in_order(spans)
        if not timed or timed[0].first > 0:
            self._put(0, min(start_ms, timed[0].word.start) if timed else start_ms)
        for span, following in zip_longest(timed, timed[1:]):
            end = max(span.word.start, span.word.end)
            self._put(span.first, span.word.start)
            self._put(span.last, end if following is None else min(end, following.word.start))
        rest = total - self._characters[-1]
        if rest:
            last = self._times[-1]
            guess = last + round(caption_cells(text) * rest / total * 1000 / _CELLS_PER_S)
            self._put(total, end_ms if end_ms > last else guess)

    def start_of(self, character: int) -> int:
        """When a character begins, in ms."""
        after = bisect_right(self._characters, character)
        return self._between(after - 1, after, character)

    def end_of(self, character: int) -> int:
        """When the last character before this one has been said, in ms."""
        at = bisect_left(self._characters, character)
        return self._between(at - 1, at, character)

    def speaker_of(self, character: int) -> str | None:
        """The speaker of a character; None if the words do not tell."""
        span = self._span_before(character + 1)
        return span.word.speaker if span is not None else None

    def parts_word(self, character: int) -> bool:
        """Whether a character is inside a word, as far as the words tell."""
        span = self._span_before(character)
        return span is not None and character < span.last

    def parts(self, pause_ms: int, long_ms: int) -> set[int]:
        """The characters where the speaker changes, a pause ends, or a long word begins or ends."""
        found = set()
        for before, span in pairwise(self._spans):
            word, last = span.word, before.word
            if (
                word.speaker != last.speaker
                or word.start - last.end > pause_ms
                or max(word.end - word.start, last.end - last.start) > long_ms
            ):
                found.add(span.first)
        return found

    def _span_before(self, character: int) -> Span | None:
        """The last word that begins before a character."""
        index = bisect_left(self._firsts, character) - 1
        return self._spans[index] if index >= 0 else None

    def _put(self, character: int, time_ms: int) -> None:
        self._characters.append(character)
        self._times.append(max(0, time_ms))

    def _between(self, before: int, after: int, character: int) -> int:
        """Interpolate between two known times; the only place where times are rounded."""
        if after == len(self._characters) or self._characters[before] == character:
            return self._times[before]
        if self._characters[after] == character:
            return self._times[after]
        first, last = self._characters[before], self._characters[after]
        start, end = self._times[before], self._times[after]
        return start + round((end - start) * (character - first) / (last - first))


def without_blanks(text: str) -> str:
    """Text without blanks, since words and text have different spacing."""
    return "".join(text.split())


def lay_words(text: str, words: Sequence[Word]) -> list[Span]:
    """The words that are found in the text, in its order; each span has the very `Word` given."""
    said = [word for word in words if without_blanks(word.text)]
    if without_blanks(text) == without_blanks("".join(word.text for word in said)):
        return list(_lay_in_row([without_blanks(word.text) for word in said], said))
    tokens = text.split()
    places = list(_lay_in_row(tokens, [Word()] * len(tokens)))
    keys, said_keys = list(map(_key, tokens)), [_key(word.text) for word in said]
    match = _match if len(keys) * len(said_keys) <= _MOST_COMPARED else _match_in_passing
    return [places[at]._replace(word=said[index]) for at, index in match(keys, said_keys)]


def _match(keys: Sequence[str], said: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Index pairs of equal items in both sequences, as many as possible."""
    for block in SequenceMatcher(None, keys, said, autojunk=False).get_matching_blocks():
        for index in range(block.size):
            yield block.a + index, block.b + index


def _match_in_passing(keys: Sequence[str], said: Sequence[str]) -> Iterator[tuple[int, int]]:
    """A faster match for long texts, which looks for each word only a few tokens ahead."""
    at = 0
    for index, key in enumerate(said):
        with suppress(ValueError):
            found = keys.index(key, at, at + _LOOK_AHEAD)
            yield found, index
            at = found + 1


def _lay_in_row(tokens: Sequence[str], words: Sequence[Word]) -> Iterator[Span]:
    first = 0
    for token, word in zip(tokens, words, strict=True):
        yield Span(first, first + len(token), word)
        first += len(token)


def _key(token: str) -> str:
    """A word in lower case without punctuation, for comparing."""
    return "".join(filter(str.isalnum, token.casefold())) or token


def _in_order(spans: Sequence[Span]) -> list[Span]:
    """The longest subsequence of spans whose times do not go back; none if all times are equal.

    So one wrong time does not move all words after it.
    """
    ends: list[int] = []  # by length: the last start time of the best subsequence of that length
    rows: list[int] = []  # by length: the index of its last span
    before: list[int] = []  # by span: the index of the span before it in its subsequence
    for index, span in enumerate(spans):
        length = bisect_right(ends, span.word.start)
        before.append(rows[length - 1] if length else -1)
        ends[length : length + 1] = [span.word.start]
        rows[length : length + 1] = [index]
    kept: list[Span] = []
    index = rows[-1] if rows else -1
    while index >= 0:
        kept.append(spans[index])
        index = before[index]
    kept.reverse()
    return kept if kept and kept[-1].word.end > kept[0].word.start else []
