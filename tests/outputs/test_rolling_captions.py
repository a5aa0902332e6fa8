"""The caption lines of this moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outputs.talk_on_page import Talk
from tests.outputs.turn_records import WHEN
from transcribe_cli.outputs import rolling_captions
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.rolling_captions import WIDTH_CELLS, RollingCaptions, fill_lines
from transcribe_cli.transcript.caption_lines import Piece, caption_cells, cut_pieces

LONG = "And then we went down to the harbour, where the boats were waiting for us in the rain."


def lines_after(*records: Record, non_speech: bool = True) -> list[str]:
    captions = RollingCaptions(non_speech=non_speech)
    for record in records:
        captions.take(record)
    return captions.lines


def test_nothing_is_shown_at_first() -> None:
    assert lines_after(Record(WHEN, "Recording", {"source": "mic"})) == []


def test_partial_is_shown_while_it_grows() -> None:
    talk = Talk()
    assert lines_after(
        talk.turn(0, "Good", final=False), talk.turn(0, "Good morn", final=False)
    ) == ["Good morn"]


def test_final_replaces_its_partial_and_stays_above_the_next_one() -> None:
    talk = Talk()
    assert lines_after(
        talk.turn(0, "good morn", final=False),
        talk.turn(0, "Good morning."),
        talk.turn(1, "how are", final=False),
    ) == ["Good morning.", "how are"]


def test_newest_two_lines_are_shown_and_older_ones_roll_away() -> None:
    talk = Talk()
    assert lines_after(*(talk.turn(n, f"Line {n}.") for n in range(4))) == ["Line 2.", "Line 3."]


def test_long_turn_shows_its_newest_lines() -> None:
    assert lines_after(Talk().turn(0, "Far away. " + LONG)) == [
        "harbour, where the boats were waiting for",
        "us in the rain.",
    ]


def test_partial_that_comes_after_its_final_is_too_late() -> None:
    talk = Talk()
    assert lines_after(talk.turn(0, "Done."), talk.turn(0, "don", final=False)) == ["Done."]


def test_final_of_another_turn_keeps_the_partial() -> None:
    talk = Talk()
    first, second = talk.turn(0, "one", final=False), talk.turn(1, "two", final=False)
    assert lines_after(first, second, talk.turn(0, "One.")) == ["One.", "two"]


def test_turns_that_count_from_zero_again_are_new_ones() -> None:
    assert lines_after(
        Talk().turn(0, "Of the first file."),
        Record(WHEN, "Recording", {"source": "b.wav"}),
        Talk().turn(0, "of the sec", final=False),
    ) == ["Of the first file.", "of the sec"]


def test_speaker_is_named_at_the_start_of_the_turn() -> None:
    assert lines_after(Talk().turn(0, "Hello.", speaker_label="B")) == ["B: Hello."]


def test_silence_is_an_empty_screen_and_music_is_told() -> None:
    talk = Talk()
    silence = talk.turn(0, " silence", utterance="[ Silence]")
    music = talk.turn(1, " music", utterance="[Music]")
    assert lines_after(silence) == []
    assert lines_after(silence, music) == ["[Music]"]
    assert lines_after(silence, music, non_speech=False) == []


def test_cleared_words_do_not_come_back() -> None:
    talk = Talk()
    captions = RollingCaptions()
    captions.take(talk.turn(0, "Long ago."))
    captions.clear()
    captions.take(talk.turn(1, "now", final=False))
    assert captions.lines == ["now"]


def test_control_characters_never_get_into_a_line() -> None:
    assert lines_after(Talk().turn(0, "a\x1b[2J\nb")) == ["a [2J b"]


WORDS = st.lists(st.text("abcdefg今天é.,", min_size=1, max_size=12), max_size=30)


@given(WORDS)
def test_lines_fit_and_lose_no_character(words: list[str]) -> None:
    text = " ".join(words)
    lines = fill_lines(text, WIDTH_CELLS)
    assert all(0 < caption_cells(line) <= WIDTH_CELLS for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.text("abcdefg", min_size=1, max_size=12), min_size=1, max_size=40))
def test_growing_text_only_changes_its_last_line(words: list[str]) -> None:
    for count in range(1, len(words)):
        before = fill_lines(" ".join(words[:count]), WIDTH_CELLS)
        after = fill_lines(" ".join(words[: count + 1]), WIDTH_CELLS)
        assert after[: len(before) - 1] == before[:-1]
        assert after[len(before) - 1].startswith(before[-1])


def test_long_turn_is_laid_out_from_near_its_end() -> None:
    text = " ".join(f"word{number}" for number in range(100_000))
    pieces = 0

    def counted(cut: str, width: int) -> list[Piece]:
        nonlocal pieces
        found = cut_pieces(cut, width)
        pieces += len(found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rolling_captions, "cut_pieces", counted)
        lines = lines_after(Talk().turn(0, text, final=False))

    assert pieces < 1000
    assert lines[-1].endswith("word99999")
    assert all(caption_cells(line) <= WIDTH_CELLS for line in lines)


def test_character_of_no_width_alone_is_a_line() -> None:
    assert fill_lines("\u200d", 42) == ["\u200d"]
