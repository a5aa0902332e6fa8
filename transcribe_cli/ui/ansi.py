"""Styled text as the characters and codes that a terminal takes."""

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from transcribe_cli.ui.turn_rendering import NO_BREAK

_COLOR_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}  # a console of old Windows is not here: it would show the codes

ASK_FOR_CURSOR = "\x1b[6n"

_FEW_GLYPHS = ("linux", "vt100", "vt102", "vt220", "cons25")


def ansi(text: Text, console: Console) -> str:
    """The text for a console, in as many colours as it has."""
    # Rich leaves the text's own style to a caller of `render` where there are no spans.
    base = console.get_style(text.style) if text.style else None
    segments = Segment.apply_style(text.render(console), base)
    if console.no_color:
        segments = Segment.remove_color(segments)
    color_system = _COLOR_SYSTEMS.get(console.color_system or "")
    return "".join(
        style.render(words, color_system=color_system) if style else words
        for words, style, _ in segments
    ).replace(NO_BREAK, " ")  # it has done its work; a search should find a blank


def has_few_glyphs(console: Console) -> bool:
    """The Linux console has room for 256 or 512 characters, and ours are seldom among them."""
    return console._environ.get("TERM", "").lower() in _FEW_GLYPHS


def is_tmux(console: Console) -> bool:
    """Whether tmux is between the program and the terminal, as far as can be known.

    It says so by `TMUX`, and through ssh by `TERM` alone; GNU screen, which says `STY`, wraps
    nothing anew.
    """
    environ = console._environ
    by_name = environ.get("TERM", "").startswith(("tmux", "screen")) and "STY" not in environ
    return "TMUX" in environ or by_name
