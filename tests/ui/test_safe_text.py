"""Text from outside can be read and cannot drive the terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.ui.safe_text import safe_text


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain words, [Music] and {braces}", "plain words, [Music] and {braces}"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\x9b2Jb\x7f", "a\ufffd2Jb␡"),
        ("one\r\ntwo\nthree\tfour\u2028five\x85six", "one two three four five six"),
        ("a\u202eb\u2066c\u2069d", "abcd"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("lone \ud83d surrogate", "lone \ufffd surrogate"),
    ],
)
def test_what_a_terminal_would_obey_is_made_harmless(given_text: str, shown: str) -> None:
    assert safe_text(given_text) == shown


@pytest.mark.parametrize("text", ["e\u0301té", "👩‍👩‍👧 ❤️ 🇩🇪", "שלום עולם", "می‌خواهم", "हिन्दी"])
def test_what_languages_need_is_kept(text: str) -> None:
    assert safe_text(text) == text


@given(st.text(st.characters()))
def test_no_control_character_is_left(text: str) -> None:
    safe = safe_text(text)
    safe.encode("utf-8")
    assert not [c for c in safe if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert safe_text(safe) == safe
