"""What each turn shows."""

import pytest
from rich.style import Style
from rich.text import Text

from tests.ui.turn_updates import tagged, update
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.settings.option_types import NonSpeech
from transcribe_cli.transcript.recording_clock import format_time
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui.turn_rendering import (
    NO_BREAK,
    confident_language,
    final_line,
    language_change,
    partial_line,
    speaker_style,
    unsure_spans,
)


def plain(line: Text | None) -> str:
    assert line is not None
    return line.plain.replace(NO_BREAK, " ")


def styled(line: Text | None, attribute: str) -> list[str]:
    """The parts of a line that have an attribute, such as "dim"."""
    assert line is not None
    return [
        line.plain[span.start : span.end]
        for span in line.spans
        if isinstance(span.style, Style) and getattr(span.style, attribute)
    ]


@pytest.mark.parametrize(
    ("ms", "shown"), [(0, "0:00"), (59_999, "0:59"), (754_000, "12:34"), (3_600_000, "1:00:00")]
)
def test_the_recording_clock(ms: int, shown: str) -> None:
    assert format_time(ms) == shown


def test_a_final_shows_time_speaker_words_and_language() -> None:
    turn = update(
        "Buenos días.",
        final=True,
        start_ms=19_000,
        speaker_label="A",
        language_code="es",
        language_confidence=0.85,
    )
    assert plain(final_line(turn)) == "  0:19  A: Buenos días.  es 85%"


def test_a_narrow_window_has_no_gutter() -> None:
    assert plain(final_line(update("Hello.", final=True), columns=20)) == "0:00 Hello."


def test_an_unsure_language_has_a_question_mark_and_does_not_count_as_a_change() -> None:
    turn = update("Hm.", final=True, language_code="nl", language_confidence=0.41)
    assert plain(final_line(turn)).endswith("  nl 41%?")
    assert confident_language(turn.message) is None


def test_a_language_without_confidence_is_named_alone() -> None:
    assert plain(final_line(update("Oui.", final=True, language_code="fr"))).endswith("Oui.  fr")


def test_the_announcement_stands_under_the_words() -> None:
    assert language_change("es", 0).plain == "        language: Spanish (es)"
    assert language_change("x\x1by", 0, 20).plain == "  language: x␛y"


def test_unsure_words_are_underlined_and_coloured() -> None:
    turn = update("The Krakow office.", final=True, confidences=[0.9, 0.3, 0.8])
    assert styled(final_line(turn), "underline") == ["Krakow"]
    assert styled(final_line(turn), "color") == ["Krakow"]
    assert styled(final_line(turn, confidences=False), "underline") == []


def test_zeros_for_all_words_mean_that_no_confidence_was_given() -> None:
    turn = update("quiet words", final=True, confidences=[0.0, 0.0])
    assert styled(final_line(turn), "underline") == []


def test_unsure_words_are_found_in_text_that_was_formatted() -> None:
    words = [
        Word(text=text, confidence=confidence)
        for text, confidence in [("twenty", 0.9), ("a", 0.2), ("cat", 0.9), ("at", 0.1)]
    ]
    text = "20 and a cat, at home"
    spans = unsure_spans(text, words)
    assert [(text[first:last], first) for first, last in spans] == [("a", 7), ("at", 14)]


def test_unsure_words_are_found_in_text_without_blanks() -> None:
    words = [Word(text="日本", confidence=0.9), Word(text="語", confidence=0.2)]
    assert unsure_spans("日本語です", words) == [(2, 3)]


def test_speakers_have_colours_of_their_own_and_keep_them() -> None:
    assert len({speaker_style(label).color for label in "ABCD"}) == 4
    assert len({speaker_style(label) for label in "ABCDEFGH"}) == 8
    assert speaker_style("UNKNOWN") == speaker_style("UNKNOWN")


@pytest.mark.parametrize(
    ("mode", "dimmed"), [(NonSpeech.DIM, ["  0:00  ", "[Music]"]), (NonSpeech.KEEP, ["  0:00  "])]
)
def test_non_speech_is_dimmed_or_kept(mode: NonSpeech, dimmed: list[str]) -> None:
    line = final_line(tagged("[Music]"), non_speech=mode)
    assert plain(line) == "  0:00  [Music]"
    assert styled(line, "dim") == dimmed


def test_non_speech_is_hidden() -> None:
    assert final_line(tagged("[Música]"), non_speech=NonSpeech.HIDE) is None
    assert partial_line(tagged("[Silence]", final=False), non_speech=NonSpeech.HIDE) is None


def test_an_empty_turn_shows_nothing() -> None:
    assert final_line(update("", final=True)) is None
    assert partial_line(update("")) is None


def test_a_partial_dims_the_words_that_may_change() -> None:
    line = partial_line(update("one two three four", settled=2))
    assert plain(line) == "  0:00  one two three four"
    assert styled(line, "dim") == ["  0:00  ", "three four"]


def test_a_held_turn_looks_like_a_final() -> None:
    held = update("the raw words", held=True)
    assert partial_line(held) == final_line(update("the raw words", final=True))


def test_brackets_are_words_and_not_markup() -> None:
    assert plain(final_line(update("[bold]x[/] [red]", final=True))) == "  0:00  [bold]x[/] [red]"


def test_control_characters_are_visible_in_every_field() -> None:
    message = Turn(
        end_of_turn=True,
        transcript="a\x1b[2Jb",
        speaker_label="A\x07",
        language_code="e\rn",
        language_confidence=0.9,
    )
    line = final_line(TurnUpdate(0, 0, 0, True, False, 0, 0, Decoded(message, {})))
    assert plain(line) == "  0:00  A␇: a␛[2Jb  e n 90%"
