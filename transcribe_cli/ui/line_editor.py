"""One line that is typed while the program runs. Pure."""

from typing import Literal

MOST_CHARACTERS = 500
_ENTER, _ESCAPE = "\r\n", "\x1b"
_DELETE, _DELETE_WORD, _DELETE_ALL = "\x7f\b", "\x17", "\x15"

Typed = Literal["open", "entered", "cancelled"]


class LineEditor:
    """A line as far as it is typed.

    Enter ends it; Escape, or Enter where nothing is typed, gives it up. Backspace, Ctrl+W and
    Ctrl+U delete as they do in a shell.

    Attributes:
        text: what stands in it.
    """

    def __init__(self) -> None:
        self.text = ""

    def type(self, typed: str) -> Typed:
        """Take what was typed or pasted; what follows its end is ignored."""
        for char in typed:
            if char in _ENTER:
                return "entered" if self.text.strip() else "cancelled"
            if char == _ESCAPE:
                return "cancelled"
            if char in _DELETE:
                self.text = self.text[:-1]
            elif char == _DELETE_WORD:
                self.text = self.text.rstrip().rpartition(" ")[0]
            elif char == _DELETE_ALL:
                self.text = ""
            elif (char.isprintable() or char == "\t") and len(self.text) < MOST_CHARACTERS:
                self.text += " " if char == "\t" else char
        return "open"
