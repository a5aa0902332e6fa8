"""Final turns, and the speakers that are corrected later."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcript.turn_shorthand import decoded
from transcribe_cli.protocol.messages import Revision, SpeakerRevision, Turn, Word
from transcribe_cli.transcript import revised_turns as finals_module
from transcribe_cli.transcript.revised_turns import RevisedTurns
from transcribe_cli.transcript.turns import Transcript, TurnUpdate

LABELS = st.sampled_from(["A", "B", None])


def turns(*spoken: Turn, session: int = 0, offset_ms: int = 0) -> list[TurnUpdate]:
    """What a recording tells of these turns of one session."""
    transcript = Transcript()
    transcript.begin_session(session, offset_ms, expects_formatted=False)
    return [up for turn in spoken for up in transcript.receive(session, decoded(turn), 0.0)]


def said(order: int, text: str, speakers: str, **fields: Any) -> Turn:
    """A final whose words belong to one speaker each, such as "AAB"."""
    return Turn(
        turn_order=order,
        transcript=text,
        end_of_turn=True,
        words=words_of(text, speakers),
        **{"speaker_label": speakers[0]} | fields,
    )


def words_of(text: str, speakers: str, offset_ms: int = 0) -> list[Word]:
    return [
        Word(
            start=offset_ms + 100 * i, end=offset_ms + 100 * i + 90, text=word, speaker=speakers[i]
        )
        for i, word in enumerate(text.split())
    ]


def revise(order: int, label: str | None, words: list[Word] | None = None) -> SpeakerRevision:
    return SpeakerRevision([Revision(order, label, words or [])])


def added(*updates: TurnUpdate) -> RevisedTurns:
    finals = RevisedTurns()
    for update in updates:
        finals.add(update)
    return finals


def labels(finals: RevisedTurns) -> list[str | None]:
    return [turn.message.speaker_label for turn in finals.turns]


def speakers(turn: TurnUpdate) -> list[str | None]:
    """Who said each word, which both views of the message agree on."""
    of_message = [word.speaker for word in turn.message.words]
    assert [word.get("speaker") for word in turn.raw["words"]] == of_message
    assert turn.raw.get("speaker_label") == turn.message.speaker_label
    return of_message


def test_only_finals_are_kept_in_order() -> None:
    partial, first, second = turns(
        Turn(transcript="h"), said(0, "Hi.", "A"), said(1, "Bye now.", "BB")
    )

    assert added(partial, first, second).turns == [first, second]


def test_revision_changes_the_turn_and_its_words_and_tells_which_turns() -> None:
    first, second = turns(said(0, "Hi you.", "AA"), said(1, "Bye.", "B"))
    finals = added(first, second)

    changed = finals.revise(0, revise(0, "B", words_of("Hi you.", "BA")))

    assert changed == [finals.turns[0]]
    assert speakers(finals.turns[0]) == ["B", "A"]
    assert labels(finals) == ["B", "B"]
    assert finals.turns[1] is second


def test_texts_and_times_stay_as_they_were() -> None:
    (turn,) = turns(said(0, "Hi you.", "AA"), offset_ms=500)
    finals = added(turn)
    other = [Word(start=9, end=10, text="quite", speaker="C"), Word(text="else", speaker="C")]

    (revised,) = finals.revise(0, revise(0, "C", other))

    assert speakers(revised) == ["C", "C"]
    assert (revised.start_ms, revised.end_ms) == (turn.start_ms, turn.end_ms)
    assert revised.message.transcript == "Hi you."
    assert [(word.start, word.text) for word in revised.message.words] == [
        *[(500, "Hi"), (600, "you.")]
    ]


def test_the_turn_that_was_taken_is_left_as_it_was() -> None:
    (turn,) = turns(said(0, "Hi.", "A"))
    added(turn).revise(0, revise(0, "B", words_of("Hi.", "B")))

    assert turn.message.speaker_label == "A"
    assert speakers(turn) == ["A"]


def test_only_the_words_that_are_named_are_changed() -> None:
    (turn,) = turns(said(0, "one two three", "AAA"))
    (revised,) = added(turn).revise(0, revise(0, "A", [words_of("one two", "AB")[1]]))

    assert speakers(revised) == ["A", "B", "A"]


def test_revision_without_words_changes_the_turn_alone() -> None:
    (turn,) = turns(said(0, "one two", "AA"))
    (revised,) = added(turn).revise(0, revise(0, None))

    assert revised.message.speaker_label is None
    assert speakers(revised) == ["A", "A"]


def test_last_revision_of_a_turn_wins() -> None:
    finals = added(*turns(said(0, "Hi.", "A")))
    both = SpeakerRevision([Revision(0, "B"), Revision(0, "C")])

    assert [turn.message.speaker_label for turn in finals.revise(0, both)] == ["C"]
    finals.revise(0, revise(0, "D"))
    assert labels(finals) == ["D"]


def test_turn_that_is_revised_often_in_one_message_is_revised_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finals = added(*turns(said(0, "Hello there.", "AA")))
    count = 0
    revised = finals_module._revised

    def counted(update: TurnUpdate, revision: Revision) -> TurnUpdate:
        nonlocal count
        count += 1
        return revised(update, revision)

    monkeypatch.setattr(finals_module, "_revised", counted)
    many = [Revision(0, label) for label in "BCD" * 1000]
    finals.revise(0, SpeakerRevision(many))

    assert labels(finals) == ["D"]
    assert count == 1


def test_revision_that_changes_nothing_tells_of_nothing() -> None:
    (turn,) = turns(said(0, "Hi.", "A"))
    finals = added(turn)

    assert finals.revise(0, revise(0, "A", words_of("Hi.", "A"))) == []
    assert finals.turns[0] is turn


def test_sessions_number_their_turns_on_their_own() -> None:
    finals = added(*turns(said(0, "Hi.", "A")), *turns(said(0, "Bye.", "A"), session=1))
    finals.revise(1, revise(0, "B"))

    assert labels(finals) == ["A", "B"]


def test_turn_that_is_revised_before_it_is_final_is_final_with_its_new_speakers() -> None:
    (turn,) = turns(said(0, "Hi.", "A"))
    finals = RevisedTurns()

    assert finals.revise(0, revise(0, "B", words_of("Hi.", "B"))) == []
    finals.add(turn)
    assert speakers(finals.turns[0]) == ["B"]


def test_former_speaker_s_confidence_does_not_stay_with_the_new_one() -> None:
    word = Word(end=90, text="Hi.", speaker="A", speaker_confidence=0.9)
    turn = Turn(end_of_turn=True, words=[word], speaker_label="A", speaker_confidence=0.8)
    (revised,) = added(*turns(turn)).revise(0, revise(0, "B", words_of("Hi.", "B")))

    assert revised.message.speaker_confidence is None
    assert revised.message.words[0].speaker_confidence is None
    assert "speaker_confidence" not in revised.raw | revised.raw["words"][0]


def test_odd_words_stay_where_they_are() -> None:
    (turn,) = turns(said(0, "one two", "AA"))
    turn.raw["words"].insert(1, "odd")
    (revised,) = added(turn).revise(0, revise(0, "B", words_of("one two", "AB")))

    assert [word if word == "odd" else word["speaker"] for word in revised.raw["words"]] == [
        *["A", "odd", "B"]
    ]


@given(st.lists(st.tuples(st.integers(0, 3), LABELS), max_size=12), st.integers(0, 12))
def test_when_a_turn_becomes_final_makes_no_difference(
    revisions: list[tuple[int, str | None]], at: int
) -> None:
    spoken = turns(*(said(order, "Hi.", "A") for order in range(4)))
    finals = RevisedTurns()
    for number, (order, label) in enumerate(revisions):
        if number == at:
            for turn in spoken:
                finals.add(turn)
        finals.revise(0, revise(order, label))
    if at >= len(revisions):
        for turn in spoken:
            finals.add(turn)
    last = dict(revisions)

    assert labels(finals) == [last.get(order, "A") for order in range(4)]
