"""What a terminal shows while there is no live view yet."""

import io
from collections.abc import Iterator

import pyte
import pytest
from rich.console import Console

from transcribe_cli.jobs.screen import Screen
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.mic_options import MicOptions


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is written to a terminal of 40 columns."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=40, _environ={"TERM": "xterm"})
    monkeypatch.setattr("transcribe_cli.jobs.screen.make_light_consoles", lambda *_: [console] * 2)
    yield written


def rows(written: io.StringIO) -> list[str]:
    """What it shows by now."""
    screen = pyte.Screen(40, 5)
    pyte.Stream(screen).feed(written.getvalue().replace("\n", "\r\n"))
    return [row.rstrip() for row in screen.display if row.strip()]


def test_what_is_waited_for_is_shown_at_once_below_what_is_said_and_then_goes(
    terminal: io.StringIO,
) -> None:
    screen = Screen(MicOptions(), Environment.current())
    with screen.waiting("opening the microphone"):
        assert rows(terminal) == ["opening the microphone"]
        screen.notices.warning("it is muted")
        assert rows(terminal) == ["warning: it is muted", "opening the microphone"]
    screen.notices.note("done")
    assert rows(terminal) == ["warning: it is muted", "done"]


def test_an_error_leaves_nothing_of_it(terminal: io.StringIO) -> None:
    screen = Screen(MicOptions(), Environment.current())
    with pytest.raises(OSError), screen.waiting("opening the microphone"):
        raise OSError
    assert rows(terminal) == []


def test_a_pipe_gets_none_of_it(terminal: io.StringIO) -> None:
    with Screen(MicOptions(text=True), Environment.current()).waiting("opening the microphone"):
        assert terminal.getvalue() == ""
