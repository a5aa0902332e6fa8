"""Records: one JSON object a line."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from tests import recorded_messages as traces
from tests.outputs.run_records import told
from tests.outputs.turn_records import WHEN, record
from tests.transcript.turn_shorthand import decoded
from transcribe_cli.outputs.jsonl_records import (
    Record,
    encode_record,
    message_record,
    read_record,
    timestamp,
    turn_record,
)
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.turn_text import Utterances
from transcribe_cli.transcript.turns import Transcript


def read(made: Record, seq: int = 0) -> dict[str, Any]:
    line = encode_record(made, seq)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    loaded = json.loads(line)
    assert isinstance(loaded, dict)
    return loaded


def test_every_record_begins_with_the_same_four_fields() -> None:
    line = read(Record(WHEN, "Mark", {"at": 5}), 7)

    assert list(line.items()) == [
        ("v", 1),
        ("seq", 7),
        ("time", "2026-11-20T09:05:07.999Z"),
        ("type", "Mark"),
        ("at", 5),
    ]


def test_time_is_in_utc() -> None:
    when = datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=2)))

    assert timestamp(when) == "2025-12-31T23:00:00.000Z"


def test_turn_keeps_every_field_of_the_service_and_says_where_it_belongs() -> None:
    line = read(record("Hi.", words=[Word(5, 9, "Hi.", 0.5, True)], language_code="en"))

    assert line["type"] == "Turn"
    assert {k: line[k] for k in ("session", "session_offset_ms", "turn", "start", "end")} == {
        "session": 0,
        "session_offset_ms": 1000,
        "turn": 0,
        "start": 1005,
        "end": 1009,
    }
    assert line["final"] is True
    assert line["words"][0] == {
        "start": 1005,
        "end": 1009,
        "text": "Hi.",
        "confidence": 0.5,
        "word_is_final": True,
    }
    assert line["language_code"] == "en"
    assert line["end_of_turn"] is True


def test_other_messages_keep_unknown_fields() -> None:
    raw = {"type": "Applause", "volume": 11, "session": "theirs", "v": 2, "seq": 5, "time": 1}

    line = read(message_record("Applause", raw, 3, 500, WHEN))

    assert line["volume"] == 11
    assert (line["session"], line["session_offset_ms"]) == (3, 500)
    assert (line["v"], line["seq"], line["type"]) == (1, 0, "Applause")


def test_a_message_with_the_name_of_our_record_is_none() -> None:
    line = read(message_record("Gap", {"type": "Gap", "start": 0, "end": 3_600_000}, 0, 0, WHEN))

    assert (line["type"], line["message_type"], line["end"]) == ("Unknown", "Gap", 3_600_000)


def test_text_is_written_as_utf_8() -> None:
    assert "días 今".encode() in encode_record(record("días 今"), 0)


def test_name_that_is_no_text_does_not_end_the_run() -> None:
    line = read(
        Record(
            WHEN, "Recording", {"source": b"caf\xe9 \xc3\xa9.wav".decode(errors="surrogateescape")}
        )
    )

    assert line["source"] == "caf? é.wav"


def test_line_separators_within_a_text_stay_within_the_line() -> None:
    line = encode_record(record("a\r\nb"), 0)

    assert len(line.splitlines()) == 1


@given(st.dictionaries(st.text(max_size=5), st.text(st.characters(), max_size=9)))
def test_any_text_can_be_written(body: dict[str, str]) -> None:
    line = encode_record(Record(WHEN, "Mark", body), 0)

    assert line.count(b"\n") == 1
    json.loads(line.decode("utf-8"))


@pytest.mark.parametrize("name", traces.NAMES)
def test_record_that_is_read_back_is_the_record_that_was_written(name: str) -> None:
    for seq, made in enumerate(told(name)):
        line = encode_record(made, seq)
        again = read_record(json.loads(line))

        assert encode_record(again, seq) == line
        assert (again.type, again.body) == (made.type, made.body)
        if made.update is None or again.update is None:
            assert again.update is made.update
        else:
            assert asdict(again.update.message) == asdict(made.update.message)
            assert (again.update.turn, again.update.final) == (made.update.turn, made.update.final)


def test_a_turn_that_reads_as_its_utterance_has_it_is_read_back_so() -> None:
    transcript = Transcript()
    transcript.begin_session(0, 0, expects_formatted=False, utterances=Utterances.WHOLE_TURN)
    raw = Turn(transcript="buenos días", utterance="Buenos días.", end_of_turn=True)
    [update] = transcript.receive(0, decoded(raw), 0.0)
    line = read(turn_record(update, WHEN))

    assert (line["transcript"], line["formatted_transcript"]) == ("buenos días", "Buenos días.")
    again = read_record(line)
    assert again.update is not None
    assert asdict(again.update.message) == asdict(update.message)
    assert read(again) == line


def test_what_is_no_text_in_its_place_is_passed_over() -> None:
    line = read(record("hi")) | {"formatted_transcript": ["Hi."]}
    again = read_record(line)

    assert again.update is not None
    assert again.update.message.transcript == "hi"


@given(
    st.dictionaries(
        st.text(max_size=5).filter(lambda name: name not in ("v", "seq", "time", "type")),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    )
)
def test_whatever_was_written_is_written_again_the_same(body: dict[str, Any]) -> None:
    line = encode_record(Record(WHEN, "Applause", body), 3)

    assert encode_record(read_record(msgspec.json.decode(line)), 3) == line


def test_name_that_is_no_text_is_written_again_as_it_was_saved() -> None:
    odd = Record(WHEN, "Recording", {"source": "caf\udce9.wav", "parameters": {"x": 1e-05}})
    line = encode_record(odd, 0)

    assert encode_record(read_record(json.loads(line)), 0) == line


def test_turn_of_an_odd_journal_is_a_record_without_a_turn() -> None:
    line = {"v": 1, "seq": 0, "time": timestamp(WHEN), "type": "Turn", "final": True}

    assert read_record(line).update is None
