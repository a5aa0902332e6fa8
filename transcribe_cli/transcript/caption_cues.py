"""Makes caption cues from final turns: text, lines and times. Pure.

First each turn is cut into phrases, where a reader would pause; a phrase fits one cue. Then each
phrase gets its times. Both follow the usual rules for captions: at most 2 lines of 42 cells, 5/6 s
to 7 s, 17 characters a second if the speech leaves time, and never two cues at once. Times are
whole ms on the recording's clock, rounded once.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from msgspec.structs import replace

from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.caption_lines import (
    ANYWHERE,
    TORN_APART,
    Piece,
    break_pieces,
    caption_cells,
    cut_pieces,
    join_pieces,
)
from transcribe_cli.transcript.text_timeline import TextTimeline, without_blanks
from transcribe_cli.transcript.turn_text import read_turn_text
from transcribe_cli.transcript.turns import TurnUpdate

WIDTH = 42
LINES = 2
SHORTEST_MS = 834  # 5/6 s
LONGEST_MS = 7000
CELLS_PER_S = 17  # a wide character takes as long to read as two narrow ones
PAUSE_MS = 2000  # a longer silence ends a cue

MOST_PIECES = 2000
"""A turn of more pieces is cut more coarsely; a minute of very fast speech has about 500."""

_COARSE = 12  # cells of a coarse piece
_MOST_IN_PHRASE = 2 * WIDTH * LINES  # pieces; with more, some would have no width
_LONGEST_NAME = 16
_UNDECIDED = ("UNKNOWN", "PENDING")  # the service's labels before it knows a speaker

# The costs of a cue when a turn is cut, on the scale of the costs of a line break.
_CUE = 300
_EMPTY = 900  # for an empty cue; it falls with the square of the empty share
_TOO_SHORT = 1500  # for a cue with less than the least time
_HURRIED = 200  # times the square of the seconds that a reader lacks
_PAUSE_WORTH = 500  # subtracted for a cut at a pause, in full for the longest one

_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ") | dict.fromkeys(
    (*range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # these reverse the rest of a line
    "",
)


@dataclass(frozen=True, slots=True)
class Cue:
    """One timed caption.

    Attributes:
        start_ms, end_ms: on the recording's clock.
        lines: one or two, without the speaker's name.
        speaker: None if the service names none.
    """

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Phrase:
    """The text of one cue; it is spoken from `start_ms` to `end_ms`."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    speaker: str | None = None


def lay_out(phrases: Sequence[Phrase], after_ms: int = 0) -> list[Cue]:
    """Give each phrase its times, as one cue, from `after_ms` on.

    A cue stays as long as a reader needs, until the next one is due. When turns overlap or follow
    too fast, the later cue starts after the earlier one. A cue depends on the cues before it and on
    the next phrase, so only the last cue changes when more phrases are added.
    """
    cues: list[Cue] = []
    end = after_ms
    for phrase, following in zip_longest(phrases, [later.start_ms for later in phrases[1:]]):
        due = phrase.start_ms if following is None else min(phrase.start_ms, following)
        start = max(end, due)
        end = max(phrase.end_ms, start + SHORTEST_MS, start + reading_ms(phrase.lines))
        if following is not None:
            end = min(end, max(following, start + SHORTEST_MS))
        end = min(end, start + LONGEST_MS)
        cues.append(Cue(start, end, phrase.lines, phrase.speaker))
    return cues


def reading_ms(lines: Sequence[str]) -> int:
    """How long a reader needs for these lines, in ms."""
    return _reading_ms(sum(map(caption_cells, lines)))


def name_width(speaker: str | None) -> int:
    """The cells that a speaker's name, written as `A: `, takes in the first line."""
    return caption_cells(speaker) + 2 if speaker else 0


def cut_turn(update: TurnUpdate, *, non_speech: bool) -> list[Phrase]:
    """The phrases of one turn; empty without words. In a call each holds words of one side."""
    return [phrase for part in update.parts() for phrase in _cut_part(part, non_speech)]


def _cut_part(update: TurnUpdate, non_speech: bool) -> list[Phrase]:
    said = read_turn_text(update.message)
    text = _without_controls(said.whole)
    if (said.non_speech and not non_speech) or not without_blanks(text):
        return []
    return _cut(_timed_pieces(update, text))


class _Timed(NamedTuple):
    piece: Piece
    start_ms: int
    end_ms: int
    speaker: str | None


def _timed_pieces(update: TurnUpdate, text: str) -> list[_Timed]:
    turn = update.message
    words = [_clean_word(word) for word in turn.words]
    label = _shown_name(turn.speaker_label)
    speakers = {word.speaker for word in words if word.speaker}
    if len(speakers) < 2:
        # With one speaker, use the turn's label: a SpeakerRevision may leave the words out.
        words = [replace(word, speaker=None) for word in words]
        label = label or next(iter(speakers), None)
    names = max(map(name_width, speakers | {label}))
    timeline = TextTimeline(text, words, update.start_ms, update.end_ms)
    pieces = cut_pieces(text, WIDTH - names)
    if len(pieces) > MOST_PIECES:
        pieces = list(_join_small(pieces, timeline.parts(PAUSE_MS, LONGEST_MS // _COARSE)))
    timed = []
    character = 0
    for piece in pieces:
        after = character + len(without_blanks(piece.text))
        if timeline.parts_word(character):  # without blanks, only the words show where a word ends
            piece = piece._replace(cost=max(piece.cost, TORN_APART))
        start_ms, end_ms = timeline.start_of(character), timeline.end_of(after)
        timed.append(_Timed(piece, start_ms, end_ms, timeline.speaker_of(character) or label))
        character = after
    return timed


def _join_small(pieces: Iterable[Piece], parts: Collection[int]) -> Iterator[Piece]:
    """Join pieces of up to `_COARSE` cells in all, so that there are fewer of them.

    Breaks of negative cost remain, and so do breaks before the characters in `parts`.
    """
    row: list[Piece] = []
    used = character = 0
    for piece in pieces:
        size = piece.cells + piece.blank
        if row and (
            used + size > _COARSE
            or piece.cost < ANYWHERE
            or len(row) == _COARSE
            or character in parts
        ):
            yield row[0]._replace(text=join_pieces(row), cells=used)
            row, used = [], 0
        used += size if row else piece.cells
        row.append(piece)
        character += len(without_blanks(piece.text))
    if row:
        yield row[0]._replace(text=join_pieces(row), cells=used)


def _cut(timed: Sequence[_Timed]) -> list[Phrase]:
    """The cheapest sequence of phrases that follows the rules (dynamic programming)."""
    count = len(timed)
    # For each number of pieces: the least cost of their phrases, and the last phrase's start.
    costs = [0.0] + [float("inf")] * count
    starts = [0] * (count + 1)
    for start, first in enumerate(timed):
        cost_before = _cost_of_cut(timed, start)
        for end, width in _possible_ends(timed, start):
            cost = _FILLED[width] + cost_before
            if end < count:  # after the turn's last phrase there is usually time enough
                room_ms = timed[end].start_ms - first.start_ms
                if room_ms < _READING_MS[width]:
                    cost += _HURRIED * ((_READING_MS[width] - room_ms) / 1000) ** 2
                if room_ms < SHORTEST_MS:
                    cost += _TOO_SHORT
            cost += costs[start]
            if cost < costs[end]:
                costs[end], starts[end] = cost, start
    phrases = []
    end = count
    while end:
        start = starts[end]
        phrases.append(_phrase(timed[start:end]))
        end = start
    phrases.reverse()
    return phrases


def _possible_ends(timed: Sequence[_Timed], start: int) -> list[tuple[int, int]]:
    """The ends that a phrase beginning at `start` may have, each with its width in cells."""
    (_, _, used, _), start_ms, before_ms, speaker = timed[start]
    room = WIDTH - name_width(speaker) if speaker else WIDTH
    lines, width = 1, used
    ends = [(start + 1, width)]
    latest_ms = start_ms + LONGEST_MS
    for index in range(start + 1, min(len(timed), start + _MOST_IN_PHRASE)):
        (_, blank, size, _), piece_ms, end_ms, speaks = timed[index]
        if used:
            if used + size + blank > room:
                lines, used, room = lines + 1, 0, WIDTH
            elif blank:
                size += 1
        if (
            lines > LINES
            or speaks != speaker
            or end_ms > latest_ms
            or piece_ms - before_ms > PAUSE_MS
        ):
            break
        used += size
        width += size
        before_ms = end_ms
        ends.append((index + 1, width))
    return ends


def _cost_of_cut(timed: Sequence[_Timed], start: int) -> float:
    """The cost of the cut before `start`; 0 at the beginning of the turn."""
    if not start:
        return 0.0
    first = timed[start]
    pause = first.start_ms - timed[start - 1].end_ms
    return 2 * first.piece.cost - _PAUSE_WORTH * min(pause, PAUSE_MS) / PAUSE_MS


def _phrase(timed: Sequence[_Timed]) -> Phrase:
    speaker = timed[0].speaker
    lines = break_pieces([one.piece for one in timed], WIDTH, indent=name_width(speaker))
    return Phrase(timed[0].start_ms, timed[-1].end_ms, tuple(lines), speaker)


def _reading_ms(width: int) -> int:
    return -(-width * 1000 // CELLS_PER_S)  # rounded up


# By the width of a phrase, in cells.
_FILLED = [_CUE + _EMPTY * (1 - width / (WIDTH * LINES)) ** 2 for width in range(2 * WIDTH * LINES)]
_READING_MS = [_reading_ms(width) for width in range(len(_FILLED))]


def _shown_name(speaker: str | None) -> str | None:
    """A speaker's name for captions, cut so that it leaves room for words."""
    name = " ".join(_without_controls(speaker or "").split())[:_LONGEST_NAME].strip()
    return name if name and name not in _UNDECIDED else None


def _clean_word(word: Word) -> Word:
    return replace(word, text=_without_controls(word.text), speaker=_shown_name(word.speaker))


def _without_controls(text: str) -> str:
    """Text without control characters and without characters that reverse a line."""
    return text if text.isprintable() else text.translate(_CONTROLS)
