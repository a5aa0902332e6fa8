"""Turn messages become numbered turns, each of them final exactly once."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded_messages import NAMES, read_trace
from tests.transcript.turn_shorthand import formatted, raw_final, said
from transcribe_cli.protocol.codec import Decoded, decode_server_message
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.transcript.turn_text import Utterances
from transcribe_cli.transcript.turns import (
    FORMATTED_WAIT_S,
    MOST_OPEN,
    Transcript,
    TurnNumbers,
    TurnUpdate,
)


def begun(offset_ms: int = 0, *, expects_formatted: bool = True) -> Transcript:
    transcript = Transcript()
    transcript.begin_session(0, offset_ms, expects_formatted=expects_formatted)
    return transcript


def texts(updates: list[TurnUpdate]) -> list[tuple[int, str, bool]]:
    return [(update.turn, update.message.transcript, update.final) for update in updates]


def turns_of(name: str) -> list[Decoded]:
    read = [decode_server_message(line) for line in read_trace(name)]
    return [decoded for decoded in read if isinstance(decoded.message, Turn)]


def play(turns: list[Decoded], *, expects_formatted: bool) -> list[TurnUpdate]:
    transcript = begun(expects_formatted=expects_formatted)
    updates = [u for i, turn in enumerate(turns) for u in transcript.receive(0, turn, i / 10)]
    return updates + transcript.end_session(0)


def test_partial_is_passed_on_at_once() -> None:
    assert texts(begun().receive(0, said(0, "hi"), 0.0)) == [(0, "hi", False)]


def test_single_final_counts_at_once_where_no_formatted_one_follows() -> None:
    transcript = begun(expects_formatted=False)

    assert texts(transcript.receive(0, raw_final(0, "hi"), 0.0)) == [(0, "hi", True)]


def test_raw_final_waits_for_its_formatted_version() -> None:
    transcript = begun()

    assert transcript.receive(0, raw_final(0, "hi there"), 0.0) == []
    assert texts(transcript.receive(0, formatted(0, "Hi there."), 0.3)) == [
        (0, "hi there", False),
        (0, "Hi there.", True),
    ]


def test_raw_final_reads_as_its_utterance_has_it_and_keeps_what_the_service_sent() -> None:
    transcript = Transcript()
    transcript.begin_session(0, 0, expects_formatted=False, utterances=Utterances.WHOLE_TURN)
    final = said(0, "buenos días", end_of_turn=True, utterance="Buenos días.")
    [update] = transcript.receive(0, final, 0.0)

    assert update.message.transcript == update.formatted == "Buenos días."
    assert update.raw["transcript"] == "buenos días"


def test_raw_final_that_waits_can_be_shown() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "hi"), 0.0)

    (shown,) = transcript.held_updates(0)

    assert (shown.held, shown.final, shown.message.transcript) == (True, False, "hi")


def test_nothing_is_shown_as_held_when_nothing_waits() -> None:
    assert begun().held_updates(0) == []


def test_raw_final_counts_after_a_second_without_a_formatted_version() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "hi"), 5.0)

    assert transcript.due == 5.0 + FORMATTED_WAIT_S == 6.0
    assert transcript.release_due(5.99) == []
    assert texts(transcript.release_due(6.0)) == [(0, "hi", True)]
    assert transcript.due == float("inf")


def test_formatted_version_that_comes_too_late_is_no_second_final() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "hi"), 0.0)
    transcript.release_due(1.0)

    assert texts(transcript.receive(0, formatted(0, "Hi."), 1.2)) == [(0, "Hi.", False)]


def test_final_of_the_next_turn_waits_for_the_one_before_it() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "one"), 0.0)

    assert transcript.receive(0, formatted(1, "Two."), 0.1) == []
    assert texts(transcript.release_due(FORMATTED_WAIT_S)) == [(0, "one", True), (1, "Two.", True)]


def test_formatted_version_is_taken_also_after_the_next_turn_has_ended() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "one"), 0.0)
    transcript.receive(0, raw_final(1, "two"), 0.1)

    assert texts(transcript.receive(0, formatted(0, "One."), 0.2)) == [
        (0, "one", False),
        (0, "One.", True),
    ]
    assert texts(transcript.receive(0, formatted(1, "Two."), 0.3)) == [
        (1, "two", False),
        (1, "Two.", True),
    ]


def test_open_turn_of_a_session_that_is_complete_counts_as_it_stands() -> None:
    transcript = begun()
    transcript.receive(0, said(0, "never finished"), 0.0)

    assert texts(transcript.end_session(0, complete=True)) == [(0, "never finished", True)]


def test_partial_of_the_next_turn_does_not_end_the_wait() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "one"), 0.0)

    assert texts(transcript.receive(0, said(1, "tw"), 0.1)) == [(1, "tw", False)]
    assert texts(transcript.receive(0, formatted(0, "One."), 0.2)) == [
        (0, "one", False),
        (0, "One.", True),
    ]


def test_waiting_turn_keeps_its_number_when_no_partial_came_before_it() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "one"), 0.0)
    later = transcript.receive(0, said(1, "tw"), 0.1)

    assert [update.turn for update in later] == [1]
    assert [update.turn for update in transcript.release_due(2.0)] == [0]


def test_empty_final_counts_at_once() -> None:
    assert texts(begun().receive(0, raw_final(0, ""), 0.0)) == [(0, "", True)]


def test_empty_final_after_the_last_turn_is_a_turn_of_its_own() -> None:
    updates = play(turns_of("universal-streaming-english"), expects_formatted=False)

    assert [(u.turn, bool(u.message.transcript)) for u in updates if u.final] == [
        (0, True),
        (1, False),
    ]


def test_final_that_is_sent_twice_counts_once() -> None:
    transcript = begun(expects_formatted=False)
    transcript.receive(0, formatted(0, "Hi."), 0.0)

    assert texts(transcript.receive(0, formatted(0, "Hi."), 0.1)) == [(0, "Hi.", False)]


def test_turns_without_end_of_which_none_is_ended_are_ended_here() -> None:
    transcript = begun()
    updates = [
        update
        for order in range(3 * MOST_OPEN)
        for update in transcript.receive(0, said(order, f"word {order}"), 0.0)
    ]
    finals = [update.turn for update in updates if update.final]

    assert finals == list(range(2 * MOST_OPEN))
    updates = transcript.end_session(0, complete=True)
    assert [update.turn for update in updates] == list(range(2 * MOST_OPEN, 3 * MOST_OPEN))


def test_end_of_a_session_releases_what_waits() -> None:
    transcript = begun()
    transcript.receive(0, raw_final(0, "hi"), 0.0)

    assert texts(transcript.end_session(0)) == [(0, "hi", True)]


def test_turn_that_was_cut_off_is_said_again_under_its_number() -> None:
    transcript = begun()
    transcript.receive(0, formatted(0, "One."), 0.0)
    transcript.receive(0, said(1, "two", 500), 0.1)
    transcript.end_session(0)
    transcript.begin_session(1, 100, expects_formatted=True)

    updates = transcript.receive(1, formatted(0, "Two.", 400), 0.2)

    assert texts(updates) == [(1, "Two.", True)]
    assert (updates[0].session, updates[0].start_ms) == (1, 500)


def test_turn_of_a_second_session_goes_on_counting() -> None:
    transcript = begun()
    transcript.receive(0, formatted(0, "One."), 0.0)
    transcript.end_session(0)
    transcript.begin_session(1, 7000, expects_formatted=True)

    (update,) = transcript.receive(1, formatted(0, "Two."), 0.2)

    assert (update.turn, update.session_offset_ms, update.start_ms) == (1, 7000, 7000)


def test_sessions_that_overlap_share_no_number() -> None:
    transcript = begun()
    transcript.receive(0, said(0, "one"), 0.0)
    transcript.begin_session(1, 5000, expects_formatted=True)
    second = transcript.receive(1, said(0, "two"), 0.1)
    first = transcript.receive(0, formatted(0, "One."), 0.2)
    transcript.end_session(0)
    third = transcript.receive(1, said(1, "three"), 0.3)

    assert [u.turn for u in (*first, *second, *third)] == [0, 1, 2]


def test_times_are_on_the_recording_s_clock() -> None:
    transcript = begun(offset_ms=60_000)

    (update,) = transcript.receive(0, formatted(0, "Hi there.", 500), 0.0)

    assert (update.start_ms, update.end_ms) == (60_500, 60_700)
    assert update.message.words[0].start == 60_500
    assert update.raw["words"][1]["end"] == 60_700
    assert transcript.finished_ms == 60_700


def test_empty_turn_lies_where_the_words_before_it_ended() -> None:
    transcript = begun(offset_ms=1000)
    transcript.receive(0, formatted(0, "Hi.", 500), 0.0)

    (update,) = transcript.receive(0, formatted(1, ""), 0.1)

    assert update.start_ms == update.end_ms == 1600


def test_partials_do_not_move_the_point_that_a_new_session_starts_at() -> None:
    transcript = begun()
    transcript.receive(0, said(0, "a long partial"), 0.0)

    assert transcript.finished_ms == 0


def test_counting_can_go_on_from_an_earlier_recording() -> None:
    transcript = Transcript(TurnNumbers(7), finished_ms=9000)
    transcript.begin_session(0, 9000, expects_formatted=False)

    (update,) = transcript.receive(0, raw_final(0, "hi"), 0.0)

    assert update.turn == 7


def test_transcripts_of_two_channels_give_no_number_twice() -> None:
    numbers = TurnNumbers()
    here, there = Transcript(numbers), Transcript(numbers)
    here.begin_session(0, 0, expects_formatted=False)
    there.begin_session(1, 0, expects_formatted=False)

    updates = [
        *here.receive(0, said(0, "well"), 0.0),
        *there.receive(1, raw_final(0, "yes"), 0.1),
        *here.receive(0, raw_final(0, "well then"), 0.2),
        *there.receive(1, said(1, "but"), 0.3),
        *there.end_session(1),  # cut off: the next session says that turn again
        *here.receive(0, raw_final(1, "and so"), 0.4),
    ]

    assert [(u.turn, u.final) for u in updates] == [
        (0, False),
        (1, True),
        (0, True),
        (2, False),
        (2, True),
    ]


@pytest.mark.parametrize("expects_formatted", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_turn_is_final_once(name: str, expects_formatted: bool) -> None:
    turns = turns_of(name)
    ended = {turn.raw["turn_order"] for turn in turns if turn.raw["end_of_turn"]}

    updates = play(turns, expects_formatted=expects_formatted)

    finals = [u for u in updates if u.final]
    assert len(finals) == len(ended)
    assert len({u.turn for u in finals}) == len(finals)


def test_formatted_texts_are_the_ones_that_count() -> None:
    updates = play(turns_of("formatted-two-finals"), expects_formatted=True)

    assert [u.message.transcript for u in updates if u.final] == [
        "Hi, my name is Sonny.",
        "I am a voice agent.",
    ]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_one_final_a_turn_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    messages = [raw_final(0, "a"), formatted(0, "A."), raw_final(1, "b"), formatted(1, "B.")]

    updates = play([messages[i] for i in order], expects_formatted=True)

    finals = [update for update in updates if update.final]
    assert sorted(update.message.turn_order for update in finals) == [0, 1]


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Steps of one or more sessions: ("turn", message), ("wait", seconds) or ("cut", None)."""
    steps: list[tuple[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        for order in range(draw(st.integers(0, 4))):
            steps += [("turn", said(order, "some words"))] * draw(st.integers(0, 2))
            ends = draw(st.sampled_from(("raw", "formatted", "both", "empty", "open")))
            if ends in ("raw", "both"):
                steps.append(("turn", raw_final(order, "some words here")))
            if draw(st.booleans()):
                steps.append(("wait", draw(st.floats(0, 2))))
            if ends in ("formatted", "both"):
                if ends == "both" and draw(st.booleans()):
                    steps.append(("turn", said(order + 1, "more")))
                steps.append(("turn", formatted(order, "Some words here.")))
            if ends == "empty":
                steps.append(("turn", raw_final(order, "")))
        steps.append(("cut", None))
    return steps


@given(conversations(), st.booleans())
def test_every_finished_turn_of_any_conversation_is_final_exactly_once(
    steps: list[tuple[str, Any]], expects_formatted: bool
) -> None:
    transcript = Transcript()
    session, now, finals = 0, 0.0, list[TurnUpdate]()
    ended: set[tuple[int, int]] = set()
    transcript.begin_session(session, 0, expects_formatted=expects_formatted)
    for kind, value in steps:
        if kind == "turn":
            updates = transcript.receive(session, value, now)
            if value.message.end_of_turn:
                ended.add((session, value.message.turn_order))
        elif kind == "wait":
            now += value
            updates = transcript.release_due(now)
        else:
            updates = transcript.end_session(session)
            session += 1
            transcript.begin_session(
                session, transcript.finished_ms, expects_formatted=expects_formatted
            )
        finals += [update for update in updates if update.final]

    assert sorted((u.session, u.message.turn_order) for u in finals) == sorted(ended)
    numbers = [u.turn for u in finals]
    assert numbers == sorted(set(numbers))
