"""What keys do while many files are on the screen; called on main's thread."""

from collections.abc import Callable

from transcribe_cli.exit_status import BY_KEY
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import EndTurnRequested, StopRequested
from transcribe_cli.ui.batch_view import BatchView
from transcribe_cli.ui.key_reader import Key
from transcribe_cli.ui.key_table import action_of
from transcribe_cli.ui.line_editor import KeytermsLine


class BatchKeys:
    """Carries out what is pressed, and takes the line of key terms that is typed.

    Args:
        take_line: is given a line that was typed, for all files.
    """

    def __init__(self, view: BatchView, loop: Loop, take_line: Callable[[str], None]) -> None:
        self._view = view
        self._loop = loop
        self._line = KeytermsLine(view.prompt, take_line)

    def press(self, key: Key) -> None:
        """A key was pressed, or text pasted."""
        if self._line.is_open:
            self._line.type(key.text)
            return
        match action_of(key.name, "batch"):
            case "stop":
                self._loop.post(None, StopRequested(BY_KEY))
            case "end turn":
                self._loop.post(None, EndTurnRequested())
            case "help":
                self._view.toggle_help()
            case "key terms":
                self._line.open()
