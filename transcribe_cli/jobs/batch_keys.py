"""What keys do while many files are on the screen; called on main's thread."""

from collections.abc import Callable

from transcribe_cli.run.controls import KEYTERMS_LABEL
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import KeyPressed, StopRequested
from transcribe_cli.ui.batch_view import BatchView
from transcribe_cli.ui.key_reader import Key
from transcribe_cli.ui.key_table import action_of
from transcribe_cli.ui.line_editor import LineEditor


class BatchKeys:
    """Carries out what is pressed, and takes the line of key terms that is typed.

    Args:
        take_line: is given a line that was typed, for all files.
    """

    def __init__(self, view: BatchView, loop: Loop, take_line: Callable[[str], None]) -> None:
        self._view = view
        self._loop = loop
        self._take_line = take_line
        self._line: LineEditor | None = None

    def press(self, key: Key) -> None:
        """A key was pressed, or text pasted."""
        if self._line is not None:
            self._type(self._line, key.text)
            return
        match action_of(key.name, "batch"):
            case "stop":
                self._loop.post(None, StopRequested(key.name))
            case "end turn":
                self._loop.post(None, KeyPressed("e"))
            case "help":
                self._view.toggle_help()
            case "key terms":
                self._line = LineEditor()
                self._view.prompt(KEYTERMS_LABEL, "")

    def _type(self, line: LineEditor, text: str) -> None:
        state = line.type(text)
        self._view.prompt(KEYTERMS_LABEL, line.text if state == "open" else None)
        if state != "open":
            self._line = None
        if state == "entered":
            self._take_line(line.text)
