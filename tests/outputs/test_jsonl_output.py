"""JSON Lines on a stream."""

import io
import json
from typing import Any

import pytest

from tests.outputs.turn_records import WHEN, record
from transcribe_cli.outputs.jsonl_output import JsonlOutput
from transcribe_cli.outputs.jsonl_records import Record


def lines_of(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_records_are_numbered_from_zero() -> None:
    stream = io.BytesIO()
    output = JsonlOutput(stream, "x")
    for _ in range(3):
        output.write(Record(WHEN, "Mark", {}))

    assert [line["seq"] for line in lines_of(stream)] == [0, 1, 2]


def test_partials_can_be_left_out_without_a_gap_in_the_numbers() -> None:
    stream = io.BytesIO()
    output = JsonlOutput(stream, "x", partials=False)
    output.write(record("h", final=False))
    output.write(Record(WHEN, "Mark", {}))
    output.write(record("Hi."))

    assert [(line["seq"], line["type"]) for line in lines_of(stream)] == [(0, "Mark"), (1, "Turn")]


def test_partials_are_written_by_default() -> None:
    stream = io.BytesIO()
    JsonlOutput(stream, "x").write(record("h", final=False))

    assert [line["final"] for line in lines_of(stream)] == [False]


def test_every_line_is_flushed_at_once() -> None:
    raw = io.BytesIO()
    output = JsonlOutput(io.BufferedWriter(raw), "x")
    output.write(Record(WHEN, "Mark", {}))

    assert raw.getvalue().endswith(b"\n")
    output.close()


@pytest.mark.parametrize("owned", [True, False])
def test_only_a_stream_of_its_own_is_closed(owned: bool) -> None:
    stream = io.BytesIO()
    output = JsonlOutput(stream, "x", owned=owned)
    output.close()
    output.close()

    assert stream.closed is owned
