"""A line that is typed while the program runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.ui.line_editor import MOST_CHARACTERS, LineEditor


def test_enter_ends_a_line_and_what_follows_is_no_part_of_it() -> None:
    line = LineEditor()
    assert line.type("Zoë ") == "open"
    assert line.type("Miller\rq") == "entered"
    assert line.text == "Zoë Miller"


@pytest.mark.parametrize("typed", ["\x1b", "abc\x1b", "\r", "  \r", "abc\x15\r"])
def test_escape_or_an_empty_line_gives_up(typed: str) -> None:
    assert LineEditor().type(typed) == "cancelled"


def test_it_deletes_as_a_shell_does() -> None:
    line = LineEditor()
    line.type("Sonny Millex\x7fr")
    assert line.text == "Sonny Miller"
    line.type(" of Acme \x17")
    assert line.text == "Sonny Miller of"
    line.type("\x15\x7f\x7fa")
    assert line.text == "a"


@given(st.lists(st.text(), max_size=30))
def test_it_holds_what_can_be_printed_and_has_a_limit(typed: list[str]) -> None:
    line = LineEditor()
    for text in typed:
        line.type(text)
    assert line.text.isprintable()
    assert len(line.text) <= MOST_CHARACTERS
