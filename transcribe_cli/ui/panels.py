"""What may be open above the status line: the keys, the languages spoken, a line that is typed."""

from collections.abc import Mapping, Sequence

from rich.style import Style
from rich.text import Text

from transcribe_cli.protocol.languages import WHISPER_LANGUAGES
from transcribe_cli.transcript.recording_clock import format_time
from transcribe_cli.ui.key_table import KeyBinding
from transcribe_cli.ui.safe_text import safe_text
from transcribe_cli.ui.text_wrapping import cells, cut_text
from transcribe_cli.ui.turn_rendering import NARROW, NO_BREAK

DIM = Style(dim=True)
LOUD = Style(bold=True)

_CURSOR = Style(reverse=True)

_APART = 3  # cells between two columns
_MOST_LANGUAGES = 6


class OpenPanel:
    """The panel of a live view that is open, if one is.

    Args:
        keys: what the panel of keys shows.
    """

    def __init__(self, keys: Sequence[KeyBinding]) -> None:
        self.keys = keys
        self._shows_keys = False
        self._shares: Mapping[str, int] | None = None  # by language, while they are shown

    def toggle_keys(self) -> None:
        """Show or hide the keys, in place of what was open."""
        self._shows_keys, self._shares = not self._shows_keys, None

    def toggle_languages(self, shares: Mapping[str, int]) -> None:
        """Show or hide how long each language was spoken, in place of what was open.

        `shares`: ms by language code; later changes of the mapping are shown too.
        """
        self._shows_keys, self._shares = False, shares if self._shares is None else None

    def rows(self, latest: str, width: int, most: int, *, ascii_only: bool) -> list[Text]:
        """At most `most` rows of at most `width` cells; `latest`: as of `languages_panel`."""
        if self._shows_keys:
            return keys_panel(width, most, self.keys)
        if self._shares is None:
            return []
        return languages_panel(self._shares, latest, width, most, ascii_only=ascii_only)


def keys_panel(width: int, most: int, keys: Sequence[KeyBinding]) -> list[Text]:
    """What each key does, in at most `most` rows of at most `width` cells.

    In columns; where there are too few rows for that, one key after the other; where there are too
    few for that too, the last keys are left out.
    """
    name_size = max(cells(binding.key) for binding in keys)
    size = name_size + 2 + max(cells(binding.help) for binding in keys)
    columns = max((width + _APART) // (size + _APART), 1)
    height = -(-len(keys) // columns)
    if height > most:
        return _flowing(width, max(most, 0), keys)
    rows = [Text() for _ in range(height)]
    for index, binding in enumerate(keys):
        name = binding.key
        row = rows[index % height]
        if index >= height:
            row.pad_right((index // height) * (size + _APART) - cells(row.plain))
        row.append(name, LOUD).append(" " * (name_size - cells(name) + 2)).append(binding.help)
    return [cut_text(row, width, ".") for row in rows]


def _flowing(width: int, most: int, keys: Sequence[KeyBinding]) -> list[Text]:
    """The keys one after the other, as many as fit."""
    rows: list[Text] = []
    for binding in keys:
        words = Text().append(binding.key, LOUD).append(f" {binding.help}")
        if rows and cells(rows[-1].plain) + 2 + cells(words.plain) <= width:
            rows[-1].append("  ").append_text(words)
        else:
            rows.append(words)
    return [cut_text(row, width, ".") for row in rows[:most]]


def languages_panel(
    shares: Mapping[str, int], latest: str, width: int, most: int, *, ascii_only: bool = False
) -> list[Text]:
    """How long each language was spoken, the longest first, in at most `most` rows.

    Args:
        shares: ms spoken, by language code.
        latest: language tag of the last turn, such as `es 85%`.
    """
    most = max(min(most, _MOST_LANGUAGES + 1), 0)
    if not shares:
        return [cut_text(Text("no language was detected so far", DIM), width, ".")][:most]
    total = max(sum(shares.values()), 1)
    ranking = sorted(shares.items(), key=lambda share: (-share[1], share[0]))
    rows: list[Text] = []
    for code, spoken_ms in ranking:
        row = Text().append(f"{safe_text(code):<3}", LOUD).append(f" {spoken_ms / total:>4.0%}")
        if width >= NARROW:
            row.append(f" {format_time(spoken_ms):>7}", DIM)
        row.append(f"  {WHISPER_LANGUAGES.get(code, '')}".rstrip())
        if latest.split(NO_BREAK)[0] == code:
            row.append("  now" + latest.removeprefix(code), DIM)
        rows.append(row)
    if len(rows) > most:
        kept = max(most - 1, 0)
        rows = [*rows[:kept], Text(f"and {len(rows) - kept} more", DIM)][:most]
    return [cut_text(row, width, "." if ascii_only else "…") for row in rows]


def prompt_line(label: str, text: str) -> Text:
    """A line that is being typed, with a cursor behind it."""
    return Text(label, DIM).append(safe_text(text)).append(" ", _CURSOR)


def cut_left(line: Text, width: int) -> Text:
    """The end of a line, in at most `width` cells."""
    while cells(line.plain) > width:
        line = line[1:]
    return line
