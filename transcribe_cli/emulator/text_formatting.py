"""Adds capitals and full stops to raw lower-case words. Pure.

PocketSphinx writes neither; models that format text send both. What an engine wrote is taken off
again for the models that send raw words.
"""

import re
from collections.abc import Sequence

# Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese have no blanks between words.
_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uff00-\uffef\U00020000-\U0003ffff]"
)
_HAN_OR_KANA = re.compile("[\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
_ENDS = (".", "?", "!", "\u3002", "\uff01", "\uff1f", "\u061f", "\u06d4", "\u0964", "\u2026")
_MARKS = (
    ".,;:!?\"\u201c\u201d\u2026()[]\u2014\u2013-'\u00bf\u00a1\u00ab\u00bb"
    "\u3002\u3001\uff01\uff0c\uff1f\u300c\u300d\u061f\u060c\u06d4\u0964"
)
_FIRST_PERSON = frozenset(("i", "i'm", "i'll", "i've", "i'd"))


def with_capitals(texts: Sequence[str]) -> list[str]:
    """The words of one sentence with its first letter and "I" in capitals.

    >>> with_capitals(["then", "i", "went"])
    ['Then', 'I', 'went']
    """
    return [
        text[:1].upper() + text[1:] if index == 0 or text in _FIRST_PERSON else text
        for index, text in enumerate(texts)
    ]


def with_full_stop(texts: Sequence[str]) -> list[str]:
    """The words with a full stop after the last, unless it already ends a sentence.

    >>> with_full_stop(["Yes,"]), with_full_stop(["Why?"]), with_full_stop(["\u811a"])
    (['Yes.'], ['Why?'], ['\u811a\u3002'])
    """
    if not texts or texts[-1].endswith(_ENDS):
        return list(texts)
    last = texts[-1].rstrip(",;:\uff0c\u3001")
    return [*texts[:-1], last + ("\u3002" if _HAN_OR_KANA.match(last[-1:]) else ".")]


def joined(texts: Sequence[str]) -> str:
    """Words as they are written: with blanks, but between two of a script that has none.

    >>> joined(["so", "it", "is"]), joined(["\u81ea\u5df1", "\u7684", "AI"])
    ('so it is', '\u81ea\u5df1\u7684 AI')
    """
    text = ""
    for word in texts:
        together = _UNSPACED.match(text[-1:]) and _UNSPACED.match(word)
        text += word if together or not text else f" {word}"
    return text


def as_sentence(texts: Sequence[str]) -> list[str]:
    """The words as one formatted sentence.

    >>> " ".join(as_sentence("my name is sonny".split()))
    'My name is sonny.'
    """
    return with_full_stop(with_capitals(texts))


def unwritten(text: str) -> str:
    """A word without capitals and punctuation; what is nothing else stays.

    >>> unwritten("Dr."), unwritten("10%,"), unwritten("don't"), unwritten("-")
    ('dr', '10%', "don't", '-')
    """
    bare = text.strip(_MARKS)
    return bare.lower() or text
