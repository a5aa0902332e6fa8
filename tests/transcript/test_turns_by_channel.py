"""Whose words a turn of a call holds, and where it is cut."""

from datetime import UTC, datetime
from typing import Any

import pytest

from transcribe_cli.outputs.jsonl_records import turn_record
from transcribe_cli.protocol.codec import Decoded, read_server_object
from transcribe_cli.recordings.journal import turn_of
from transcribe_cli.transcript.turns import TurnChannel, TurnUpdate
from transcribe_cli.transcript.turns_by_channel import of_one_channel, with_channels


def turn(text: str, words: str, sides: str, **fields: Any) -> TurnUpdate:
    """A final turn whose words are 100 ms each, one side's number (or - for none) for each."""
    raw = {
        "type": "Turn",
        "turn_order": 0,
        "end_of_turn": True,
        "transcript": text,
        "words": [
            {"start": 100 * at, "end": 100 * at + 80, "text": word, "word_is_final": True}
            | ({} if side == "-" else {"channel": int(side)})
            for at, (word, side) in enumerate(zip(words.split(), sides, strict=True))
        ],
    }
    decoded = read_server_object(raw | fields)
    assert not decoded.problems
    return TurnUpdate(0, 0, 7, True, False, 0, 100 * len(sides), decoded)


def parts(update: TurnUpdate) -> list[str]:
    return [f"{p.message.speaker_label}: {p.message.transcript}" for p in update.parts()]


@pytest.mark.parametrize(
    ("text", "words", "sides", "wanted"),
    [
        (
            "How are you? Fine, thanks.",
            "how are you fine thanks",
            "00011",
            ["You: How are you?", "Them: Fine, thanks."],
        ),
        ("Yes. No. Yes.", "Yes. No. Yes.", "010", ["You: Yes.", "Them: No.", "You: Yes."]),
        ("All of it.", "all of it", "111", ["Them: All of it."]),
        # Numbers and names are written otherwise than they are said.
        (
            "It is $25. I know.",
            "it is twenty five dollars i know",
            "0000011",
            ["You: It is $25.", "Them: I know."],
        ),
        (
            "Is it? $25.",
            "is it twenty five dollars",
            "00111",
            ["You: Is it?", "Them: $25."],
        ),
        # Without blanks the words tell where it may be cut.
        ("你好。再见。", "你好。 再见。", "01", ["You: 你好。", "Them: 再见。"]),
        # A word that formatting left out leaves no empty part behind.
        ("So it is.", "so um it is", "0100", ["You: So it is."]),
    ],
)
def test_turn_is_cut_where_the_side_changes(
    text: str, words: str, sides: str, wanted: list[str]
) -> None:
    assert parts(turn(text, words, sides)) == wanted


def test_every_letter_of_a_turn_is_in_one_part() -> None:
    text = "Well — I'd say $1,200 (or so); no? Mr. O'Neil: yes!"
    words = "well id say twelve hundred or so no mister oneil yes"

    cut = turn(text, words, "01010101010").parts()

    assert "".join("".join(p.message.transcript.split()) for p in cut) == "".join(text.split())


def test_parts_have_the_times_of_their_words_and_the_turns_number() -> None:
    first, second = turn("one two three", "one two three", "011").parts()

    assert (first.start_ms, first.end_ms) == (0, 80)
    assert (second.start_ms, second.end_ms) == (100, 280)
    assert (first.turn, second.turn) == (7, 7)
    assert [word.text for word in second.message.words] == ["two", "three"]


def test_turn_of_no_call_is_whole() -> None:
    update = turn("one two", "one two", "--")

    assert update.parts() == [update]


def test_tags_are_not_cut() -> None:
    update = turn("[Music]", "[Music]", "1", utterance="[Music]")

    assert update.parts() == [update]


def test_far_side_of_several_speakers_keeps_its_speaker() -> None:
    cut = turn("one two", "one two", "01", speaker_label="B")

    assert parts(cut) == ["You: one", "Them B: two"]


def test_partial_is_cut_too_and_keeps_what_is_settled() -> None:
    update = turn("one two", "one two three", "011", end_of_turn=False)
    update.decoded.raw["words"][2]["word_is_final"] = False
    update.decoded = read_server_object(dict(update.raw))

    from transcribe_cli.transcript.turn_text import read_turn_text

    read = [read_turn_text(part.message) for part in update.parts()]

    assert [(said.settled, said.tentative) for said in read] == [("one", ""), ("two", "three")]


def test_word_that_nobody_is_heard_to_say_goes_with_the_one_before_it() -> None:
    sides = {0: None, 100: 1, 200: None, 300: 0}
    update = turn("a b c d", "a b c d", "----")

    told = with_channels(update, lambda start, end: sides[start])

    assert [word.channel for word in told.message.words] == [1, 1, 1, 0]
    assert [word["channel"] for word in told.raw["words"]] == [1, 1, 1, 0]
    assert "channel" not in update.raw["words"][0]


def test_turn_of_which_nothing_is_heard_stays_as_it_is() -> None:
    update = turn("a b", "a b", "--")

    assert with_channels(update, lambda start, end: None) is update


def test_odd_words_of_a_service_keep_their_place() -> None:
    raw = {"type": "Turn", "turn_order": 0, "end_of_turn": True, "transcript": "a b"}
    words = [{"start": 0, "end": 80, "text": "a"}, 5, {"start": 100, "end": 180, "text": "b"}]
    decoded: Decoded = read_server_object(raw | {"words": words})
    update = TurnUpdate(0, 0, 0, True, False, 0, 180, decoded)

    told = with_channels(update, lambda start, end: int(start > 0))

    assert [word.channel for word in told.message.words] == [0, 1]
    assert told.raw["words"] == [words[0] | {"channel": 0}, 5, words[2] | {"channel": 1}]  # type: ignore[operator]


def test_turn_of_one_channel_has_its_name_before_that_of_its_speaker() -> None:
    here = TurnChannel(0, "Left")
    said = of_one_channel(turn("So it is.", "so it is", "---"), here)

    assert parts(said) == ["Left: So it is."]
    assert [word.channel for word in said.message.words] == [0, 0, 0]
    assert [word["channel"] for word in said.raw["words"]] == [0, 0, 0]
    labelled = of_one_channel(turn("So it is.", "so it is", "---", speaker_label="B"), here)
    assert parts(labelled) == ["Left B: So it is."]


def test_channel_of_a_turn_is_in_its_record_and_read_back() -> None:
    said = of_one_channel(turn("So it is.", "so it is", "---"), TurnChannel(1, "Right"))
    record = turn_record(said, datetime.now(UTC))

    assert (record.body["channel"], record.body["channel_name"]) == (1, "Right")
    assert parts(turn_of({"type": "Turn", **record.body})) == ["Right: So it is."]
