"""A line of a listing whose first word has a colour."""

from rich.console import Console
from rich.text import Text

from transcribe_cli.ui.safe_text import encodable, safe_text


def styled_line(line: str, length: int, style: str, console: Console) -> str:
    """The line for a console, its first `length` characters styled, with its line feed."""
    encoding = getattr(console.file, "encoding", None)
    text = Text(encodable(safe_text(line), encoding))
    text.stylize(style, 0, length)
    with console.capture() as captured:
        console.print(text, soft_wrap=True, highlight=False)
    return captured.get()
