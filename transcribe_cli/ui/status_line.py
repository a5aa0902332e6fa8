"""The status line: one line under the transcript. Pure.

The line is made of parts. Each part has several forms, the longest first. When the line does not
fit, parts take shorter forms and are then left out, the least important first. Nothing is told by
colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.style import Style
from rich.text import Text

from transcribe_cli.transcript.recording_clock import format_time
from transcribe_cli.ui.key_table import key_of
from transcribe_cli.ui.safe_text import safe_text
from transcribe_cli.ui.text_wrapping import cells, cut_middle, cut_text, ellipsis

QUIETEST_DB = -60.0
"""The level at which the meter is empty, in dBFS; it is full at 0."""

SHOW_BACKLOG_S = 1.0
"""Less unsent audio than this is normal and not shown."""

LATE_S = 5.0
"""From here on the delay of the words is highlighted."""

DIM = Style(dim=True)
PLAIN = Style()
GOOD = Style(color="green")
TROUBLE = Style(color="yellow", bold=True)  # marks only: yellow words are hard to read on white
LOUD = Style(bold=True)
FAILED = Style(color="red", bold=True)

_STATES = {
    "listening": ("●", "*", GOOD),
    "transcribing": ("●", "*", GOOD),
    "catching up": ("●", "*", TROUBLE),
    "connecting": ("○", "o", TROUBLE),
    "reconnecting": ("○", "o", TROUBLE),
    "offline": ("×", "x", FAILED),  # noqa: RUF001
    "replaying": ("▸", ">", GOOD),
    "paused": ("‖", "=", TROUBLE),
    "muted": ("‖", "=", TROUBLE),
    "stopping": ("■", "#", DIM),
}
_CUT_OFF = ("connecting", "reconnecting", "offline")
_LATE = (*_CUT_OFF, "catching up")
_OTHER_STATE = ("●", "*", PLAIN)
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_CLIP = "CLIP"


@dataclass(frozen=True, slots=True)
class Status:
    """The values that the status line shows.

    Attributes:
        state: connecting, listening, transcribing, catching up, paused, muted, offline,
            reconnecting, replaying or stopping.
        elapsed_s: the recording's clock.
        model, source: names, as the user gave them or the device calls itself; of a model what
            follows a comma is left out first.
        level_db: peak of the last moments in dBFS; None when there is no microphone.
        system_db: the same of what the machine plays, where that is recorded too.
        clipped: the input reached full scale a moment ago.
        muted: the user has muted the microphone.
        language: code of the language spoken last.
        turns: finals so far.
        behind_s: seconds from the end of the last recognised word until now.
        backlog_s: seconds of audio that are recorded and not yet sent.
        dropped: how often samples were lost between the device and the recording.
        cost_usd: what the sessions cost so far.
        manual: a turn ends when the user says so.
        progress: of a file: how far it was heard in s, length in s or None, times real
            time (0: not known yet).
        message: what is wrong, in words; "" while all is well.
    """

    state: str = "connecting"
    elapsed_s: float = 0.0
    model: str = ""
    source: str = ""
    level_db: float | None = None
    system_db: float | None = None
    clipped: bool = False
    muted: bool = False
    language: str | None = None
    turns: int = 0
    behind_s: float | None = None
    backlog_s: float | None = None
    dropped: int = 0
    cost_usd: float | None = None
    manual: bool = False
    progress: tuple[float, float | None, float] | None = None
    message: str = ""


class _Part(NamedTuple):
    """One part of the line: its forms from the longest to the shortest; an empty form hides it."""

    importance: int
    forms: list[Text]


def status_line(
    status: Status, width: int, *, ascii_only: bool = False, keys: Sequence[str] = ()
) -> Text:
    """The status in at most `width` cells; never wraps.

    `keys`: what says that keys exist, the longest form first; shown where there is room.
    """
    parts = _parts(status, ascii_only)
    if keys:
        parts.append(_Part(35, [*(_text(words, DIM) for words in keys), Text()]))
    shown = [0] * len(parts)
    by_importance = sorted(range(len(parts)), key=lambda index: parts[index].importance)
    while _length(parts, shown) > width:
        shrinkable = (i for i in by_importance if shown[i] + 1 < len(parts[i].forms))
        index = next(shrinkable, None)
        if index is None:
            break
        shown[index] += 1
    line = Text("  ").join(
        part.forms[form] for part, form in zip(parts, shown, strict=True) if part.forms[form]
    )
    return cut_text(line, width, ellipsis(ascii_only))


def _length(parts: list[_Part], shown: list[int]) -> int:
    sizes = [cells(part.forms[form].plain) for part, form in zip(parts, shown, strict=True)]
    present = [size for size in sizes if size]
    return sum(present) + 2 * max(len(present) - 1, 0)


def _parts(status: Status, ascii_only: bool) -> list[_Part]:
    """All parts, as they stand from left to right."""
    parts = [_state(status, ascii_only)]
    if status.message:
        message = _text("!", TROUBLE).append(f" {safe_text(status.message)}", LOUD)
        parts.append(_Part(110, [message]))
    if status.muted and status.state != "muted":
        parts.append(_Part(96, [_text("muted", LOUD), Text()]))
    if status.progress is None:
        parts.append(_Part(80, [_text(format_time(int(status.elapsed_s * 1000))), Text()]))
    if status.progress is not None:
        parts.append(_Part(90, _progress(*status.progress, ascii_only)))
    elif status.level_db is not None:
        sizes = (16, 10, 6, 4)
        meters = [_meters(status, status.level_db, size, ascii_only) for size in sizes]
        parts.append(_Part(90, [*meters, Text()]))
    if status.dropped:
        often = "once" if status.dropped == 1 else f"{status.dropped} times"
        lost = _text(f"sound lost {often}", FAILED)
        parts.append(_Part(95, [lost, _text("sound lost", FAILED), Text()]))
    told = _is_late(status)  # by the state, how far behind
    if status.backlog_s is not None and status.backlog_s >= SHOW_BACKLOG_S and not told:
        waiting = format_time(int(status.backlog_s * 1000))
        parts.append(_Part(70, [_text(f"{waiting} to send", LOUD), Text()]))
    if status.behind_s is not None and not told:
        late = status.behind_s >= LATE_S
        behind = _text(f"{_seconds(status.behind_s)} behind", LOUD if late else DIM)
        parts.append(_Part(65, [behind, Text()]))
    if status.manual:
        key = key_of("end turn", "run")
        ends = [_text(f"{key} ends the turn", LOUD), _text(f"{key}: end turn", LOUD), Text()]
        parts.append(_Part(92, ends))
    if status.language:
        parts.append(_Part(60, [_text(safe_text(status.language)), Text()]))
    if status.turns:
        turns = f"{status.turns} turn" + "s" * (status.turns != 1)
        parts.append(_Part(40, [_text(turns, DIM), Text()]))
    if status.cost_usd is not None:
        cost = f"${status.cost_usd:.3f}" if status.cost_usd < 1 else f"${status.cost_usd:.2f}"
        parts.append(_Part(50, [_text(cost, DIM), Text()]))
    if status.model:
        model = safe_text(status.model)
        parts.append(
            _Part(37, [*(_text(m, DIM) for m in (model, model.partition(",")[0])), Text()])
        )
    if status.source:
        source = safe_text(status.source)
        mark = ellipsis(ascii_only)
        shorter = [_text(cut_middle(source, size, mark), DIM) for size in (24, 12)]
        parts.append(_Part(20, [_text(source, DIM), *shorter, Text()]))
    return parts


def _state(status: Status, ascii_only: bool) -> _Part:
    """The state; where the service hears the past, also how far behind it is."""
    glyph, plain_glyph, style = _STATES.get(status.state, _OTHER_STATE)
    mark = plain_glyph if ascii_only else glyph
    state = safe_text(status.state)
    forms = [_text(mark, style).append(f" {state}")]
    if _is_late(status):
        behind = f"{format_time(int((status.backlog_s or 0) * 1000))} behind"
        longer = [f" {state}, {behind}"]
        if status.state in _CUT_OFF:
            longer.insert(0, f" {state}, recording, {behind}")
        forms = [*(_text(mark, style).append(words, LOUD) for words in longer), *forms]
    # A message has a mark of its own, so beside one the state may be left out altogether.
    return _Part(100, [*forms, Text() if status.message else _text(mark, style)])


def _is_late(status: Status) -> bool:
    """Whether audio waits for a session, or one works it off."""
    return status.state in _LATE and (status.backlog_s or 0.0) >= SHOW_BACKLOG_S


def _text(text: str, style: Style = PLAIN) -> Text:
    return Text().append(text, style)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else format_time(int(seconds * 1000))


def _meters(status: Status, level_db: float, size: int, ascii_only: bool) -> Text:
    """The microphone's meter; of a call two, which share the room of one and say whose they are."""
    if status.system_db is None:
        return _meter(level_db, status.clipped, size, ascii_only)
    half = max(3, size // 2)
    you = Text().append("You").append(_meter(level_db, status.clipped, half, ascii_only))
    return you.append(" Them").append(_meter(status.system_db, False, half, ascii_only))


def _meter(level_db: float, clipped: bool, size: int, ascii_only: bool) -> Text:
    """The level meter: a bar of `size` cells; clipping is written at its loud end."""
    share = min(max(1 - level_db / QUIETEST_DB, 0.0), 1.0)
    bar = _bar(share, size, ascii_only)
    left, right = ("[", "]") if ascii_only else ("▕", "▏")
    meter = Text().append(left, DIM)
    if clipped:
        clip = _CLIP if size > len(_CLIP) else "!"
        meter.append(bar[: -len(clip)], FAILED).append(clip, FAILED)
    else:
        meter.append(bar, GOOD)
    return meter.append(right, DIM)


def _bar(share: float, size: int, ascii_only: bool) -> str:
    if ascii_only:
        return ("#" * round(share * size)).ljust(size, "-")
    full, eighths = divmod(round(share * size * 8), 8)
    return ("█" * full + (_EIGHTHS[eighths] if eighths else "")).ljust(size)


def _progress(
    position_s: float, length_s: float | None, rate: float, ascii_only: bool
) -> list[Text]:
    """How far a file is: bar, position, length, rate, time left; a percentage if room is short."""
    here = format_time(int(position_s * 1000))
    known = rate > 0.001  # when stuck, or hardly begun, there is no estimate
    if not length_s:
        return [_text(f"{here} {rate:.1f}x" if known else here), _text(here)]
    share = min(max(position_s / length_s, 0.0), 1.0)
    of = f"{here} / {format_time(int(length_s * 1000))}"
    forms: list[Text] = []
    if known:
        left = format_time(int((length_s - min(position_s, length_s)) / rate * 1000))
        forms.append(_with_bar(share, 20, ascii_only, f"{of}  {rate:.1f}x  {left} left"))
    forms.append(_with_bar(share, 20, ascii_only, of))
    forms.append(_with_bar(share, 10, ascii_only, f"{share:.0%}"))
    return [*forms, _text(f"{share:.0%}")]


def _with_bar(share: float, size: int, ascii_only: bool, words: str) -> Text:
    left, right = ("[", "]") if ascii_only else ("▕", "▏")
    bar = Text().append(left, DIM).append(_bar(share, size, ascii_only), GOOD).append(right, DIM)
    return bar.append(f" {words}")
