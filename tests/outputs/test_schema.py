"""The schema, the examples beside it, and what this program makes of what services say."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests import recorded_messages as traces
from tests.outputs.run_records import told
from tests.schema import SCHEMA, TYPES, examples, held_to_schema, undescribed
from transcribe_cli.outputs.jsonl_records import OUR_TYPES, encode_record
from transcribe_cli.protocol.messages import SERVER_MESSAGES

EXAMPLES = [json.loads(line) for block in examples("jsonl.md") for line in block.splitlines()]


def test_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_each_example_is_as_described(example: dict[str, Any]) -> None:
    held_to_schema(example)

    assert undescribed(example) == set()


def test_each_type_has_an_example() -> None:
    assert {example["type"] for example in EXAMPLES} == set(TYPES)


def test_each_message_of_the_service_is_described() -> None:
    assert SERVER_MESSAGES.keys() <= set(TYPES)


def test_all_others_are_ours() -> None:
    assert set(TYPES) - SERVER_MESSAGES.keys() == OUR_TYPES


def test_each_described_field_is_in_an_example() -> None:
    shown = {(example["type"], name) for example in EXAMPLES for name in example}
    rare = {("Turn", "speaker_label"), ("Turn", "speaker_confidence"), ("Begin", "configuration")}
    rare |= {("Turn", "formatted_transcript"), ("Recording", "engine")}
    rare |= {("Turn", "channel"), ("Turn", "channel_name"), ("Recording", "channels")}
    described = {
        (name, field)
        for name in TYPES
        for part in (SCHEMA["$defs"][name], *_branches(SCHEMA["$defs"][name]))
        for field in part.get("properties", ())
    }

    assert described - shown == rare


def _branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [schema[branch] for branch in ("then", "else") if branch in schema]


@pytest.mark.parametrize("name", traces.NAMES)
def test_records_of_what_services_say_are_as_described(name: str) -> None:
    for seq, record in enumerate(told(name)):
        held_to_schema(json.loads(encode_record(record, seq)))


def test_types_and_fields_of_later_versions_are_allowed() -> None:
    held_to_schema(EXAMPLES[0] | {"type": "Applause", "volume": 11})
    held_to_schema(EXAMPLES[0] | {"volume": 11})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_record_without_what_it_is_for_is_refused(example: dict[str, Any]) -> None:
    head = {name: example[name] for name in ("v", "seq", "time", "type")}

    with pytest.raises(AssertionError):
        held_to_schema(head)
    for name in head:
        with pytest.raises(AssertionError):
            held_to_schema({key: value for key, value in example.items() if key != name})


@pytest.mark.parametrize(
    "wrong",
    [
        {"v": 2},
        {"seq": -1},
        {"time": "2026-11-20T20:18:38Z"},
        {"time": "2026-11-20T20:18:38.301+01:00"},
        {"session": "0"},
    ],
)
def test_odd_value_is_refused(wrong: dict[str, Any]) -> None:
    (begin,) = [example for example in EXAMPLES if example["type"] == "Begin"]

    with pytest.raises(AssertionError):
        held_to_schema(begin | wrong)
