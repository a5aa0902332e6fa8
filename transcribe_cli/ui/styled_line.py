"""One line of a listing whose first characters are styled."""

from rich.console import Console
from rich.text import Text

from transcribe_cli.ui.safe_text import encodable, safe_text


def styled_line(line: str, length: int, style: str, console: Console) -> str:
    """The line with a line feed, as ANSI text; its first `length` characters have `style`."""
    encoding = getattr(console.file, "encoding", None)
    text = Text(encodable(safe_text(line), encoding))
    text.stylize(style, 0, length)
    with console.capture() as captured:
        console.print(text, soft_wrap=True, highlight=False)
    return captured.get()
