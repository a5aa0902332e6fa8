"""Keys while many files are on the screen."""

import io
from typing import Any, cast

from rich.console import Console

from transcribe_cli.jobs.batch_controls import BatchKeys
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import KeyPressed
from transcribe_cli.ui.batch_view import BatchView
from transcribe_cli.ui.key_reader import Key


class Posted:
    """A loop that keeps what is posted."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def post(self, task: Any, event: Any) -> None:
        self.events.append((task, event))


def test_e_ends_the_turn_of_every_file() -> None:
    posted = Posted()
    view = BatchView(Console(file=io.StringIO()), 2)
    keys = BatchKeys(view, cast(Loop, posted), lambda line: None)
    keys.press(Key("e", "e"))

    assert posted.events == [(None, KeyPressed("e"))]
