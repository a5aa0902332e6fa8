"""A turn's words: settled, tentative, or no speech."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.recorded_messages import read_trace
from transcribe_cli.protocol.codec import decode_server_message
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.turn_text import (
    TurnText,
    Utterances,
    formatted_utterance,
    non_speech_tags,
    read_turn_text,
)


def partial(transcript: str, settled: str = "", tentative: str = "") -> Turn:
    words = [Word(text=text, word_is_final=True) for text in settled.split()]
    words += [Word(text=text) for text in tentative.split()]
    return Turn(transcript=transcript, words=words)


def of_trace(name: str, index: int) -> TurnText:
    message = decode_server_message(read_trace(name)[index]).message
    assert isinstance(message, Turn)
    return read_turn_text(message)


def test_quickstart_s_final_is_its_transcript() -> None:
    assert of_trace("quickstart", 0).settled.startswith("Smoke from hundreds of wildfires")


def test_multilingual_page_s_partial_has_one_open_word() -> None:
    assert of_trace("multilingual", 0) == TurnText("Buenos", "días")


def test_whisper_page_s_final_is_its_transcript() -> None:
    assert of_trace("whisper", 0) == TurnText("buenos días")


def test_whisper_page_s_silence_is_no_speech() -> None:
    assert of_trace("whisper", 1) == TurnText("[Silence] [Silence]", non_speech=True)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("[ Silence] [ Silence]", ["Silence", "Silence"]),
        ("[Silence]", ["Silence"]),
        (" [Música]\n", ["Música"]),
        ("[Music][Applause]", ["Music", "Applause"]),
        ("[ ]", []),
        ("", []),
        ("[Music] hello", []),
        ("array[0]", []),
        ("[[x]]", []),
        ("Silence", []),
    ],
)
def test_tags_of_a_text_that_is_nothing_else(text: str, tags: list[str]) -> None:
    assert non_speech_tags(text) == tags


def test_tag_in_the_transcript_alone_counts_too() -> None:
    assert read_turn_text(Turn(transcript="[Music]", end_of_turn=True)).non_speech


def test_transcript_that_lacks_the_open_word_is_completed() -> None:
    assert read_turn_text(partial("hi my", "hi my", "name")) == TurnText("hi my", "name")


def test_transcript_that_already_holds_the_open_word_does_not_double_it() -> None:
    assert read_turn_text(partial("the quick", "the", "quick")) == TurnText("the", "quick")


def test_first_open_word_is_tentative() -> None:
    assert read_turn_text(partial("", "", "hi")) == TurnText("", "hi")


def test_words_of_a_pro_partial_are_all_tentative() -> None:
    said = read_turn_text(partial("My name is—", "", "My name is—"))

    assert said == TurnText("", "My name is—")


def test_blanks_of_the_transcript_are_kept_where_words_have_none() -> None:
    turn = Turn(
        transcript="今天天气很好",
        words=[Word(text="今天", word_is_final=True), Word(text="天气"), Word(text="很好")],
    )

    assert read_turn_text(turn) == TurnText("今天", "天气很好")


def test_text_that_disagrees_with_its_words_is_taken_as_it_is() -> None:
    assert read_turn_text(partial("$5", "five dollars")) == TurnText("", "$5")


def test_partial_without_words_is_tentative() -> None:
    assert read_turn_text(partial("hello")) == TurnText("", "hello")


def test_words_are_shown_where_the_transcript_is_empty_beside_settled_ones() -> None:
    assert read_turn_text(partial("", "hi", "there")) == TurnText("", "there")


def test_final_without_transcript_falls_back_to_its_utterance() -> None:
    assert read_turn_text(Turn(utterance="Hi  you.", end_of_turn=True)) == TurnText("Hi you.")


def test_whole_joins_both_parts() -> None:
    assert TurnText("hi", "there").whole == "hi there"
    assert TurnText("", "there").whole == "there"


words = st.lists(st.text("abcß今é.,", min_size=1, max_size=4), max_size=6)


@given(words, words, st.booleans())
def test_no_word_is_lost_or_doubled_in_a_partial(
    settled: list[str], tentative: list[str], with_open: bool
) -> None:
    shown = settled + tentative if with_open else settled
    turn = partial(" ".join(shown), " ".join(settled), " ".join(tentative))

    said = read_turn_text(turn)

    assert said.whole.split() == settled + tentative
    assert said.settled.split() == settled


RAW = Turn(transcript="buenos  días", utterance="Buenos días.", end_of_turn=True)
NUMBERS = Turn(transcript="five dollars", utterance="$5.", end_of_turn=True)


@pytest.mark.parametrize(
    ("turn", "utterances", "formatted"),
    [
        (RAW, Utterances.SAME_WORDS, "Buenos días."),
        (RAW, Utterances.UNREAD, ""),
        (NUMBERS, Utterances.WHOLE_TURN, "$5."),
        (NUMBERS, Utterances.SAME_WORDS, ""),
    ],
)
def test_a_raw_final_is_read_as_its_utterance_has_it_where_that_is_the_whole_turn(
    turn: Turn, utterances: Utterances, formatted: str
) -> None:
    assert formatted_utterance(turn, utterances) == formatted


@pytest.mark.parametrize(
    "turn",
    [
        replace(RAW, end_of_turn=False),  # the utterance may be a part of what is said by then
        replace(RAW, turn_is_formatted=True),
        replace(RAW, utterance=""),
        replace(RAW, utterance="[ Silence]"),
        replace(RAW, transcript="Buenos días."),
    ],
)
def test_any_other_turn_is_read_as_its_transcript(turn: Turn) -> None:
    assert formatted_utterance(turn, Utterances.WHOLE_TURN) == ""
