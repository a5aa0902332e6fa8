"""Plain text: a line for each final turn."""

import io
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outputs.turn_records import WHEN, record, update
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.plain_text import TextOutput, one_line, text_lines


def written(*records: Record, non_speech: bool = True, headings: bool = False) -> str:
    stream = io.BytesIO()
    output = TextOutput(stream, "x", non_speech=non_speech, headings=headings)
    for made in records:
        output.write(made)
    return stream.getvalue().decode()


def test_each_final_turn_is_one_line() -> None:
    assert written(record("Hi there."), record("Bye.")) == "Hi there.\nBye.\n"


def test_partials_and_other_records_are_left_out() -> None:
    assert written(record("h", final=False), Record(WHEN, "Recording", {"source": "a.wav"})) == ""


def test_empty_turn_is_no_line() -> None:
    assert written(record(""), record("  ")) == ""


def test_tags_are_kept_or_left_out() -> None:
    silence = record(" silence", utterance="[ Silence]")

    assert written(silence) == "[Silence]\n"
    assert written(silence, non_speech=False) == ""


def test_speaker_is_named_before_the_words() -> None:
    assert text_lines(update("Hi.", speaker_label="B"), non_speech=True) == ["B: Hi."]


def test_turn_that_says_nothing_has_no_speaker_either() -> None:
    assert text_lines(update("", speaker_label="B"), non_speech=True) == []


def test_each_source_has_a_heading_where_several_share_a_file() -> None:
    first = Record(WHEN, "Recording", {"source": "a\n.wav"})

    assert written(first, record("Hi."), headings=True) == "# a .wav\nHi.\n"


def test_name_that_is_no_text_can_be_a_heading() -> None:
    odd = Record(WHEN, "Recording", {"source": "caf\udce9.wav"})

    assert written(odd, headings=True).startswith("# caf")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[31mb", "a [31mb"),
        ("a\r\nb\tc", "a b c"),
        ("a\u202eb", "a b"),
        ("a\u2028b\x85c", "a b c"),
        ("\x00\x9b", ""),
        ("می\u200cخواهم", "می\u200cخواهم"),  # noqa: RUF001
        ("क्\u200dष", "क्\u200dष"),
        ("días 今天", "días 今天"),
    ],
)
def test_control_characters_never_reach_a_terminal(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text(st.characters()))
def test_any_text_is_one_printable_line(text: str) -> None:
    kept = dict.fromkeys(map(ord, "\u200c\u200d\u200e\u200f\u061c"))
    line = one_line(text).translate(kept)

    assert all(character.isprintable() or category(character) == "Zs" for character in line)


@pytest.mark.parametrize("owned", [True, False])
def test_only_a_stream_of_its_own_is_closed(owned: bool) -> None:
    stream = io.BytesIO()
    output = TextOutput(stream, "x", owned=owned)
    output.close()
    output.close()

    assert stream.closed is owned


@pytest.mark.parametrize(
    "text",
    [
        "10\u202f000\u00a0\u20ac, dit-il\u202f!",
        "\u200f\u05e9\u05dc\u05d5\u05dd\u200f 42",
        "\u4eca\u65e5\u306f\u3000\u660e\u65e5",
        "1\u2009234",
    ],
)
def test_blanks_and_marks_that_a_language_needs_are_kept(text: str) -> None:
    assert written(record(f"  {text}\n ")) == f"{text}\n"
