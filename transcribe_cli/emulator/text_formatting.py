"""Adds capitals and full stops to raw lower-case words. Pure.

PocketSphinx writes neither; models that format text send both. What an engine wrote is taken off
again for the models that send raw words.
"""

from collections.abc import Sequence

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

    >>> with_full_stop(["Yes,"]), with_full_stop(["Why?"])
    (['Yes.'], ['Why?'])
    """
    if not texts or texts[-1].endswith((".", "?", "!")):
        return list(texts)
    return [*texts[:-1], f"{texts[-1].rstrip(',;:')}."]


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
    bare = text.strip(".,;:!?\"\u201c\u201d\u2026()[]\u2014\u2013-'")
    return bare.lower() or text
