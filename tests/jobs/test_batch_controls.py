"""Keys while many files are on the screen."""

import io
from typing import Any, cast

import pytest
from rich.console import Console

from transcribe_cli.exit_status import BY_KEY
from transcribe_cli.jobs.batch_controls import BatchKeys
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import EndTurnRequested, Event, StopRequested
from transcribe_cli.ui.batch_view import BatchView
from transcribe_cli.ui.key_reader import Key
from transcribe_cli.ui.key_table import keys_in


class Posted:
    """A loop that keeps what is posted."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def post(self, task: Any, event: Any) -> None:
        self.events.append((task, event))


@pytest.mark.parametrize(
    ("action", "event"), [("end turn", EndTurnRequested()), ("stop", StopRequested(BY_KEY))]
)
def test_a_key_is_for_every_file(action: str, event: Event) -> None:
    posted = Posted()
    view = BatchView(Console(file=io.StringIO()), 2)
    keys = BatchKeys(view, cast(Loop, posted), lambda line: None)
    (name,) = [binding.key for binding in keys_in("batch") if binding.action == action]
    keys.press(Key(name, name))

    assert posted.events == [(None, event)]
