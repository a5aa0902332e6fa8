"""JSON: one object a recording."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.outputs.run_records import recording, summary
from tests.outputs.turn_records import WHEN, record
from tests.schema import examples
from transcribe_cli.outputs.document_contents import DocumentContents
from transcribe_cli.outputs.json_document import JsonEncoder
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.turn_text import single_blanks
from transcribe_cli.transcript.turn_totals import TurnTotals


def encoded(*records: Record, non_speech: bool = True, several: bool = False) -> bytes:
    contents = DocumentContents()
    for made in records:
        contents.add(made)
    return JsonEncoder(non_speech=non_speech, several=several).encode(contents.all)


def written(*records: Record, **options: bool) -> dict[str, Any]:
    made = json.loads(encoded(*records, **options))
    assert isinstance(made, dict)
    return made


def test_document_of_a_whole_run() -> None:
    words = [
        Word(start=200, end=500, text="Hi", confidence=0.25, speaker="A"),
        Word(start=500, end=900, text="you.", confidence=0.5, speaker="B"),
    ]
    made = written(
        recording("a.wav"),
        record("Hi you.", words=words, speaker_label="A", language_code="en"),
        Record(WHEN, "Mark", {"at": 5, "label": "x"}),
        Record(WHEN, "Gap", {"start": 1, "end": 2, "reason": "stopped"}),
        Record(WHEN, "Error", {"exit_code": 5, "message": "It went away.", "hint": ""}),
        summary(TurnTotals(), complete=False),
    )

    assert list(made) == [
        *["v", "recording", "turns", "words", "marks", "gaps", "error", "summary"]
    ]
    assert made["recording"]["source"] == "a.wav"
    assert made["recording"]["started"] == "2026-11-20T09:05:07.999Z"
    assert made["recording"]["parameters"]["speech_model"] == "whisper-rt"
    assert made["turns"] == [
        {
            "turn": 0,
            "start": 1200,
            "end": 1900,
            "text": "Hi you.",
            "speaker": "A",
            "language": "en",
            "language_confidence": None,
            "non_speech": False,
        }
    ]
    assert [list(word.values()) for word in made["words"]] == [
        [0, 1200, 1500, "Hi", "A", 0.25],
        [0, 1500, 1900, "you.", "B", 0.5],
    ]
    assert made["marks"] == [{"at": 5, "label": "x"}]
    assert made["gaps"] == [{"start": 1, "end": 2, "reason": "stopped"}]
    assert made["error"] == {"exit_code": 5, "message": "It went away.", "hint": ""}
    assert made["summary"]["complete"] is False
    assert "source" not in made["summary"]


def test_run_that_has_just_begun_is_whole_json() -> None:
    made = written(recording("a.wav"))

    assert (made["turns"], made["words"], made["summary"], made["error"]) == ([], [], None, None)


def test_example_of_the_documentation_has_the_fields_of_a_document() -> None:
    (example,) = map(json.loads, examples("documents.md"))
    words = [Word(text="Hi.", speaker="A")]
    made = written(
        recording("a.wav"),
        record("Hi.", words=words, speaker_label="A"),
        Record(WHEN, "Mark", {"at": 5, "label": "x"}),
    )

    assert list(made) == list(example)
    assert list(made["recording"]) == list(example["recording"])
    for name in ("turns", "words", "marks"):
        assert list(made[name][0]) == list(example[name][0])


def test_confidences_of_zero_throughout_mean_that_there_are_none() -> None:
    none = [Word(text="a"), Word(text="b")]
    some = [Word(text="a"), Word(text="b", confidence=0.1)]
    made = written(recording("a"), record("a b", words=none), record("a b", words=some))

    assert [word["confidence"] for word in made["words"]] == [None, None, 0.0, 0.1]


def test_tags_are_no_words_and_are_left_out_if_asked() -> None:
    said = [
        recording("a"),
        record(" silence", utterance="[ Silence]", words=[Word(text="silence")]),
    ]
    kept, left_out = written(*said), written(*said, non_speech=False)

    assert [(turn["text"], turn["non_speech"]) for turn in kept["turns"]] == [("[Silence]", True)]
    assert kept["words"] == left_out["turns"] == left_out["words"] == []


def test_turn_that_says_nothing_is_left_out() -> None:
    assert written(recording("a"), record(" "))["turns"] == []


def test_several_recordings_are_a_list_also_if_only_one_began() -> None:
    assert json.loads(encoded(several=True)) == []
    for count in (1, 2):
        records = [recording(f"{number}.wav") for number in range(count)]
        made = json.loads(encoded(*records, several=True))
        assert [one["recording"]["source"] for one in made] == ["0.wav", "1.wav"][:count]


def test_source_that_came_to_nothing_is_an_object_too() -> None:
    body = {"exit_code": 3, "message": "No audio.", "hint": "", "source": "a.wav"}
    (made,) = json.loads(encoded(Record(WHEN, "Error", body), several=True))

    assert made["recording"] == {"source": "a.wav", "started": None}
    assert made["error"]["message"] == "No audio."


def test_each_turn_and_each_word_is_a_line() -> None:
    said = record("Hi you.", words=[Word(text="Hi"), Word(text="you.")])
    lines = encoded(recording("a"), said).decode().splitlines()

    assert len([line for line in lines if line.startswith('{"turn":0')]) == 3


@example("\xa00", "", "")
@given(st.text(), st.text(), st.text(st.characters()))
def test_any_text_comes_back(said: str, speaker: str, name: str) -> None:
    # A file's name may hold bytes that are no text, a message of the service may not.
    made = written(recording(name), record(f"x{said}", speaker_label=speaker))

    assert made["recording"]["source"] == name.encode("utf-8", "replace").decode()
    assert made["turns"][0]["text"] == single_blanks(f"x{said}")
