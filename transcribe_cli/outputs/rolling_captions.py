"""Rolling captions: the newest caption lines, as they roll up on a screen. Pure.

Each turn begins on its own line. Lines are filled one after the other and not balanced, so that
shown words keep their place while a partial grows.
"""

from collections import deque

from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.plain_text import text_lines
from transcribe_cli.transcript.caption_lines import Piece, cut_pieces, join_pieces
from transcribe_cli.transcript.turn_text import read_turn_text
from transcribe_cli.transcript.turns import TurnUpdate

LINES = 2
WIDTH_CELLS = 42

_MOST_CHARACTERS = 4000  # laid out of a turn; a minute of fast speech has 1500
_STEP = 1000  # characters are left out in such steps, so that lines mostly stay
_FINISHED = 64  # turns of which a late partial may still arrive
_Place = tuple[object, int]  # source, turn


class RollingCaptions:
    """The newest lines: the last final words and the partial after them.

    Args:
        non_speech: show turns that are only tags such as `[Music]`; `[Silence]` is never shown,
            since an empty screen says it better.
    """

    def __init__(self, *, non_speech: bool = True) -> None:
        self._non_speech = non_speech
        self._rolled: list[str] = []
        self._open: list[str] = []
        self._open_place: _Place | None = None
        self._finished: deque[_Place] = deque(maxlen=_FINISHED)

    @property
    def lines(self) -> list[str]:
        """At most `LINES` lines of at most `WIDTH_CELLS` cells, the newest last."""
        return [*self._rolled, *self._open][-LINES:]

    def take(self, record: Record) -> None:
        """Take a record."""
        if record.type == "Recording":  # turns count from 0 again
            self._finished.clear()
            self._open, self._open_place = [], None
        if record.update is None:
            return
        place = (record.body.get("source"), record.update.turn)
        if record.update.final:
            self._finished.append(place)
            self._rolled = [*self._rolled, *self._broken(record.update)][-LINES:]
            if place == self._open_place:
                self._open, self._open_place = [], None
        elif place not in self._finished:
            self._open, self._open_place = self._broken(record.update), place

    def clear(self) -> None:
        """Remove all lines, after a silence."""
        self._rolled, self._open = [], []

    def _broken(self, update: TurnUpdate) -> list[str]:
        said = read_turn_text(update.message)
        if said.non_speech and not said.settled.casefold().replace("[silence]", "").strip():
            return []
        filled = []
        for line in text_lines(update, non_speech=self._non_speech):
            too_many = max(0, len(line) - _MOST_CHARACTERS)
            filled += fill_lines(line[-(-too_many // _STEP) * _STEP :], WIDTH_CELLS)
        return filled


def fill_lines(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, each filled as far as possible.

    >>> fill_lines("one two three", 8), fill_lines("one two three four", 8)
    (['one two', 'three'], ['one two', 'three', 'four'])
    """
    lines: list[list[Piece]] = []
    used = 0
    for piece in cut_pieces(text, width):
        if not lines or used + piece.blank + piece.cells > width:
            lines.append([])
            used = 0
        else:
            used += piece.blank
        lines[-1].append(piece)
        used += piece.cells
    return [join_pieces(line) for line in lines]
