"""Panels: the keys and the languages, in the room there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.ui.key_table import KeyBinding
from transcribe_cli.ui.panels import keys_panel, languages_panel
from transcribe_cli.ui.text_wrapping import cells
from transcribe_cli.ui.turn_rendering import NO_BREAK

KEYS = tuple(
    KeyBinding(key, "help", words, ("run",))
    for key, words in (
        ("space", "pause, go on"),
        ("m", "mute"),
        ("b", "bookmark"),
        ("e", "end the turn"),
        ("k", "key terms"),
        ("l", "languages"),
        ("w", "unsure words"),
        ("?", "these keys"),
        ("q", "stop"),
    )
)
"""Nine, of these widths, whichever the table of keys has."""


def keys(width: int, most: int = 20) -> list[str]:
    return [row.plain for row in keys_panel(width, most, KEYS)]


def test_the_keys_stand_in_columns() -> None:
    assert keys(70) == [
        "space  pause, go on   e      end the turn   w      unsure words",
        "m      mute           k      key terms      ?      these keys",
        "b      bookmark       l      languages      q      stop",
    ]


def test_a_narrow_window_has_one_column() -> None:
    rows = keys(20)
    assert len(rows) == len(KEYS)
    assert rows[0] == "space  pause, go on"


@pytest.mark.parametrize(("width", "most"), [(57, 3), (37, 4), (37, 8)])
def test_all_keys_are_shown_also_where_rows_are_few(width: int, most: int) -> None:
    rows = keys(width, most)
    assert len(rows) <= most
    assert all(binding.help in " ".join(rows) for binding in KEYS)


def test_where_rows_are_too_few_the_last_keys_go() -> None:
    assert keys(20, 2) == ["space pause, go on", "m mute  b bookmark"]
    assert keys(20, 0) == []


SHARES = {"en": 62_000, "es": 30_000, "xx": 8_000}


def test_languages_are_shown_with_their_shares_the_most_spoken_first() -> None:
    rows = languages_panel(SHARES, f"es{NO_BREAK}85%", 60, 10)
    assert [row.plain.replace(NO_BREAK, " ").split() for row in rows] == [
        ["en", "62%", "1:02", "English"],
        ["es", "30%", "0:30", "Spanish", "now", "85%"],
        ["xx", "8%", "0:08"],
    ]


def test_a_narrow_window_has_shares_and_names() -> None:
    rows = languages_panel(SHARES, "", 20, 10)
    assert [row.plain for row in rows] == ["en   62%  English", "es   30%  Spanish", "xx    8%"]


def test_more_languages_than_rows_are_counted() -> None:
    rows = languages_panel(SHARES, "", 60, 2)
    assert [row.plain for row in rows][1:] == ["and 2 more"]


def test_no_language_yet_is_said() -> None:
    (row,) = languages_panel({}, "", 60, 5)
    assert row.plain == "no language was detected so far"


def test_codes_from_outside_are_safe() -> None:
    (row,) = languages_panel({"\x1b[2J": 5}, "", 60, 5)
    assert "\x1b" not in row.plain


@pytest.mark.parametrize("ascii_only", [True, False])
@given(
    shares=st.dictionaries(st.text(max_size=6), st.integers(0, 10**9), max_size=12),
    latest=st.text(max_size=12),
    width=st.integers(1, 300),
    most=st.integers(-3, 20),
)
def test_panels_fit(
    shares: dict[str, int], latest: str, width: int, most: int, ascii_only: bool
) -> None:
    languages = languages_panel(shares, latest, width, most, ascii_only=ascii_only)
    for panel in (languages, keys_panel(width, most, KEYS)):
        assert len(panel) <= max(most, 0)
        assert all(cells(row.plain) <= width for row in panel)
