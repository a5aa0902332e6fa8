"""Real speech through the real recogniser, over a real socket."""

from itertools import pairwise

import numpy as np
import pytest
import soxr

from tests.emulator.official_sdk import SDK, of_kind, sdk_session
from tests.emulator.protocol_client import (
    TERMINATE,
    bare,
    meeting,
    meeting_lines,
    next_message,
    session,
    silence,
    talk,
    until_close,
)
from tests.program import LONG_DEADLINE_S
from transcribe_cli.emulator.engines.pcm_reader import PcmReader, decode_mulaw

FIRST_LINE_MS = 4700  # the first line and the pause after it
FIRST_LINE = bare(meeting_lines()[0])


def resampled(samples: bytes, rate_hz: int) -> bytes:
    """16 kHz samples at another rate."""
    heard = np.frombuffer(samples, "<i2")
    made: bytes = soxr.resample(heard, 16000, rate_hz).astype("<i2").tobytes()
    return made


def encode_mulaw(samples: bytes) -> bytes:
    """16-bit samples as G.711 mu-law: to each the code whose sample is nearest."""
    table = np.frombuffer(decode_mulaw(bytes(range(256))), "<i2")
    order = np.argsort(table, kind="stable")
    heard = np.frombuffer(samples, "<i2")
    place = np.searchsorted((table[order][1:].astype(int) + table[order][:-1]) / 2, heard)
    return bytes(order[place].astype(np.uint8))


@pytest.mark.long
def test_the_meeting_comes_out_word_for_word(sphinx: str) -> None:
    heard = talk(sphinx, meeting(), deadline_s=LONG_DEADLINE_S)
    assert heard.spoken == [bare(line) for line in meeting_lines()]
    assert (heard.code, heard.reason) == (1000, "Session Ended")
    assert [turn["turn_order"] for turn in heard.finals] == list(range(len(meeting_lines())))
    words = [word for turn in heard.finals for word in turn["words"]]
    assert all(a["start"] < a["end"] <= b["start"] for a, b in pairwise(words))
    # The session's clock holds over all turns: the last word ends before the last pause.
    assert 37_000 < words[-1]["end"] < 38_000
    assert all(0 < word["confidence"] <= 1 for word in words)
    termination = heard.messages[-1]
    assert termination["audio_duration_seconds"] == 39
    assert isinstance(termination["session_duration_seconds"], int)


def test_universal_streaming_turns_grow_and_end_twice_with_format_turns(sphinx: str) -> None:
    model = "universal-streaming-english"
    heard = talk(sphinx, meeting(0, FIRST_LINE_MS), speech_model=model, format_turns=True)
    *partials, raw, formatted, empty = heard.of_type("Turn")
    assert len(partials) > 5 and not any(turn["end_of_turn"] for turn in partials)
    assert raw["transcript"] == FIRST_LINE and not raw["turn_is_formatted"]
    assert formatted["transcript"] == FIRST_LINE.capitalize() + "."
    assert formatted["turn_order"] == raw["turn_order"] == 0
    assert empty["turn_order"] == 1 and empty["words"] == [] and empty["end_of_turn"]
    assert all(text.endswith('"type":"Turn"}') for text in heard.texts if '"Turn"' in text)


@pytest.mark.long
def test_language_detection_reports_english_with_a_confidence(sphinx: str) -> None:
    heard = talk(
        sphinx, meeting(0, FIRST_LINE_MS), speech_model="whisper-rt", language_detection="True"
    )
    *partials, final = heard.of_type("Turn")
    assert final["language_code"] == "en" and 0 < final["language_confidence"] <= 1
    assert partials and not any("language_code" in turn for turn in partials)
    assert final["utterance"] == FIRST_LINE.capitalize() + "."


@pytest.mark.parametrize(
    ("encoding", "rate_hz"), [("pcm_s16le", 48000), ("pcm_s16le", 44100), ("pcm_mulaw", 16000)]
)
@pytest.mark.long
def test_other_rates_and_encodings(sphinx: str, encoding: str, rate_hz: int) -> None:
    audio = resampled(meeting(0, FIRST_LINE_MS), rate_hz)
    if encoding == "pcm_mulaw":
        audio = encode_mulaw(audio)
    chunk_bytes = rate_hz // 10
    heard = talk(sphinx, audio, chunk_bytes, encoding=encoding, sample_rate=rate_hz)
    assert heard.spoken == [FIRST_LINE]
    assert 3400 < heard.finals[0]["words"][-1]["end"] < 3800


def test_terminate_in_mid_turn_flushes_the_turn(sphinx: str) -> None:
    heard = talk(sphinx, meeting(0, 2000))
    (said,) = heard.spoken
    assert said.startswith("good morning and")
    assert heard.messages[-2]["end_of_turn"] and heard.messages[-1]["type"] == "Termination"


@pytest.mark.long
def test_force_endpoint_ends_the_open_turn_and_loses_no_sound(sphinx: str) -> None:
    with session(sphinx) as connection:
        audio = meeting(0, FIRST_LINE_MS)
        for start in range(0, len(audio), 3200):
            if start == 3200 * 25:
                connection.send('{"type":"ForceEndpoint"}')
            connection.send(audio[start : start + 3200])
        connection.send(TERMINATE)
        heard = until_close(connection)
    assert len(heard.finals) == 2
    first, second = heard.finals
    assert first["words"][-1]["end"] <= 2500 <= second["words"][0]["start"] + 30
    assert "meeting" in second["utterance"]


@pytest.mark.long
def test_silence_has_no_turns(sphinx: str) -> None:
    heard = talk(sphinx, silence(3000), acknowledge_silence=True)
    assert heard.of_type("Turn") == [] and heard.of_type("SpeechStarted") == []
    assert [(m["start_ms"], m["end_ms"]) for m in heard.of_type("Silence")] == [
        (0, 1020),
        (1020, 2040),
    ]


@pytest.mark.long
def test_the_first_sound_of_a_session_is_not_lost(sphinx: str) -> None:
    """Speech from the very first sample on: there is no silence to start from."""
    heard = talk(sphinx, meeting(640, FIRST_LINE_MS))
    assert heard.spoken == [FIRST_LINE]


@pytest.mark.long
def test_configuration_can_be_updated_in_mid_session(sphinx: str) -> None:
    with session(sphinx, speech_model="whisper-rt") as connection:
        assert next_message(connection)["type"] == "Begin"
        connection.send('{"format_turns":true,"type":"UpdateConfiguration"}')
        audio = meeting(0, FIRST_LINE_MS)
        for start in range(0, len(audio), 3200):
            connection.send(audio[start : start + 3200])
        connection.send(TERMINATE)
        (final,) = until_close(connection).finals
    assert final["turn_is_formatted"] and final["transcript"] == FIRST_LINE.capitalize() + "."


def test_pieces_of_any_size_give_the_same_samples() -> None:
    rng = np.random.default_rng(1)
    samples = rng.integers(-9000, 9000, 48000).astype("<i2").tobytes()
    whole = PcmReader("pcm_s16le", 48000)
    expected = np.frombuffer(whole.read(samples) + whole.finish(), "<i2").astype(int)
    pieces = PcmReader("pcm_s16le", 48000)
    read = b"".join(pieces.read(samples[i : i + 4801]) for i in range(0, len(samples), 4801))
    made = np.frombuffer(read + pieces.finish(), "<i2").astype(int)
    assert len(made) == len(expected) == 16000
    assert abs(made - expected).max() <= 2  # the resampler rounds, and by chunks


@SDK
@pytest.mark.long
def test_the_official_sdk_talks_to_it(sphinx: str) -> None:
    audio = meeting(0, FIRST_LINE_MS)
    events = sdk_session(sphinx, audio, language_detection=True)
    assert of_kind("BeginEvent", events) == events[:1]
    (termination,) = of_kind("TerminationEvent", events[-1:])
    assert termination.audio_duration_seconds == 5
    turns = of_kind("TurnEvent", events)
    assert turns == events[1:-1]
    finals = [turn for turn in turns if turn.end_of_turn]
    assert [bare(turn.transcript) for turn in finals] == [FIRST_LINE]
    assert finals[0].language_code == "en"


@SDK
def test_the_official_sdk_sees_an_error(sphinx: str) -> None:
    events = sdk_session(sphinx, b"", keyterms_prompt=["a"] * 101)
    (error,) = of_kind("StreamingError", events)
    assert error.code == 3006 and "Max 100 items" in str(error)
