"""Times of a session become times of the recording."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded_messages import NAMES, read_trace
from transcribe_cli.protocol.codec import decode_server_message
from transcribe_cli.transcript.recording_clock import to_recording_clock


def shifted(message: dict[str, Any], offset_ms: int = 1000) -> Any:
    return to_recording_clock(decode_server_message(json.dumps(message)), offset_ms)


def test_words_of_a_turn_are_moved() -> None:
    moved = shifted(
        {"type": "Turn", "turn_order": 0, "words": [{"start": 5, "end": 9, "text": "a"}]}
    )

    assert (moved.message.words[0].start, moved.message.words[0].end) == (1005, 1009)
    assert moved.raw["words"] == [{"start": 1005, "end": 1009, "text": "a"}]


def test_speech_started_is_moved() -> None:
    moved = shifted({"type": "SpeechStarted", "timestamp": 5})

    assert moved.message.timestamp == moved.raw["timestamp"] == 1005


def test_silence_is_moved() -> None:
    moved = shifted({"type": "Silence", "start_ms": 1, "end_ms": 2})

    assert (moved.message.start_ms, moved.message.end_ms) == (1001, 1002)
    assert (moved.raw["start_ms"], moved.raw["end_ms"]) == (1001, 1002)


def test_words_of_a_speaker_revision_are_moved() -> None:
    revision = {"turn_order": 1, "words": [{"start": 5, "end": 9}]}

    moved = shifted({"type": "SpeakerRevision", "revisions": [revision]})

    assert moved.message.revisions[0].words[0].end == 1009
    assert moved.raw["revisions"][0]["words"] == [{"start": 1005, "end": 1009}]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "Heartbeat", "total_duration_ms": 5, "total_audio_received_ms": 6},
        {"type": "Termination", "audio_duration_seconds": 1, "session_duration_seconds": 2},
        {"type": "Begin", "id": "a", "expires_at": 5},
    ],
)
def test_durations_are_no_times(message: dict[str, Any]) -> None:
    assert shifted(message).raw == message


def test_odd_times_stay_as_they_are() -> None:
    words = [{"start": "5", "end": None}, 7, {"start": True, "end": 1.5}]

    moved = shifted({"type": "Turn", "words": words, "timestamp": [1]})

    assert moved.raw["words"] == [{"start": "5", "end": None}, 7, {"start": True, "end": 1001.5}]
    assert moved.raw["timestamp"] == [1]


def test_odd_lists_stay_as_they_are() -> None:
    message = {"type": "SpeakerRevision", "revisions": [5, {"words": "x"}], "words": 7}

    assert shifted(message).raw == message


def test_first_session_s_messages_are_not_copied() -> None:
    decoded = decode_server_message('{"type":"SpeechStarted","timestamp":5}')

    assert to_recording_clock(decoded, 0) is decoded


@pytest.mark.parametrize("name", NAMES)
def test_the_argument_is_left_as_it_was(name: str) -> None:
    for line in read_trace(name):
        decoded = decode_server_message(line)
        before = copy.deepcopy(decoded)

        to_recording_clock(decoded, 12345)

        assert decoded == before


@given(st.sampled_from(NAMES), st.integers(0, 10**9))
def test_offset_can_be_taken_off_again(name: str, offset_ms: int) -> None:
    for line in read_trace(name):
        decoded = decode_server_message(line)
        assert to_recording_clock(to_recording_clock(decoded, offset_ms), -offset_ms) == decoded
