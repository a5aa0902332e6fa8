"""Wraps and cuts styled text to a width in terminal cells. Pure.

Terminals disagree on the width of emoji sequences and flags. The widest answer is counted, so that
a line may be a little short but is never wider than the window.
"""

from collections.abc import Iterator
from itertools import accumulate, chain

from rich.cells import get_character_cell_size
from rich.text import Text

_AT_ONCE = 4096  # characters that are wrapped in one step
_LONGEST_ROW = 4 * _AT_ONCE  # a row of characters without width is cut here
_EMOJI_STYLE = "\ufe0f"  # makes the character before it an emoji, two cells wide
_JOINER = "\u200d"
_NO_BREAK = frozenset("\u00a0\u202f\u2007")
_NOT_FIRST = frozenset(  # punctuation and small letters that end what is before them
    "、。，．・：；？！）］｝」』】〉》〕ー～…々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"  # noqa: RUF001
)
_NOT_LAST = frozenset("（［｛「『【〈《〔")  # noqa: RUF001


def cells(text: str) -> int:
    """How many terminal cells the text takes, at most."""
    if text.isascii():
        return len(text)
    return sum(_widths(text))


def wrap(text: Text, width: int, indent: int = 0) -> Iterator[Text]:
    """The text in lines of at most `width` cells; all but the first start with `indent` blanks.

    Lines break at blanks, and between characters in scripts without blanks. A word longer than a
    line is cut between two characters. Lazy: only as much text is read as the lines taken need.
    """
    width = max(width, 2)  # a wide character must fit
    if width - indent < 4:  # and a flag
        indent = 0
    first, size = True, _AT_ONCE
    while True:
        start = text.plain[:size]
        breaks = list(_breaks(start, width - (0 if first else indent), width - indent))
        is_all = len(start) == len(text)
        if not is_all and not breaks:
            if size < _LONGEST_ROW:
                size *= 2
                continue
            breaks = [size]
        lines = text.divide(breaks)
        # The last line may go on in what was not looked at.
        rest = Text() if is_all else lines.pop()
        for line in lines:
            line.rstrip()
            if not first:
                line.pad_left(indent)
            first = False
            yield line
        if is_all:
            return
        text, size = rest, _AT_ONCE


def cut_end(text: str, width: int, mark: str = "…") -> str:
    """The text in at most `width` cells; `mark` stands at the end when something was cut off."""
    if not _is_wider(text, width):
        return text
    room = width - cells(mark)
    if room < 0:
        return mark[: max(width, 0)]
    end = total = 0
    for end, size in enumerate(_each_width(text)):  # noqa: B007
        total += size
        if total > room:
            break
    while end and not _may_part(text, end):
        end -= 1
    return text[:end].rstrip() + mark


def cut_middle(text: str, width: int, mark: str = "…") -> str:
    """The text in at most `width` cells, cut in the middle: names often differ at their end.

    >>> cut_middle("recording-of-monday-1.wav", 16)
    'recordin…y-1.wav'
    """
    if not _is_wider(text, width):
        return text
    room = width - cells(mark)
    start = len(text)
    while start > 0 and cells(text[start - 1 :]) <= room // 2:
        start -= 1
    while start < len(text) and not _may_part(text, start):
        start += 1
    if room < 4:
        start = len(text)
    end = text[start:]
    return cut_end(text[:start], width - cells(end), mark).removesuffix(mark) + mark + end


def rows_at(text: str, columns: int) -> int:
    """How many rows a terminal of so many columns wraps the text into."""
    if text.isascii():
        return max(-(-len(text) // columns), 1)
    rows, used = 1, 0
    for size in _widths(text):
        if used + size > columns:
            rows, used = rows + 1, 0
        used += size
    return rows


def ellipsis(ascii_only: bool) -> str:
    """The mark at the end of text that was cut."""
    return "..." if ascii_only else "…"


def cut_text(text: Text, width: int, mark: str = "…") -> Text:
    """`cut_end` for styled text; the styles stay."""
    if not _is_wider(text.plain, width):
        return text
    kept = cut_end(text.plain, width, mark)
    shorter = text[: max(len(kept) - len(mark), 0)]
    return shorter.append(kept[len(shorter) :])


def _is_wider(text: str, width: int) -> bool:
    """Whether the text takes more cells than `width`; stops reading as soon as it does."""
    return any(total > width for total in accumulate(_each_width(text)))


def _widths(text: str) -> list[int]:
    return [1] * len(text) if text.isascii() else list(_each_width(text))


def _each_width(text: str) -> Iterator[int]:
    size = 0
    for character in text:
        if character < "\u0300":
            size = 1
        elif character == _EMOJI_STYLE:
            size = 1 if size == 1 else 0
        elif _is_half_flag(character):
            size = 2  # or one, as the terminal likes
        else:
            size = get_character_cell_size(character)
        yield size


def _is_half_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _breaks(text: str, first: int, others: int) -> Iterator[int]:
    """The indexes where new lines start; `first` and `others` are the widths of the lines."""
    widths = _widths(text)
    start, room = 0, first
    while (end := _overflow(text, widths, start, room)) < len(text):
        candidates = range(end, start, -1)
        cut_at = next((i for i in candidates if _may_break(text, widths, i, start)), 0)
        anywhere = chain(candidates, range(end + 1, len(text)))  # further on when nothing fits
        cut_at = cut_at or next((i for i in anywhere if _may_part(text, i, start)), 0)
        if not cut_at:
            break
        yield cut_at
        start, room = cut_at, others


def _overflow(text: str, widths: list[int], start: int, room: int) -> int:
    """The index of the first character that does not fit; blanks at the end may stick out."""
    used = 0
    for index in range(start, len(text)):
        used += widths[index]
        if used > room and not text[index].isspace():
            return index
    return len(text)


def _may_break(text: str, widths: list[int], index: int, start: int) -> bool:
    before, after = text[index - 1], text[index]
    if before in _NO_BREAK or after in _NO_BREAK:
        return False
    if before.isspace():
        return not after.isspace()
    if after.isspace() or (widths[index] < 2 and widths[index - 1] < 2):
        return False
    if "\uac00" <= before <= "\ud7a3" or "\uac00" <= after <= "\ud7a3":
        return False  # Korean is wide and has blanks between its words
    return before not in _NOT_LAST and after not in _NOT_FIRST and _may_part(text, index, start)


def _may_part(text: str, index: int, start: int = 0) -> bool:
    """Whether `index` lies between two graphemes, not inside one.

    `start`: an earlier index that lies between two graphemes.
    """
    before, after = text[index - 1], text[index]
    if after < "\u0300":
        return before != _JOINER
    if _is_half_flag(after):
        halves = index
        while halves > start and _is_half_flag(text[halves - 1]):
            halves -= 1
        return (index - halves) % 2 == 0 and before != _JOINER
    return before != _JOINER and after != _EMOJI_STYLE and get_character_cell_size(after) > 0
