"""A journal read back: odd lines cost nothing but themselves, and memory is bounded."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from transcribe_cli.recordings.journal import (
    MOST_LINE_BYTES,
    NO_AUDIO,
    journal_records,
    read_journal,
    summarize,
    whole_lines,
    without_closing_records,
)

TIME = "2026-11-01T12:00:00.000Z"
START: dict[str, Any] = {
    "time": TIME,
    "type": "Recording",
    "source": "talk.wav",
    "kind": "file",
    "audio": {"sample_rate": 16000, "channels": 1},
    "parameters": {},
}
TURN: dict[str, Any] = {
    "time": TIME,
    "type": "Turn",
    "session": 0,
    "session_offset_ms": 0,
    "turn": 0,
    "start": 0,
    "end": 100,
    "final": True,
    "turn_order": 0,
    "end_of_turn": True,
    "transcript": "w1",
    "words": [{"text": "w1", "start": 0, "end": 60}],
}


def begin(session: int, time: str) -> dict[str, Any]:
    return {"time": time, "type": "Begin", "session": session}


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":1,"type":"Turn","transcript":"caf\xe9"}',
        b"[" * 100_000,
        b"\0" * 5000,
        b'{"type":"Summary","audio_s":NaN}',
        b'{"type":"Summary","audio_s":1e999}',
        b'{"type":7}',
        b"\r\r",
    ],
)
def test_a_line_that_is_no_record_is_passed_over(tmp_path: Path, line: bytes) -> None:
    journal = tmp_path / "journal.jsonl"
    whole = json.dumps(START).encode()
    journal.write_bytes(line + b"\n" + whole + b"\n" + line)
    assert read_journal(journal) == [START]
    assert whole_lines(journal) == [whole]


def test_a_line_without_an_end_is_not_held_in_memory(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    with journal.open("wb") as file:
        file.write(json.dumps(START).encode() + b"\n")
        file.truncate(10 * MOST_LINE_BYTES)
        file.seek(10 * MOST_LINE_BYTES)
        file.write(b"\n" + json.dumps(TURN).encode() + b"\n")
    tracemalloc.start()
    try:
        summary = summarize(journal_records(journal))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(summary.finals) == 1
    assert peak < 4 * MOST_LINE_BYTES


@pytest.mark.parametrize(
    ("record", "odd"),
    [
        (START, {"time": "2026-11-01T12:00:00"}),
        (START, {"time": "0001-01-01T00:00:00Z"}),
        (START, {"time": "9999-12-31T23:59:59-14:00"}),
        (START, {"audio": {"sample_rate": 16000, "channels": 10**9}}),
        (START, {"audio": {"sample_rate": 1, "channels": 1}}),
        (START, {"excerpt": {"start": -1}}),
        (TURN, {"start": 10**30}),
        (TURN, {"turn": -1}),
        ({"time": TIME, "type": "Summary"}, {"audio_s": 1e308}),
        ({"time": TIME, "type": "Gap", "start": 0, "end": 9}, {"end": "9"}),
    ],
)
def test_a_record_that_nobody_can_reckon_with_is_told(
    record: dict[str, Any], odd: dict[str, Any]
) -> None:
    assert not summarize([START, record]).problem
    assert summarize([START, record | odd]).problem.startswith("record 2 of its journal is odd: ")


def test_a_time_of_before_the_recording_is_no_place_to_go_on_from() -> None:
    assert summarize([START, TURN | {"start": -500, "end": -400}]).finished_ms == 0


def test_a_session_is_billed_as_its_termination_says_or_up_to_its_last_record() -> None:
    ended = {"time": TIME, "type": "Termination", "session": 0, "session_duration_seconds": 7}
    summary = summarize(
        [
            START,
            begin(0, TIME),
            ended,
            begin(1, "2026-11-01T12:00:10.000Z"),
            {"time": "2026-11-01T12:00:12.500Z", "type": "Error", "session": 1},
        ]
    )
    assert (summary.session_s, summary.next_session) == (9.5, 2)


def test_sessions_are_counted_also_where_their_numbers_have_gaps() -> None:
    """As where each channel of the audio has sessions of its own, whose numbers take turns."""
    summary = summarize([START, *(begin(number, TIME) for number in (0, 1, 2, 4, 6))])
    assert (summary.sessions, summary.next_session) == (5, 7)


def test_a_length_that_no_session_has_does_not_count() -> None:
    odd = {"time": TIME, "type": "Termination", "session": 0, "session_duration_seconds": 1e308}
    assert summarize([START, begin(0, TIME), odd]).session_s == 0.0


def test_gap_in_the_middle_stays_when_a_recording_is_resumed() -> None:
    """Its source gave no audio there; one at the end is what is to be transcribed."""
    cut, unheard = (
        {"time": TIME, "type": "Gap", "start": at, "end": at + 50, "reason": reason}
        for at, reason in ((100, "its server ended it"), (900, "stopped"))
    )
    gone = {"time": TIME, "type": "Gap", "start": 700, "end": 900, "reason": NO_AUDIO}
    records = [START, cut, TURN, gone, unheard, {"time": TIME, "type": "Summary"}]

    assert without_closing_records(records) == [START, cut, TURN, gone]
    assert summarize(records).gaps == [(100, 150), (700, 900)]
