"""One line that is typed while the program runs. Pure."""

from collections.abc import Callable
from typing import Literal

MOST_CHARACTERS = 500
KEYTERMS_LABEL = "key terms, with commas between them: "
_ENTER, _ESCAPE = "\r\n", "\x1b"
_DELETE, _DELETE_WORD, _DELETE_ALL = "\x7f\b", "\x17", "\x15"

LineState = Literal["open", "entered", "cancelled"]


class LineEditor:
    """A line as far as it is typed.

    Enter ends it; Escape, or Enter where nothing is typed, gives it up. Backspace, Ctrl+W and
    Ctrl+U delete as they do in a shell.

    Attributes:
        text: what stands in it.
    """

    def __init__(self) -> None:
        self.text = ""

    def type(self, typed: str) -> LineState:
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


class KeytermsLine:
    """The line of key terms and settings that the key `k` opens in a view.

    Args:
        show: shows its label and its text; None for the text: it is closed.
        take: is given the line when it has been entered.
    """

    def __init__(
        self, show: Callable[[str, str | None], None], take: Callable[[str], None]
    ) -> None:
        self._show = show
        self._take = take
        self._line: LineEditor | None = None

    @property
    def is_open(self) -> bool:
        """It takes what is typed, in place of keys."""
        return self._line is not None

    def open(self) -> None:
        """Show it, empty."""
        self._line = LineEditor()
        self._show(KEYTERMS_LABEL, "")

    def type(self, text: str) -> None:
        """Take what was typed."""
        line = self._line
        if line is None:
            return
        state = line.type(text)
        self._show(KEYTERMS_LABEL, line.text if state == "open" else None)
        if state != "open":
            self._line = None
        if state == "entered":
            self._take(line.text)
