"""Breaks caption text into balanced lines, at places where a reader would pause. Pure.

Widths are in cells: characters of wide scripts count two, combining marks none. Lines break at
blanks. In scripts without blanks they break between characters, but never before closing or after
opening punctuation.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from unicodedata import category, east_asian_width

# The costs of a break, on the scale of the squared number of empty cells; negative ones attract.
AFTER_SENTENCE = -500
AFTER_CLAUSE = -350
BEFORE_CONJUNCTION = -200
BEFORE_PREPOSITION = -120
ANYWHERE = 0
BETWEEN_CHARACTERS = 60
TORN_APART = 300
INSIDE_WORD = 1000

_CONJUNCTIONS = frozenset(
    "and but or nor because although though unless until while whereas when where which who that if"
    " y e o u pero sino porque aunque cuando donde que si mientras"
    " et ou mais donc car parce quand lorsque puisque qui dont où"
    " und oder aber sondern denn weil dass wenn obwohl während"
    " ed od ma però perché quando mentre che"
    " mas porém embora enquanto".split()
)
_PREPOSITIONS = frozenset(
    "about above across after against along among around at before behind below between by during"
    " for from in into near of off on onto over since through to toward towards under upon with"
    " within without"
    " a ante bajo con contra de del desde en entre hacia hasta para por según sin sobre tras"
    " à au aux avec chez contre dans depuis des du pendant pour sans sous sur vers"
    " auf aus bei bis durch für gegen mit nach ohne seit um unter von vor zu zum zur zwischen"
    " al da dal dalla di della delle dei nel nella per su sul tra fra"
    " ao aos às com da das do dos em na nas no nos pela pelo sem".split()
)
_ARTICLES = frozenset(
    "an the my your his her its our their this these those"
    " el la los las un una unos unas mi tu su"
    " le les une ce cette mon ma mes ton ta tes son sa ses"
    " der die das den dem ein eine einen einem einer"
    " il lo gli i uno os as um uma".split()
)
_ABBREVIATIONS = frozenset("mr. mrs. ms. dr. prof. st. sr. sra. vs. e.g. i.e. z.b. m. mme.".split())

_BLANKS = re.compile(r"[^\S\u00a0\u2007\u202f]+")  # no-break spaces are not blanks
_CLOSERS = "\"'”’»)]}）」』】〉》"  # noqa: RUF001
_SENTENCE_ENDS = frozenset(".!?…。！？؟।॥։።")  # noqa: RUF001
_CLAUSE_ENDS = frozenset(",;:–—、，；：،؛·")  # noqa: RUF001
_NOT_FIRST = frozenset("ー～々ぁぃぅぇぉっゃゅょァィゥェォッャュョ%°ะาำๅๆฯຯະາຳ")  # noqa: RUF001
_NOT_LAST = frozenset("¿¡$£€#@เแโใไເແໂໃໄ")
_OPENERS = frozenset("¿¡#@&")  # punctuation that belongs to the text after it


class Piece(NamedTuple):
    """A part of a text inside which no line breaks.

    Attributes:
        text: the part, without blanks around it.
        blank: whether there is a blank before it.
        cells: its width.
        cost: the cost of a break right before it.
    """

    text: str
    blank: bool
    cells: int
    cost: int


def break_pieces(pieces: Sequence[Piece], width: int = 42, *, indent: int = 0) -> list[str]:
    """Lines made of consecutive pieces: as few as possible, of at most `width` cells.

    `indent`: how many cells of the first line are taken.
    """
    count = len(pieces)
    # For each number of pieces: the number of lines, their cost, and the start of the last line.
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)] + [(count + 1, 0.0, 0)] * count
    for start in range(count):
        lines, cost, _ = best[start]
        room = width - (0 if start else indent)
        cost += pieces[start].cost if start else 0
        used = 0
        for end in range(start, count):
            used += pieces[end].cells + (pieces[end].blank and end > start)
            if used > room and end > start:
                break
            empty = (room - used) * 42 / width
            best[end + 1] = min(best[end + 1], (lines + 1, cost + empty**2, start))
    starts = []
    end = count
    while end:
        starts.append((best[end][2], end))
        end = best[end][2]
    return [join_pieces(pieces[start:end]) for start, end in reversed(starts)]


def cut_pieces(text: str, width: int = 42) -> list[Piece]:
    """Cut a text at every place where a line may start; pieces have at most `width` cells."""
    pieces: list[Piece] = []
    before = ""
    for word in _BLANKS.split(text):
        if not word:
            continue
        for number, (part, size, inside) in enumerate(_parts(word, width)):
            cost = inside if number else _cost_between(before, word)
            pieces.append(Piece(part, number == 0 and before != "", size, cost))
        before = word
    return pieces


def join_pieces(pieces: Sequence[Piece]) -> str:
    """Consecutive pieces as one text, without a blank before the first."""
    text = "".join(f" {piece.text}" if piece.blank else piece.text for piece in pieces)
    return text.removeprefix(" ") if pieces and pieces[0].blank else text


def caption_cells(text: str) -> int:
    """The text's width in cells.

    >>> caption_cells("días"), caption_cells("今天"), caption_cells("e\\u0301")
    (4, 4, 1)
    """
    if text.isascii():
        return len(text)
    return _cells_of(text) if len(text) == 1 else sum(map(_cells_of, clusters(text)))


def clusters(text: str) -> Iterator[str]:
    """The text's grapheme clusters: characters with their marks.

    >>> [len(cluster) for cluster in clusters("e\\u0301a")]
    [2, 1]
    """
    if text.isascii():
        yield from text
        return
    start = 0
    flag = False  # the cluster so far is half a flag
    before = text[0]
    for index, character in enumerate(text[1:], 1):
        half = "\U0001f1e6" <= character <= "\U0001f1ff"
        if half and not flag and _is_half_flag(before):
            flag = True
        elif not _joins(before, character):
            yield text[start:index]
            start, flag = index, False
        before = character
    yield text[start:]


def _cost_between(before: str, after: str) -> int:
    """The cost of a break at the blank between two words."""
    end = before.rstrip(_CLOSERS)[-1:]
    word = before.strip("\"'“”‘’«»()[]¿¡").lower()  # noqa: RUF001
    if word in _ABBREVIATIONS or (len(word) == 2 and word[0].isalpha() and word[1] == "."):
        return TORN_APART
    if end in _SENTENCE_ENDS:
        return AFTER_SENTENCE
    if end in _CLAUSE_ENDS:
        return AFTER_CLAUSE
    if word in _ARTICLES or word in _PREPOSITIONS or word in _CONJUNCTIONS:
        return TORN_APART
    opening = after.strip("\"'“”‘’«»()[]¿¡,").lower()  # noqa: RUF001
    if opening in _CONJUNCTIONS:
        return BEFORE_CONJUNCTION
    return BEFORE_PREPOSITION if opening in _PREPOSITIONS else ANYWHERE


def _parts(word: str, width: int) -> Iterator[tuple[str, int, int]]:
    """The pieces of a text without blanks: text, cells, and the cost of a break before it."""
    if word.isascii() and len(word) <= width:
        yield word, len(word), ANYWHERE
        return
    if word.isascii():
        yield from _torn(word, ANYWHERE, width)
        return
    part: list[str] = []
    cost = ANYWHERE
    for cluster in clusters(word):
        if part and _may_part(part[-1], cluster):
            before = part[0] if len(part) == 1 else "".join(part)
            if (size := caption_cells(before)) <= width:
                yield before, size, cost
            else:
                yield from _torn(before, cost, width)
            part, cost = [], _cost_inside(before)
        part.append(cluster)
    yield from _torn("".join(part), cost, width)


def _cost_inside(before: str) -> int:
    """The cost of a break after `before`, if no blank follows."""
    end = before[-1:]
    if end in _CLOSERS:
        end = before.rstrip(_CLOSERS)[-1:]
    if end in _SENTENCE_ENDS:
        return AFTER_SENTENCE
    return AFTER_CLAUSE if end in _CLAUSE_ENDS else BETWEEN_CHARACTERS


def _may_part(before: str, after: str) -> bool:
    """Whether a line may break between two characters that have no blank between them."""
    if before[-1] == "\u200b":  # a zero-width space allows it
        return True
    ideographic = _is_ideographic(before[0]) or _is_ideographic(after[0])
    return ideographic and not _binds(before, after)


def _binds(before: str, after: str) -> bool:
    """Whether the two characters must stay on one line."""
    return _is_never_first(after[0]) or _is_never_last(before[0])


@lru_cache(4096)
def _is_never_first(character: str) -> bool:
    closes = category(character) in ("Pe", "Pf", "Po", "Pd") and character not in _OPENERS
    return closes or character in _NOT_FIRST


@lru_cache(4096)
def _is_never_last(character: str) -> bool:
    opens = category(character) in ("Ps", "Pi") or character in _OPENERS
    return opens or character in _NOT_LAST


def _torn(part: str, cost: int, width: int) -> Iterator[tuple[str, int, int]]:
    """The part unchanged, or cut between characters if it is longer than a line."""
    if (size := caption_cells(part)) <= width:
        yield part, size, cost
        return
    torn: list[str] = []
    used = 0
    for cluster in clusters(part):
        size = _cells_of(cluster)
        if torn and (used + size > width or not _binds(torn[-1], cluster)):
            yield "".join(torn), used, cost
            torn, used, cost = [], 0, INSIDE_WORD
        torn.append(cluster)
        used += size
    yield "".join(torn), used, cost


@lru_cache(4096)
def _is_ideographic(character: str) -> bool:
    """Whether a character is wide and of a script without blanks; Korean is wide but has blanks."""
    return _is_wide(character) and not "\uac00" <= character <= "\ud7a3"


def _cells_of(cluster: str) -> int:
    if cluster.isascii():
        return len(cluster)
    if len(cluster) == 1:
        return _width(cluster)
    if "\ufe0f" in cluster:  # it turns the character before it into an emoji
        return 2
    return sum(map(_width, cluster))


@lru_cache(4096)
def _width(character: str) -> int:
    if character == "\ufe0f":
        return 2
    return 0 if _is_mark(character) else 2 if _is_wide(character) else 1


def _joins(before: str, after: str) -> bool:
    if after < "\u0300":
        return after == "\xad"  # a soft hyphen
    return before == "\u200d" or _belongs_to_character_before(after)


@lru_cache(4096)
def _belongs_to_character_before(character: str) -> bool:
    skin = "\U0001f3fb" <= character <= "\U0001f3ff"
    return skin or _is_mark(character) or category(character) == "Mc"


def _is_mark(character: str) -> bool:
    """Whether a character has no width: marks, joiners, the later jamo of a Hangul syllable."""
    jamo = "\u1160" <= character <= "\u11ff"
    return jamo or category(character) in ("Mn", "Me", "Cf")


def _is_wide(character: str) -> bool:
    return east_asian_width(character) in ("W", "F")


def _is_half_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
