"""Capital and small letters where a recogniser that writes gets them wrong. Pure."""

from collections.abc import Sequence

_SHORT = frozenset("mr mrs ms dr prof st jr sr vs etc inc ltd co no".split())
# No names, and seldom the beginning of one.
_JOINING = frozenset(
    """a an the and but or nor so yet if as at by for from in into of on onto over to under with
    about after before between through until while when where because that which who whose he she
    it we you they his her its our your their this these those is are was were""".split()
)


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends with this word.

    >>> [ends_sentence(text) for text in ("hope.", "hope,", "Mr.", "a.m.", "no?")]
    [True, False, False, False, True]
    """
    if text.endswith(("?", "!")):
        return True
    word = text[:-1]
    return text.endswith(".") and "." not in word and word.lower() not in _SHORT


def after_stops(texts: Sequence[str]) -> list[str]:
    """The words, with a capital where a sentence begins.

    >>> after_stops(["Of", "hope.", "it", "was"])
    ['Of', 'hope.', 'It', 'was']
    """
    capital = [False, *(ends_sentence(text) for text in texts[:-1])]
    return [_capital(text) if big else text for text, big in zip(texts, capital, strict=True)]


def going_on(before: str, text: str, english: bool) -> str:
    """A word that was recognised as the first one, where it follows another.

    >>> going_on("evil,", "In", True), going_on("evil,", "Ann", True), going_on("evil.", "in", True)
    ('in', 'Ann', 'In')
    >>> going_on("gut,", "In", False)
    'In'
    """
    if ends_sentence(before):
        return _capital(text)
    bare = text.rstrip(",.?!").lower()
    return text[0].lower() + text[1:] if english and bare in _JOINING else text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
