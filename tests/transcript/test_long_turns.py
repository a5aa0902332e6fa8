"""What a turn of any length costs, counted in steps, and that ordinary ones are cut as ever."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript import caption_cues, text_timeline
from transcribe_cli.transcript.caption_cues import (
    CELLS_PER_S,
    LINES,
    LONGEST_MS,
    MOST_PIECES,
    PAUSE_MS,
    SHORTEST_MS,
    WIDTH,
    Phrase,
    cut_turn,
    name_width,
)
from transcribe_cli.transcript.caption_lines import Piece
from transcribe_cli.transcript.turn_text import non_speech_tags, read_turn_text
from transcribe_cli.transcript.turns import TurnUpdate

LENGTH = 60_000


def turn(text: str, words: Sequence[Word] = ()) -> TurnUpdate:
    message = Turn(end_of_turn=True, transcript=text, words=list(words))
    return TurnUpdate(0, 0, 0, True, False, 0, 60_000, Decoded(message, {}))


def spoken(tokens: Sequence[str], **fields: Any) -> list[Word]:
    return [
        Word(text=token, start=300 * index, end=300 * index + 250, **fields)
        for index, token in enumerate(tokens)
    ]


def said(phrases: Sequence[Phrase]) -> str:
    return "".join("".join(phrase.lines) for phrase in phrases).replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "x" * LENGTH,
        "今" * LENGTH,
        "e\u0301" * (LENGTH // 2),
        "\u0301 " * (LENGTH // 2),
        "\u200d" * LENGTH,
        "\U0001f1e6" * LENGTH,
        "a " * (LENGTH // 2),
        "今。" * (LENGTH // 2),
        "(x" * (LENGTH // 2),
    ],
    ids=[
        "no blanks",
        "wide",
        "marks",
        "lone marks",
        "joiners",
        "flags",
        "words",
        "clauses",
        "brackets",
    ],
)
@pytest.mark.first(3)
def test_a_long_turn_takes_few_steps_a_character(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    tried = 0
    look = caption_cues._possible_ends

    def possible_ends(*arguments: Any) -> list[tuple[int, int]]:
        nonlocal tried
        ends = look(*arguments)
        tried += len(ends)
        return ends

    monkeypatch.setattr(caption_cues, "_possible_ends", possible_ends)
    phrases = cut_turn(turn(text), non_speech=True)

    assert tried < 15 * len(text)  # it was 84 for each character without blanks, and for lone marks
    assert said(phrases) == text.replace(" ", "")


def test_speakers_and_pauses_are_kept_in_a_long_turn() -> None:
    first = spoken(["a"] * MOST_PIECES, speaker="A")
    second = [
        Word(text="b", start=2_000_000 + 300 * index, end=2_000_250 + 300 * index, speaker="B")
        for index in range(MOST_PIECES)
    ]
    text = "a " * MOST_PIECES + "b " * MOST_PIECES
    phrases = cut_turn(turn(text, [*first, *second]), non_speech=True)

    assert {phrase.speaker for phrase in phrases} == {"A", "B"}
    assert said(phrases) == text.replace(" ", "")
    assert all(set("".join(one.lines)) <= {"a", " "} for one in phrases if one.speaker == "A")
    assert all(one.end_ms - one.start_ms <= LONGEST_MS for one in phrases)


def test_words_that_are_not_the_text_are_laid_out_without_comparing_each_with_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_timeline, "SequenceMatcher", None)  # squares and cubes of such lengths
    text = "a b " * 10_000
    phrases = cut_turn(turn(text, spoken(["a", "x", "B"] * 5_000)), non_speech=True)

    assert said(phrases) == text.replace(" ", "")


def test_words_just_ahead_are_found_in_passing() -> None:
    keys = ["we", "came", "home", "so", "late", "we", "slept"]

    assert list(text_timeline._match_in_passing(keys, ["we", "home", "were", "late", "we"])) == [
        *((0, 0), (2, 1), (4, 3), (5, 4))
    ]


def test_bracket_before_many_blanks_is_read_once() -> None:
    text = "[" + " " * 100_000  # cubed, that would not end

    assert non_speech_tags(text) == []
    assert non_speech_tags(text + "]") == []
    assert non_speech_tags("[ Silence" + " " * 1000 + "]") == ["Silence"]
    assert read_turn_text(Turn(utterance=text, transcript=text, end_of_turn=True)).whole == "["


# What `_cut` computes, as plainly as can be.


def reference(timed: Sequence[caption_cues._Timed]) -> list[tuple[int, int]]:
    """The cheapest row of phrases, as (start, end) of their pieces."""
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * len(timed)
    for end in range(1, len(timed) + 1):
        for start in range(end):
            width = phrase_width(timed[start:end])
            if width is not None:
                cost = phrase_cost(timed, start, end, width) + best[start][0]
                best[end] = min(best[end], (cost, start))
    row, end = [], len(timed)
    while end:
        row.append((best[end][1], end))
        end = best[end][1]
    return row[::-1]


def phrase_width(timed: Sequence[caption_cues._Timed]) -> int | None:
    """How many cells a phrase takes; None where it breaks a rule."""
    first = timed[0]
    lines, room, used, width = 1, WIDTH - name_width(first.speaker), 0, 0
    for before, this in zip([None, *timed], timed, strict=False):
        size = this.piece.cells + (this.piece.blank and used > 0)
        if used and used + size > room:
            lines, used, room, size = lines + 1, 0, WIDTH, this.piece.cells
        used, width = used + size, width + size
        if before is not None and (
            lines > LINES
            or this.speaker != first.speaker
            or this.end_ms - first.start_ms > LONGEST_MS
            or this.start_ms - before.end_ms > PAUSE_MS
        ):
            return None
    return width


def phrase_cost(timed: Sequence[caption_cues._Timed], start: int, end: int, width: int) -> float:
    first = timed[start]
    cost = caption_cues._CUE + caption_cues._EMPTY * (1 - width / (WIDTH * LINES)) ** 2
    if start:
        pause = first.start_ms - timed[start - 1].end_ms
        cost += 2 * first.piece.cost - caption_cues._PAUSE_WORTH * min(pause, PAUSE_MS) / PAUSE_MS
    if end < len(timed):
        room_ms = timed[end].start_ms - first.start_ms
        needed_ms = -(-width * 1000 // CELLS_PER_S)
        cost += caption_cues._HURRIED * (max(0, needed_ms - room_ms) / 1000) ** 2
        cost += caption_cues._TOO_SHORT if room_ms < SHORTEST_MS else 0
    return cost


pieces = st.tuples(
    st.integers(1, 12),  # cells
    st.booleans(),
    st.sampled_from([-500, -350, -120, 0, 60, 300, 1000]),
    st.sampled_from([0, 50, 200, 900, 3000]),  # how long it is said
    st.sampled_from([0, 0, 100, 2500, -400]),  # and the pause after it
    st.sampled_from([None, "A", "B"]),
)


@given(st.lists(pieces, max_size=40), st.booleans())
def test_phrases_are_the_cheapest_row_of_all(
    given_pieces: list[tuple[int, bool, int, int, int, str | None]], speakers: bool
) -> None:
    timed, at = [], 1000
    for size, blank, cost, length_ms, pause_ms, speaker in given_pieces:
        piece = Piece("x" * size, blank, size, cost)
        timed.append(caption_cues._Timed(piece, at, at + length_ms, speaker if speakers else None))
        at = max(0, at + length_ms + pause_ms)

    expected = [caption_cues._phrase(timed[start:end]) for start, end in reference(timed)]

    assert caption_cues._cut(timed) == expected
