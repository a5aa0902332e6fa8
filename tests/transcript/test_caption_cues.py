"""Caption cues: the rules, over any speech, and what becomes of odd turns."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from wcwidth import wcswidth

from tests.transcript.cues import make_cues
from tests.transcript.random_turns import any_speech, clear_speech, squashed, turn
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.caption_cues import LONGEST_MS, PAUSE_MS, SHORTEST_MS, Cue
from transcribe_cli.transcript.turns import TurnUpdate


def cues_of(*turns: TurnUpdate, non_speech: bool = True) -> list[Cue]:
    return make_cues(turns, non_speech=non_speech)


def said(text: str, start: int = 0, each: int = 300, number: int = 0) -> TurnUpdate:
    """A turn whose words take `each` ms, one right after another."""
    words = [
        Word(start + each * i, start + each * i + each, word, 0.9, True)
        for i, word in enumerate(text.split())
    ]
    return turn(words, number)


def without_words(text: str, start: int = 0, **fields: Any) -> TurnUpdate:
    message = Turn(end_of_turn=True, transcript=text, **fields)
    return TurnUpdate(0, 0, 0, True, False, start, start, Decoded(message, {}))


def shown(cues: list[Cue]) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues]


def text_of(cues: list[Cue]) -> str:
    return squashed("".join(line for cue in cues for line in cue.lines))


def text_of_turns(turns: list[TurnUpdate]) -> str:
    return squashed("".join(turn.message.transcript for turn in turns))


def width(cue: Cue) -> int:
    return sum(map(wcswidth, cue.lines))


def test_short_turn_is_one_cue_as_long_as_it_is_said() -> None:
    assert cues_of(said("My name is Sonny.", 1216, 735)) == [
        Cue(1216, 1216 + 4 * 735, ("My name is Sonny.",))
    ]


def test_turn_is_cut_at_the_ends_of_its_sentences() -> None:
    text = (
        "I grew up in a small town near the coast. Nothing ever happened there, or so we thought."
    )

    assert shown(cues_of(said(text))) == [
        ("I grew up in a small town near the coast.",),
        ("Nothing ever happened there,", "or so we thought."),
    ]


def test_long_sentence_is_cut_at_a_clause() -> None:
    text = "When I first moved to the city I was overwhelmed by everything that I saw, and I wrote"
    text += " about it to my parents, who kept each letter."

    assert [lines[-1] for lines in shown(cues_of(said(text)))] == [
        "overwhelmed by everything that I saw,",
        "who kept each letter.",
    ]


def test_cue_stays_until_it_can_be_read() -> None:
    (cue,) = cues_of(said("extraordinarily incomprehensible congratulations", each=100))

    assert (cue.end_ms - cue.start_ms) * 17 >= width(cue) * 1000 > 300 * 17


def test_cue_goes_when_the_next_one_is_due() -> None:
    first, second = cues_of(said("extraordinarily long", 0, 500), said("yes", 1100, 500, 1))

    assert (first.end_ms, second.start_ms) == (1100, 1100)


def test_cue_is_shown_long_enough_even_if_the_next_one_waits() -> None:
    first, second, third = cues_of(
        said("Yes.", 0, 200), said("No.", 300, 200, 1), said("Why?", 5000, 200, 2)
    )

    assert (first.start_ms, first.end_ms) == (0, SHORTEST_MS)
    assert (second.start_ms, second.end_ms) == (SHORTEST_MS, 2 * SHORTEST_MS)
    assert third.start_ms == 5000


def test_word_that_goes_on_for_long_is_shown_for_seven_seconds() -> None:
    (cue,) = cues_of(said("hmmm", 1000, 20_000))

    assert (cue.start_ms, cue.end_ms) == (1000, 1000 + LONGEST_MS)


def test_cue_does_not_go_on_over_a_long_silence() -> None:
    words = [Word(0, 400, "Wait"), Word(8000, 8400, "here.")]

    assert [(cue.start_ms, cue.lines) for cue in cues_of(turn(words))] == [
        (0, ("Wait",)),
        (8000, ("here.",)),
    ]


def test_turn_without_words_makes_cues_from_its_start() -> None:
    cues = cues_of(without_words("the quick brown fox jumps over the lazy dog. " * 4, 500))

    assert len(cues) > 1
    assert cues[0].start_ms == 500
    assert all(first.end_ms == second.start_ms for first, second in pairwise(cues))


def test_text_beyond_the_words_that_are_given_is_there() -> None:
    text = "Harbor Point Claims, Daniel Reyes speaking."

    (cue,) = cues_of(turn([Word(0, 472, "Harbor")], text=text))

    assert " ".join(cue.lines) == text
    assert cue.end_ms > 2000


def test_formatted_text_is_shown_at_the_times_of_its_words() -> None:
    raw = [Word(100, 900, "five"), Word(900, 1600, "dollars"), Word(9000, 9900, "okay")]

    first, second = cues_of(turn(raw, text="$5. Okay."))

    assert (first.start_ms, first.lines) == (100, ("$5.",))
    assert (second.start_ms, second.lines) == (9000, ("Okay.",))


def test_time_that_is_far_off_does_not_delay_the_turns_after_it() -> None:
    off = turn([Word(100, 400, "a"), Word(36_000_000, 36_000_500, "b")])

    cues = cues_of(off, said("We go on.", 5000, 300, 1))

    assert cues[-1].start_ms < 7000
    assert text_of(cues) == "abWegoon."


def test_one_very_long_word_is_cut_over_cues() -> None:
    cues = cues_of(said("a" * 500, 0, 20_000))

    assert text_of(cues) == "a" * 500
    assert all(cue.end_ms - cue.start_ms <= LONGEST_MS for cue in cues)


def test_script_without_blanks_is_cut_at_its_punctuation() -> None:
    text = "今天天气很好，我们去公园散步吧。明天可能会下雨，所以请记得带伞。"  # noqa: RUF001

    assert shown(cues_of(without_words(text))) == [
        ("今天天气很好，我们去公园散步吧。",),  # noqa: RUF001
        ("明天可能会下雨，所以请记得带伞。",),  # noqa: RUF001
    ]


def test_script_without_blanks_is_cut_between_its_words() -> None:
    words = "老朋友们 昨天晚上 热热闹闹 聚在一起 吃火锅店 最有名的 麻辣豆腐".split()
    timed = [Word(250 * i, 250 * i + 240, word) for i, word in enumerate(words)]

    lines = [line for cue in cues_of(turn(timed, text="".join(words))) for line in cue.lines]

    starts = {len("".join(words[:i])) for i in range(len(words))}
    assert len(lines) > 1
    assert {len("".join(lines[:i])) for i in range(len(lines))} <= starts


def test_non_speech_is_kept_or_left_out() -> None:
    silence = without_words(" silence silence", utterance="[ Silence] [ Silence]")

    assert shown(cues_of(silence)) == [("[Silence] [Silence]",)]
    assert cues_of(silence, non_speech=False) == []


def test_speech_beside_a_bracket_is_speech() -> None:
    assert shown(cues_of(without_words("[Music] Hello."), non_speech=False)) == [
        ("[Music] Hello.",)
    ]


@pytest.mark.parametrize("text", ["", "  ", "\x00\x07"])
def test_turn_that_says_nothing_is_no_cue(text: str) -> None:
    assert cues_of(without_words(text, speaker_label="A")) == []


def test_speaker_of_the_turn_is_that_of_its_cues() -> None:
    assert cues_of(without_words("Hi.", speaker_label="B"))[0].speaker == "B"


@pytest.mark.parametrize("label", ["UNKNOWN", "PENDING", "", " "])
def test_speaker_who_is_not_known_yet_is_not_named(label: str) -> None:
    assert cues_of(without_words("Hi.", speaker_label=label))[0].speaker is None


def test_each_cue_has_one_speaker() -> None:
    words = [Word(0, 900, "Hello.", speaker="A"), Word(1000, 1900, "Hi.", speaker="B")]

    assert cues_of(turn(words, speaker="A")) == [
        Cue(0, 900, ("Hello.",), "A"),
        Cue(1000, 1900, ("Hi.",), "B"),
    ]


def test_words_of_one_speaker_are_those_of_the_turn_s() -> None:
    words = [Word(0, 900, "Hello.", speaker="A")]

    assert cues_of(turn(words, speaker="B"))[0].speaker == "B"
    assert cues_of(turn(words))[0].speaker == "A"


def test_words_whose_speaker_is_not_known_yet_are_the_turn_s() -> None:
    words = [Word(0, 900, "Hi", speaker="A"), Word(900, 1900, "you", speaker="PENDING")]
    words += [Word(2000, 2900, "there.", speaker="B")]

    assert [(cue.speaker, cue.lines) for cue in cues_of(turn(words, speaker="A"))] == [
        ("A", ("Hi you",)),
        ("B", ("there.",)),
    ]


def test_first_line_leaves_room_for_the_speaker() -> None:
    text = "Smoke from hundreds of wildfires in Canada"

    assert shown(cues_of(without_words(text))) == [(text,)]
    assert len(cues_of(without_words(text, speaker_label="A"))[0].lines) == 2


def test_controls_never_reach_a_cue() -> None:
    (cue,) = cues_of(without_words("a\x1b[31mb\u202ec\x9bd", speaker_label="A\x1b\nB"))

    assert cue.lines == ("a [31mbc d",)
    assert cue.speaker == "A B"


def assert_rules(cues: list[Cue]) -> None:
    for cue in cues:
        name = f"{cue.speaker}: " if cue.speaker else ""
        assert 1 <= len(cue.lines) <= 2
        assert all(line.strip() == line != "" for line in cue.lines)
        assert wcswidth(name + cue.lines[0]) <= 42
        assert wcswidth(cue.lines[-1]) <= 42
        assert type(cue.start_ms) is type(cue.end_ms) is int
        assert cue.start_ms >= 0
        assert 6 * (cue.end_ms - cue.start_ms) >= 5000
        assert cue.end_ms - cue.start_ms <= 7000
    for first, second in pairwise(cues):
        assert first.end_ms <= second.start_ms
        # Too fast to read only where the next words leave no time.
        can_be_read = (first.end_ms - first.start_ms) * 17 >= width(first) * 1000
        assert can_be_read or first.end_ms == second.start_ms


@given(any_speech())
def test_rules_hold_and_each_word_is_shown_once_in_order(turns: list[TurnUpdate]) -> None:
    cues = cues_of(*turns)

    assert_rules(cues)
    assert text_of(cues) == text_of_turns(turns)


@given(clear_speech())
def test_words_of_clear_speech_are_shown_when_they_are_said(turns: list[TurnUpdate]) -> None:
    cues = cues_of(*turns)
    words = [word for turn in turns for word in turn.message.words for _ in squashed(word.text)]
    assert_rules(cues)
    assert text_of(cues) == text_of_turns(turns)

    first = 0
    end = 0
    for cue in cues:
        last = first + len(text_of([cue])) - 1
        begins_in_a_word = first > 0 and words[first] is words[first - 1]
        if not begins_in_a_word:
            assert cue.start_ms == max(end, words[first].start)
        assert all(b.start - a.end <= PAUSE_MS for a, b in pairwise(words[first : last + 1]))
        first, end = last + 1, cue.end_ms


@given(any_speech())
def test_all_cues_but_the_last_stand_when_more_turns_come(turns: list[TurnUpdate]) -> None:
    whole = cues_of(*turns)
    for count in range(len(turns)):
        settled = cues_of(*turns[:count])[:-1]

        assert whole[: len(settled)] == settled
