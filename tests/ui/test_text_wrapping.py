"""Lines never take more cells than the window has, and lose no character."""

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from wcwidth import wcswidth

from tests.ui.screens import Terminal
from transcribe_cli.ui.text_wrapping import cells, cut_end, rows_at, wrap


def lines(text: str, width: int, indent: int = 0) -> list[str]:
    return [line.plain for line in wrap(Text(text), width, indent)]


def test_words_stay_whole_and_later_lines_stand_in() -> None:
    assert lines("one two three four", 9, 2) == ["one two", "  three", "  four"]


def test_a_word_longer_than_the_line_is_cut() -> None:
    assert lines("ab incomprehensibly", 8) == ["ab", "incompre", "hensibly"]


def test_wide_scripts_break_anywhere_but_not_before_a_full_stop() -> None:
    assert lines("日本語です。はい", 10) == ["日本語で", "す。はい"]


def test_korean_breaks_between_words() -> None:
    assert lines("안녕하세요 여러분", 12) == ["안녕하세요", "여러분"]


def test_a_no_break_space_does_not_break() -> None:
    assert lines("it is es\u00a085%", 9) == ["it is", "es\u00a085%"]


def test_marks_and_joined_emoji_stay_with_their_character() -> None:
    family = "👩‍👩‍👧"
    assert lines("abcd" + "e\u0301" * 4, 6) == ["abcd" + "e\u0301" * 2, "e\u0301" * 2]
    assert family in lines("abcdef " + family, 8)


def test_styles_follow_their_words() -> None:
    text = Text("one two ").append("three", "bold")
    *_, last = wrap(text, 9, 2)
    assert [last.plain[span.start : span.end] for span in last.spans] == ["three"]


def test_text_is_cut_with_a_mark() -> None:
    assert cut_end("a long name", 7) == "a long…"
    assert cut_end("日本語", 5) == "日本…"
    assert cut_end("short", 5) == "short"
    assert cut_end("gone", 0) == ""


@given(
    st.text(st.sampled_from("ab 日語。한é\u0301👩👧🇩🇪❤"), max_size=60),
    st.integers(4, 30),
    st.integers(0, 8),
)
def test_lines_fit_and_say_everything(text: str, width: int, indent: int) -> None:
    wrapped = list(wrap(Text(text), width, indent))
    for line in wrapped:
        assert wcswidth(line.plain) <= cells(line.plain) <= width
    said = "".join(line.plain for line in wrapped)
    assert "".join(said.split()) == "".join(text.split())


@given(st.text(st.sampled_from("ab 日語é👩"), max_size=60), st.integers(2, 30))
def test_rows_are_counted_as_a_terminal_cuts_them(text: str, columns: int) -> None:
    terminal = Terminal(columns, 80)
    terminal.feed(text)
    assert rows_at(text, columns) == terminal.cursor.y + 1


def test_marks_take_no_row_and_emoji_as_much_as_in_any_terminal() -> None:
    assert rows_at("aaa\u0301", 3) == 1
    assert rows_at("👩\u200d👩", 2) == 2
