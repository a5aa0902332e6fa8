"""The turns that are still being said, and their rows in the region of the live view. Pure."""

from collections.abc import Callable, Sequence

from rich.text import Text

from transcribe_cli.settings.option_types import NonSpeech
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui import turn_rendering
from transcribe_cli.ui.live_region import height_when_narrow
from transcribe_cli.ui.region_view import ROOMY_ROWS, usable_columns
from transcribe_cli.ui.text_wrapping import wrap

MIN_PARTIAL_ROWS = 4
"""A long partial may have so many rows even when that is more than half of the window."""

ALWAYS_SHOWN_ROWS = 2
"""So many rows of a partial are shown even if a much narrower window could not hold them."""

EXTRA_CHARACTERS = 2000
"""Characters of a long partial that are laid out beyond what the window can hold."""


class PartialTurns:
    """Keeps the newest version of each turn that is not final.

    Attributes:
        was_said: there was a turn with words, partial or final.
    """

    def __init__(self) -> None:
        self.was_said = False
        self._partials: dict[int, TurnUpdate] = {}  # by turn
        self._finals: set[int] = set()
        self._tallest = 0  # rows that the partials have had since the last final

    def is_final(self, turn: int) -> bool:
        """Whether that turn's final has come; later updates of it are ignored."""
        return turn in self._finals

    def take(self, update: TurnUpdate) -> None:
        """Take a turn as it is now; a final is no partial any more."""
        self.was_said |= bool(update.message.transcript or update.message.words)
        for turn, older in list(self._partials.items()):
            # The service has gone on to the next turn. A held turn stays: its final comes.
            if older.session == update.session and turn < update.turn and not older.held:
                del self._partials[turn]
        if update.final:
            self._finals.add(update.turn)
            self._partials.pop(update.turn, None)
            self._tallest = 0
        else:
            self._partials[update.turn] = update

    def drop(self, session: int | None) -> None:
        """Remove the partials of a session; None: of all."""
        for turn, update in list(self._partials.items()):
            if session is None or update.session == session:
                del self._partials[turn]
        self._tallest = 0

    def correct(self, corrected: Callable[[TurnUpdate], TurnUpdate]) -> None:
        """Apply a correction to each of them."""
        self._partials = {turn: corrected(update) for turn, update in self._partials.items()}

    def resized(self) -> None:
        """The window has another size: what was the most rows says nothing any more."""
        self._tallest = 0

    @property
    def first_ms(self) -> int | None:
        """Where the earliest of them starts."""
        return min((update.start_ms for update in self._partials.values()), default=None)

    def lines(
        self, columns: int, height: int, non_speech: NonSpeech, *, confidences: bool
    ) -> list[Text]:
        """All of them, wrapped for a window of that size."""
        lines: list[Text] = []
        parts = [part for _, turn in sorted(self._partials.items()) for part in turn.parts()]
        for update in parts:
            line = turn_rendering.partial_line(
                update,
                columns=columns,
                non_speech=non_speech,
                confidences=confidences,
                most=columns * height + EXTRA_CHARACTERS,
            )
            if line is not None:
                indent = turn_rendering.hanging_indent(update.start_ms, columns)
                lines += wrap(line, usable_columns(columns), indent)
        return lines

    def rows(
        self,
        lines: Sequence[Text],
        height: int,
        below: Sequence[Text],
        at_risk: Callable[[Sequence[Text]], bool],
        *,
        ascii_only: bool,
    ) -> list[Text]:
        """The newest of the lines, padded to the most rows since the last final.

        At most half of the window, and no more than a much narrower window could hold.

        Args:
            below: the rows that follow them.
            at_risk: whether a narrower window would leave some of these rows behind.
        """
        room = height - len(below) - (height >= ROOMY_ROWS)
        most = max(min(max(height // 2, MIN_PARTIAL_ROWS), room), 0)
        always = ALWAYS_SHOWN_ROWS if len(below) == 1 else 1
        kept = _newest(lines, most, always, height - 1 - height_when_narrow(below))
        while len(kept) > 1 and at_risk([*kept, *below]):
            del kept[0]
        if len(kept) < len(lines) and kept and kept[0].plain.startswith("  "):
            mark = Text().append(". " if ascii_only else "… ", turn_rendering.DIM)
            kept[0] = mark + kept[0][2:]
        self._tallest = min(max(self._tallest, len(kept)), most)
        blank = min(self._tallest - len(kept), height - 1 - height_when_narrow([*kept, *below]))
        return kept + [Text()] * max(blank, 0)


def _newest(lines: Sequence[Text], most: int, always: int, room_when_narrow: int) -> list[Text]:
    """The last lines that fit now and in a narrow window; at least `always` of them."""
    kept: list[Text] = []
    for line in reversed(lines[-most:] if most else []):
        room_when_narrow -= height_when_narrow([line])
        if len(kept) >= always and room_when_narrow < 0:
            break
        kept.insert(0, line)
    return kept
