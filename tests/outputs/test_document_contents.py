"""The records of recordings, folded into what documents tell."""

from typing import Any

import pytest

from tests.outputs.run_records import recording, summary
from tests.outputs.turn_records import WHEN, record, update
from transcribe_cli.outputs.document_contents import DocumentContents, RecordingContents
from transcribe_cli.outputs.jsonl_records import Record, turn_record
from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.turn_totals import TurnTotals


def folded(*records: Record) -> list[RecordingContents]:
    contents = DocumentContents()
    for made in records:
        contents.add(made)
    return contents.all


def of(source: str, made: Record) -> Record:
    """A record as it is where several recordings share an output."""
    made.body["source"] = source
    return made


def texts(recording: RecordingContents) -> list[str]:
    return [turn.message.transcript for turn in recording.finals.turns]


def failed(source: str) -> Record:
    body = {"exit_code": 3, "message": "No audio.", "hint": "", "source": source}
    return Record(WHEN, "Error", body)


def test_a_recording_is_told_by_its_final_turns() -> None:
    (contents,) = folded(
        recording("a.wav"), record("O", final=False), record("One."), record("Two.")
    )

    assert (contents.source, contents.started, texts(contents)) == (
        "a.wav",
        WHEN,
        ["One.", "Two."],
    )
    assert contents.totals.turns == 2


def test_recordings_follow_each_other() -> None:
    one, two = folded(
        of("a", recording("a")),
        of("a", record("One.")),
        of("a", summary(TurnTotals())),
        of("b", recording("b")),
        of("b", record("Two.")),
    )

    assert (texts(one), texts(two)) == (["One."], ["Two."])
    assert (bool(one.summary), bool(two.summary)) == (True, False)


def test_recordings_at_the_same_time_are_told_apart_by_their_source() -> None:
    one, two = folded(
        of("a", recording("a")),
        of("b", recording("b")),
        of("a", record("One.")),
        of("b", record("Two.")),
        of("a", record("Three.")),
    )

    assert (texts(one), texts(two)) == (["One.", "Three."], ["Two."])


def test_sources_of_the_same_name_are_chapters_of_their_own() -> None:
    one, two = folded(
        of("a", recording("a")),
        of("a", record("One.")),
        of("a", recording("a")),
        of("a", record("Two.")),
    )

    assert (texts(one), texts(two)) == (["One."], ["Two."])


def test_source_of_which_nothing_was_recorded_has_a_chapter_for_its_error() -> None:
    one, two = folded(failed("a"), of("b", recording("b")))

    assert (one.source, one.started, one.error["exit_code"]) == ("a", None, 3)
    assert two.error == {}


def test_error_of_a_later_source_of_the_same_name_is_not_the_earlier_one_s() -> None:
    one, two = folded(of("a", recording("a")), of("a", summary(TurnTotals())), failed("a"))

    assert (one.error, two.error["exit_code"]) == ({}, 3)


def test_error_of_the_service_is_not_the_recording_s() -> None:
    said = {"session": 0, "session_offset_ms": 0, "error": "Session Cancelled"}

    assert folded(recording("a"), Record(WHEN, "Error", said))[0].error == {}


def test_revision_changes_the_turns_of_its_session() -> None:
    said = update("Hi.", words=[Word(text="Hi.", speaker="A")], speaker_label="A")
    contents = DocumentContents()
    contents.add(recording("a"))
    contents.add(turn_record(said, WHEN))

    def revise(session: int, speaker: str) -> bool:
        words = [{"text": "Hi.", "speaker": speaker}]
        revised = {"turn_order": 0, "speaker_label": speaker, "words": words}
        body = {"session": session, "session_offset_ms": 0, "revisions": [revised]}
        return contents.add(Record(WHEN, "SpeakerRevision", body))

    assert not revise(1, "B")
    assert contents.all[0].speakers == ["A"]
    assert revise(0, "B")
    assert contents.all[0].speakers == ["B"]
    assert not revise(0, "B")


def test_speakers_are_in_the_order_of_their_first_words() -> None:
    both = [Word(text="Hi", speaker="B"), Word(text="you", speaker="A")]
    (contents,) = folded(recording("a"), record("Hi you", words=both, speaker_label="B"))

    assert contents.speakers == ["B", "A"]


@pytest.mark.parametrize(
    ("type_name", "body"),
    [
        ("Mark", {}),
        ("Mark", {"at": "soon"}),
        ("Gap", {"start": 1}),
        ("SpeakerRevision", {"revisions": 3}),
        ("Applause", {"at": 1}),
        ("Overflow", {"at": 1}),
    ],
)
def test_record_that_says_nothing_of_use_changes_nothing(
    type_name: str, body: dict[str, Any]
) -> None:
    contents = DocumentContents()
    contents.add(recording("a"))

    assert not contents.add(Record(WHEN, type_name, body))


def test_record_before_any_recording_is_passed_over() -> None:
    assert folded(record("Hi."), summary(TurnTotals())) == []
