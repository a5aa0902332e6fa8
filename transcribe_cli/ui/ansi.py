"""Turns Rich text into characters and ANSI escape codes, and knows odd terminals."""

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from transcribe_cli.ui.turn_rendering import NO_BREAK

_COLOR_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}  # not "windows": that console would print the codes

ASK_FOR_CURSOR = "\x1b[6n"

_FEW_GLYPHS = ("linux", "vt100", "vt102", "vt220", "cons25")


def ansi(text: Text, console: Console) -> str:
    """The text with ANSI codes, in as many colours as the console has."""
    # Text.render() drops the text's own style when it has no spans.
    base = console.get_style(text.style) if text.style else None
    segments = Segment.apply_style(text.render(console), base)
    if console.no_color:
        segments = Segment.remove_color(segments)
    color_system = _COLOR_SYSTEMS.get(console.color_system or "")
    return "".join(
        style.render(words, color_system=color_system) if style else words
        for words, style, _ in segments
    ).replace(NO_BREAK, " ")  # wrapping is done; a search should find a plain blank


def has_few_glyphs(console: Console) -> bool:
    """Whether the terminal lacks our symbols: a Linux console font has 256 or 512 characters."""
    return console._environ.get("TERM", "").lower() in _FEW_GLYPHS


def is_tmux(console: Console) -> bool:
    """Whether the program runs inside tmux, as far as the environment tells.

    tmux sets `TMUX`; through ssh only `TERM` is left. GNU screen sets the same `TERM`, and `STY`;
    it does not rewrap lines.
    """
    environ = console._environ
    by_name = environ.get("TERM", "").startswith(("tmux", "screen")) and "STY" not in environ
    return "TMUX" in environ or by_name
