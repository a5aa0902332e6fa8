"""Notices are one safe line each; consoles honour what the user and the environment ask for."""

import io
import subprocess
import sys
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from transcribe_cli.errors import InternalError, StreamError
from transcribe_cli.redaction import keep_secret
from transcribe_cli.settings.option_types import Color
from transcribe_cli.ui.notices import Notices, make_consoles


def notices(**kwargs: Any) -> tuple[Notices, io.StringIO]:
    file = io.StringIO()
    console = Console(file=file, width=30, color_system=None, force_terminal=True)
    return Notices(console, **kwargs), file


def test_an_error_is_one_line_and_one_hint() -> None:
    talk, file = notices()
    talk.error(
        StreamError("The device is [gone] \x1b[2J\nfor good and will not come back.", "Plug in.")
    )
    talk.error("Just this.")
    assert file.getvalue() == (
        "error: The device is [gone] ␛[2J for good and will not come back.\n"
        "hint: Plug in.\n"
        "error: Just this.\n"
    )


def test_fault_of_the_program_says_where_it_came_from_if_verbose() -> None:
    try:
        raise KeyError(5)
    except KeyError as e:
        fault = InternalError(e, "recording")
    quiet, terse = notices()
    verbose, full = notices(verbose=True)

    quiet.error(fault)
    verbose.error(fault)

    assert "test_notices.py" not in terse.getvalue()
    assert "test_notices.py" in full.getvalue() and "raise KeyError(5)" in full.getvalue()


def test_no_line_holds_the_key() -> None:
    keep_secret("0123456789abcdef")
    talk, file = notices(verbose=True)
    for tell in (talk.error, talk.warning, talk.note, talk.debug):
        tell("it is 0123456789abcdef")
    assert "0123" not in file.getvalue()
    assert file.getvalue().count("it is [key]") == 4


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, "warning: w\nn\n"),
        ({"quiet": True}, "warning: w\n"),
        ({"verbose": True}, "warning: w\nn\nd\n"),
    ],
)
def test_quiet_and_verbose(options: dict[str, bool], shown: str) -> None:
    talk, file = notices(**options)
    talk.warning("w")
    talk.note("n")
    talk.debug("d")
    assert file.getvalue() == shown


def test_a_sink_gets_the_lines_while_the_view_is_on_the_terminal() -> None:
    talk, file = notices()
    lines: list[Text] = []
    talk.sink = lines.append
    talk.warning("low\ndisk")
    talk.sink = None
    talk.note("later")
    assert [line.plain for line in lines] == ["warning: low disk"]
    assert file.getvalue() == "later\n"


def test_a_stderr_that_is_not_the_terminal_keeps_its_lines() -> None:
    file = io.StringIO()
    talk = Notices(Console(file=file, force_terminal=False))
    lines: list[Text] = []
    talk.sink = lines.append
    talk.warning("w")
    assert (lines, file.getvalue()) == ([], "warning: w\n")


def test_a_character_that_stderr_lacks_is_no_crash() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    Notices(Console(file=file)).note("日本 ok")
    assert file.buffer.getvalue().rstrip() == b"?? ok"


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("color", "environ", "tty", "colors", "codes"),
    [
        (Color.AUTO, {"TERM": "xterm"}, True, True, True),
        (Color.AUTO, {"TERM": "xterm"}, False, False, False),
        (Color.AUTO, {"TERM": "xterm", "NO_COLOR": "1"}, True, False, True),
        (Color.AUTO, {"TERM": "xterm", "NO_COLOR": ""}, True, True, True),
        (Color.AUTO, {"TERM": "xterm", "FORCE_COLOR": "1"}, False, True, True),
        (Color.AUTO, {"TERM": "xterm", "FORCE_COLOR": "0"}, False, False, False),
        (Color.AUTO, {"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False, False),
        (Color.AUTO, {"TERM": "dumb"}, True, False, False),
        (Color.ALWAYS, {"TERM": "xterm", "NO_COLOR": "1"}, False, True, True),
        (Color.NEVER, {"TERM": "xterm", "FORCE_COLOR": "1"}, True, False, True),
    ],
)
def test_colour(
    monkeypatch: pytest.MonkeyPatch,
    color: Color,
    environ: dict[str, str],
    tty: bool,
    colors: bool,
    codes: bool,
) -> None:
    stream = Tty() if tty else io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    stdout, _ = make_consoles(color, environ)
    stdout.print(Text("words", "underline red"))
    assert stdout.is_terminal is tty
    assert ("31" in stream.getvalue()) is colors
    assert ("\x1b[" in stream.getvalue()) is codes


def test_columns_set_the_width_and_each_console_has_its_stream() -> None:
    stdout, stderr = make_consoles(Color.AUTO, {"COLUMNS": "33"})
    assert (stdout.width, stderr.width) == (33, 33)
    assert (stdout.stderr, stderr.stderr) == (False, True)
    assert make_consoles(Color.AUTO, {"COLUMNS": "wide"})[0].width > 0


def test_importing_notices_loads_no_rich() -> None:
    code = (
        "import sys, transcribe_cli.ui.notices; print([m for m in sys.modules if m[:4] == 'rich'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_key_with_characters_in_it_that_are_not_shown_is_not_shown_either() -> None:
    keep_secret("0123456789abcdef")
    stderr = io.StringIO()
    Notices(Console(file=stderr, width=200)).warning("it was 01234567\u200b89abcdef")

    assert "[key]" in stderr.getvalue()
    assert "89abcdef" not in stderr.getvalue()
