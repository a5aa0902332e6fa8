"""The progress rows of a batch: one for each running file, one for all files. Pure.

Columns are aligned. In a narrow window the least important columns are left out first; a file's
name and percentage always stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from transcribe_cli.transcript.recording_clock import format_time
from transcribe_cli.ui.safe_text import safe_text
from transcribe_cli.ui.text_wrapping import cells, cut_end, cut_middle, cut_text, ellipsis
from transcribe_cli.ui.turn_rendering import DIM

LONGEST_NAME = 32
SHORTEST_NAME = 8
_BARS = (20, 10, 6)
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_GOOD = Style(color="green")
_LOUD = Style(bold=True)
_CALM = ("transcribing", "over", "stopping")


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far one file is.

    Attributes:
        position_s: seconds of audio heard.
        length_s: seconds of audio in the file; None where it is not known.
        turns: number of final turns.
        state: the status line's word: connecting, transcribing, offline ...
        message: what is wrong, in words; "" while nothing is.
    """

    name: str
    position_s: float = 0.0
    length_s: float | None = None
    turns: int = 0
    state: str = "connecting"
    message: str = ""

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where the length is not known."""
        if not self.length_s:
            return None
        return min(max(self.position_s / self.length_s, 0.0), 1.0)

    @property
    def calm(self) -> bool:
        """Whether the row needs no remark."""
        return self.state in _CALM and not self.message


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far the whole batch is.

    Attributes:
        files: number of files in the batch.
        done, failed, running: number of files in each state.
        share: estimated share of all audio that is done, 0 to 1; None where no length is known.
        left_s: estimated seconds until the end; None while it cannot be estimated.
    """

    files: int
    done: int = 0
    failed: int = 0
    running: int = 0
    share: float | None = None
    left_s: float | None = None


def batch_rows(
    running: Sequence[FileProgress],
    whole: BatchProgress,
    width: int,
    most: int,
    *,
    ascii_only: bool = False,
    keys: Sequence[str] = (),
) -> list[Text]:
    """At most `most` rows of at most `width` cells; the last row is for all files.

    Files with a problem are shown first when not all fit. `keys` as in `status_line`.
    """
    room = max(most, 1) - 1
    shown = list(running)
    if len(shown) > room:
        ranking = sorted(range(len(shown)), key=lambda index: shown[index].calm)
        shown = [shown[index] for index in sorted(ranking[: max(room - 1, 0)])]
    rows = _file_rows(shown, width, ascii_only)
    if len(shown) < len(running) and room:
        rows.append(
            cut_text(
                Text(f"and {len(running) - len(shown)} more", DIM), width, ellipsis(ascii_only)
            )
        )
    return [*rows, total_row(whole, width, ascii_only=ascii_only, keys=keys)]


def _file_rows(shown: Sequence[FileProgress], width: int, ascii_only: bool) -> list[Text]:
    places = [_place(one) for one in shown]
    turns = [_turns(one.turns) for one in shown]
    states = ["" if one.calm else safe_text(one.message or one.state) for one in shown]
    longest = max((cells(safe_text(one.name)) for one in shown), default=0)
    name = min(longest, LONGEST_NAME)
    place, turn, state = _widest(places), _widest(turns), _widest(states)
    bar = _BARS[0]

    def needed() -> int:
        columns = (name, bar + 2 if bar else 0, 4, place, turn, state)
        return sum(columns) + 2 * (sum(1 for size in columns if size) - 1)

    # Shrink in this order until it fits: bar, turns, position, names, bar away, remark.
    if needed() > width:
        bar = _BARS[1]
    if needed() > width:
        turn = 0
    if needed() > width:
        place = 0
    if needed() > width:
        bar = _BARS[2]
    if needed() > width:
        name = max(min(name, SHORTEST_NAME), name - (needed() - width))
    if needed() > width:
        bar = 0
    if needed() > width:
        state = max(0, state - (needed() - width))
    rows = []
    for number, one in enumerate(shown):
        parts = [_padded(safe_text(one.name), name, ascii_only)]
        if bar:
            parts.append(_bar(one.share, bar, ascii_only))
        parts.append(Text("   -" if one.share is None else f"{int(one.share * 100):3}%"))
        if place:
            parts.append(Text(places[number].rjust(place), DIM))
        if turn:
            parts.append(Text(turns[number].rjust(turn), DIM))
        if state and states[number]:
            parts.append(Text(cut_end(states[number], state, ellipsis(ascii_only)), _LOUD))
        row = Text("  ").join(parts)
        row.rstrip()
        rows.append(cut_text(row, width, ellipsis(ascii_only)))
    return rows


def total_row(
    whole: BatchProgress, width: int, *, ascii_only: bool = False, keys: Sequence[str] = ()
) -> Text:
    """The row for the whole batch; `keys` as in `status_line`."""
    words = [Text(f"{whole.done} of {_count(whole.files, 'file')}")]
    if whole.failed:
        words.append(Text(f"{whole.failed} failed", _LOUD))
    waiting = whole.files - whole.done - whole.failed - whole.running
    if waiting > 0:
        words.append(Text(f"{waiting} to come", DIM))
    if whole.share is not None:
        words.append(Text(f"{int(whole.share * 100)}%"))
    if whole.left_s is not None:
        words.append(Text(f"{format_time(round(whole.left_s) * 1000)} left", DIM))
    line = Text("  ").join(words)
    for size in _BARS[:2]:
        if whole.share is not None and cells(line.plain) + size + 4 <= width:
            line = Text("  ").join([_bar(whole.share, size, ascii_only), line])
            break
    for form in keys:
        if cells(line.plain) + 2 + cells(form) <= width:
            line.append("  ").append(form, DIM)
            break
    return cut_text(line, width, ellipsis(ascii_only))


def heading(name: str, width: int, *, ascii_only: bool = False) -> Text:
    """The line above a file's transcript.

    >>> heading("talk.wav", 80).plain
    '── talk.wav ──'
    """
    rule = "--" if ascii_only else "──"
    words = cut_middle(safe_text(name), max(width - 6, 1), ellipsis(ascii_only))
    return Text().append(f"{rule} ", DIM).append(words, _LOUD).append(f" {rule}", DIM)


def _place(one: FileProgress) -> str:
    here = format_time(int(one.position_s * 1000))
    return f"{here} / {format_time(int(one.length_s * 1000))}" if one.length_s else here


def _turns(count: int) -> str:
    return _count(count, "turn") if count else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _widest(texts: Sequence[str]) -> int:
    return max(map(cells, texts), default=0)


def _padded(text: str, size: int, ascii_only: bool) -> Text:
    text = cut_middle(text, size, ellipsis(ascii_only))
    return Text(text + " " * (size - cells(text)))


def _bar(share: float | None, size: int, ascii_only: bool) -> Text:
    """A progress bar of `size` cells between two edges; empty where the share is not known."""
    left, right = ("[", "]") if ascii_only else ("▕", "▏")
    share = share or 0.0
    if ascii_only:
        filled = ("#" * int(share * size)).ljust(size, "-")
    else:
        full, eighths = divmod(int(share * size * 8), 8)
        filled = ("█" * full + (_EIGHTHS[eighths] if eighths else "")).ljust(size)
    return Text().append(left, DIM).append(filled, _GOOD).append(right, DIM)
