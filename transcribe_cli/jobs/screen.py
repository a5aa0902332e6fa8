"""A command's terminal: whether it has a live view, its notices, and the keys that are pressed."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import KeyPressed
from transcribe_cli.settings.environment import Environment, say
from transcribe_cli.settings.run_options import RunOptions
from transcribe_cli.ui.notices import Notices, PlainConsole, make_light_consoles

if TYPE_CHECKING:
    from rich.text import Text

    from transcribe_cli.ui.batch_view import BatchView
    from transcribe_cli.ui.live_view import LiveView

_ERASE_ROW = "\r\x1b[2K"


class Screen:
    """One command's terminal.

    Attributes:
        notices: what is said on standard error.
        live: standard output gets the live view.
    """

    def __init__(self, options: RunOptions, environment: Environment) -> None:
        stdout, stderr = make_light_consoles(options.color, environment.variables)
        self._stdout = stdout
        self._non_speech = options.non_speech
        self.notices = Notices(stderr, quiet=options.quiet, verbose=options.verbose)
        self.live = stdout.is_terminal and options.stdout_format is None

    def make_view(self) -> "LiveView | None":
        """The live view, where standard output gets one; not shown yet."""
        if not self.live or isinstance(self._stdout, PlainConsole):
            return None
        from transcribe_cli.ui.live_view import LiveView

        return LiveView(self._stdout, non_speech=self._non_speech)

    def make_batch_view(self, files: int) -> "BatchView | None":
        """What shows several recordings at once, where standard output gets it."""
        if not self.live or isinstance(self._stdout, PlainConsole):
            return None
        from transcribe_cli.ui.batch_view import BatchView

        return BatchView(self._stdout, files, non_speech=self._non_speech)

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """While open, what is waited for stands on the terminal that is to get the live view.

        Keys that are pressed meanwhile are for the view.
        """
        console = self._stdout
        if not self.live or isinstance(console, PlainConsole) or console.is_dumb_terminal:
            yield
            return

        from transcribe_cli.system.terminal_input import keys_kept_back

        def notice(line: "Text") -> None:
            say(console.file, _ERASE_ROW)
            console.print(line, soft_wrap=True, highlight=False)
            say(console.file, text)

        say(console.file, text)
        self.notices.sink = notice
        try:
            with keys_kept_back():
                yield
        finally:
            self.notices.sink = None
            say(console.file, _ERASE_ROW)

    @contextlib.contextmanager
    def shown(
        self,
        view: "LiveView | BatchView | None",
        loop: Loop,
        take_line: Callable[[str], None] = lambda line: None,
    ) -> Iterator[None]:
        """Show the view, with the notices in their place above its region, and take keys.

        Args:
            take_line: is given a line that is typed into the view of many files.
        """
        if view is None:
            yield
            return
        from transcribe_cli.ui.batch_view import BatchView
        from transcribe_cli.ui.key_reader import Key, KeyReader
        from transcribe_cli.ui.key_table import announced
        from transcribe_cli.ui.suspend import suspend, suspend_signals, take_back

        def press(key: Key) -> None:
            loop.post(None, KeyPressed(key.name, key.text))

        def press_in_batch(key: Key) -> None:
            loop.call(lambda: batch.press(key))

        if isinstance(view, BatchView):
            from transcribe_cli.jobs.batch_controls import BatchKeys

            batch = BatchKeys(view, loop, take_line)
        keys = KeyReader(
            press_in_batch if isinstance(view, BatchView) else press,
            typed_ahead=lambda: view.typed_ahead,
        )
        change = {"suspend": suspend, "continue": take_back}
        with (
            view,
            suspend_signals(lambda cause: loop.call(lambda: change[cause](view, keys))),
            keys,
        ):
            is_batch = isinstance(view, BatchView)
            view.key_words = announced("batch" if is_batch else "run", has_keys=keys.is_open)
            if not view.draws:
                self.notices.note(view.key_words[0])
            self.notices.sink = view.notice
            try:
                yield
            finally:
                self.notices.sink = None
