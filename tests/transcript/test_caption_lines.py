"""Text in short lines: where they break, how wide they are, and that nothing is lost."""

import textwrap
from unicodedata import combining

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wcwidth import wcswidth

from tests.transcript.random_turns import squashed, texts
from transcribe_cli.transcript.caption_lines import (
    break_pieces,
    caption_cells,
    clusters,
    cut_pieces,
)


def break_lines(text: str, width: int = 42, *, indent: int = 0) -> list[str]:
    return break_pieces(cut_pieces(text, max(1, width - indent)), width, indent=indent)


@pytest.mark.parametrize(
    "lines",
    [
        ["We came home so late,", "all of the lights were still on then."],
        ["That is all we know so far.", "Thank you for listening to us."],
        ["We all had plenty of time to eat", "because the train was very late."],
        ["They walked for most of the day", "through the fields and the woods."],
        ["Llegamos muy tarde a nuestra casa,", "pero las luces seguían encendidas."],
        ["Wir sind sehr spät angekommen,", "weil der Zug nicht gefahren ist."],
    ],
)
def test_line_breaks_where_a_reader_would_pause(lines: list[str]) -> None:
    assert break_lines(" ".join(lines)) == lines


def test_line_does_not_end_with_an_article() -> None:
    lines = break_lines("nobody wanted to tell him so before the end came near")

    assert lines == ["nobody wanted to tell him so", "before the end came near"]


def test_dot_of_an_abbreviation_ends_no_sentence() -> None:
    lines = break_lines("nobody had ever seen famous old Dr. Smith look quite so happy")

    assert lines == ["nobody had ever seen famous old", "Dr. Smith look quite so happy"]


def test_lines_are_balanced() -> None:
    first, second = break_lines("word " * 12)

    assert first == second


def test_text_that_fits_is_one_line() -> None:
    assert break_lines("Hi. I am here, and you are there.") == ["Hi. I am here, and you are there."]


@pytest.mark.parametrize("text", ["", " ", "\n\t\u2028"])
def test_text_of_blanks_is_no_line(text: str) -> None:
    assert break_lines(text) == []


def test_good_breaks_never_cost_a_line_more() -> None:
    lines = break_lines(
        "aaaa bbbb cccc dddd eeee ffff. gggg hhhh iiii jjjj kkkk. llll mmmm nnnn oooo pppp."
    )

    assert [line[-5:] for line in lines] == [" hhhh", "pppp."]


def test_blanks_in_a_row_become_one() -> None:
    assert break_lines(" a  b\r\nc\u2028d ") == ["a b c d"]


def test_blank_that_binds_two_words_breaks_no_line() -> None:
    assert break_lines("aaaa bb\u00a0cc", 8) == ["aaaa", "bb\u00a0cc"]


def test_first_line_leaves_room_for_what_is_before_it() -> None:
    assert break_lines("one two three four", 14) == ["one two", "three four"]
    assert break_lines("one two three four", 14, indent=8) == ["one", "two three four"]


def test_word_longer_than_a_line_is_cut() -> None:
    assert break_lines("a" * 100) == ["a" * 33, "a" * 33, "a" * 34]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("今天天气很好，我们去公园", ["今天天气很好，", "我们去公园"]),  # noqa: RUF001
        ("「今日はいい」「そうです」", ["「今日はいい」", "「そうです」"]),
        ("いいですねーそうですか", ["いいですねー", "そうですか"]),
    ],
)
def test_script_without_blanks_breaks_between_characters_and_at_its_punctuation(
    text: str, lines: list[str]
) -> None:
    assert break_lines(text, 15) == lines


def test_closing_punctuation_never_starts_a_line() -> None:
    lines = break_lines("今天天气很好啊，我们走吧再见", 14)  # noqa: RUF001

    assert len(lines) == 3
    assert not any(line.startswith("，") for line in lines)  # noqa: RUF001


def test_thai_vowels_stay_with_their_letters() -> None:
    lines = break_lines("ภาษาไทยเป็นภาษาที่สวยงามมากและไม่มีช่องว่างระหว่างคำเลย", 20)

    assert len(lines) == 3
    assert not any(
        line[0] in "ะาำๅๆ" or combining(line[0]) or line[-1] in "เแโใไ" for line in lines
    )


def test_korean_breaks_at_its_blanks() -> None:
    assert break_lines("안녕하세요 여러분 반갑습니다", 14) == ["안녕하세요", "여러분", "반갑습니다"]


@pytest.mark.parametrize(
    "unit", ["e\u0301", "🇩🇪", "👨\u200d👩\u200d👧", "❤\ufe0f", "👍🏽", "क्", "नि"]
)
def test_character_and_its_marks_are_never_parted(unit: str) -> None:
    lines = break_lines(unit * 30, 10)

    assert len(lines) > 1
    assert all(line == unit * (len(line) // len(unit)) for line in lines)
    assert list(clusters(unit * 3)) == [unit] * 3


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("días", 4),
        ("今天", 4),
        ("e\u0301", 1),
        ("ｱ", 1),
        ("Ａ", 2),  # noqa: RUF001
        ("👍", 2),
        ("❤\ufe0f", 2),
        ("각", 2),
    ],
)
def test_width_is_counted_in_cells(text: str, width: int) -> None:
    assert caption_cells(text) == width


@given(texts(), st.integers(8, 60), st.integers(0, 6))
@example("a" * 43, 42, 0)
@example("今" * 22, 42, 0)
@example("🇩🇪" * 9, 8, 0)
def test_no_line_is_wider_than_asked_and_no_character_is_lost(
    text: str, width: int, indent: int
) -> None:
    lines = break_lines(text, width, indent=indent)

    assert squashed("".join(lines)) == squashed(text)
    for index, line in enumerate(lines):
        assert line == line.strip()
        assert wcswidth(line) <= width - (0 if index else indent)


@given(st.lists(st.text("abc,.", min_size=1, max_size=9), max_size=40), st.integers(10, 60))
def test_lines_are_as_few_as_can_be_and_words_stay_whole(words: list[str], width: int) -> None:
    lines = break_lines(" ".join(words), width)

    assert " ".join(lines).split() == words
    assert len(lines) == len(textwrap.wrap(" ".join(words), width))
