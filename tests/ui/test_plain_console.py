"""Notices where nothing is drawn: the same bytes as through Rich, which is not needed for them."""

import io
import sys

import pytest
from rich.console import Console

from transcribe_cli.settings.option_types import Color
from transcribe_cli.ui.notices import (
    Notices,
    PlainConsole,
    make_consoles,
    make_light_consoles,
)

SAID = (
    "plain words",
    "",
    "[red]no markup[/red] :smile:",
    "a\tb\r\nc\x1b[2Jd\x07\x08",
    "ü 日本 \ud800 👍",
    "w " * 999,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("said", SAID)
def test_a_line_is_what_rich_makes_of_it(
    said: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(light: bool) -> bytes:
        stream = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
        monkeypatch.setattr(sys, "stderr", stream)
        console = (make_light_consoles if light else make_consoles)(Color.AUTO, {"TERM": "xterm"})[
            1
        ]
        assert isinstance(console, PlainConsole if light else Console)
        notices = Notices(console, verbose=True)
        notices.note(said)
        notices.debug(said)
        notices.error(said, "a hint")
        buffer = stream.detach()
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()

    assert written(light=True) == written(light=False)


@pytest.mark.parametrize(
    ("color", "environ"),
    [(Color.ALWAYS, {}), (Color.AUTO, {"FORCE_COLOR": "1"}), (Color.ALWAYS, {"NO_COLOR": "1"})],
)
def test_colour_that_is_asked_for_takes_rich(
    color: Color, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    console = make_light_consoles(color, environ)[1]
    Notices(console).warning("words")
    assert "\x1b[" in stream.getvalue()


def test_a_terminal_takes_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    stdout, stderr = make_light_consoles(Color.AUTO, {"TERM": "xterm"})
    assert isinstance(stdout, Console)
    assert isinstance(stderr, PlainConsole)
