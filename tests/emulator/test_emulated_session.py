"""The rules of a session, stepped by hand: no socket, no clock."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.emulator.actions import (
    Action,
    Close,
    Configure,
    EndTurn,
    Finish,
    Hear,
    Send,
    Wait,
)
from transcribe_cli.emulator.emulated_session import (
    EmulatedSession,
    SessionTerms,
)
from transcribe_cli.emulator.engine_settings import engine_settings_of, updated
from transcribe_cli.protocol.messages import UpdateConfiguration
from transcribe_cli.protocol.models import Family

SEE_ERROR = "See Error message for details"
CHUNK = bytes(1600)  # 50 ms


def opened(terms: SessionTerms | None = None, **parameters: object) -> EmulatedSession:
    asked = {"speech_model": "u3-rt-pro", "sample_rate": 16000} | parameters
    return EmulatedSession("id", asked, terms or SessionTerms(), now=100.0)


def said(action: Action) -> dict[str, Any]:
    assert isinstance(action, Send)
    message: dict[str, Any] = json.loads(action.text)
    return message


def refused(actions: object) -> tuple[int, str]:
    """The code and the text of an Error that is followed by its close."""
    assert isinstance(actions, list)
    error, wait, close = actions
    assert wait == Wait(180)  # ms, as the service
    message = said(error)
    assert message["type"] == "Error"
    assert close == Close(message["error_code"], SEE_ERROR, message["error"])
    return message["error_code"], message["error"]


def test_begin_tells_the_session_s_end_in_whole_unix_seconds() -> None:
    (begin,) = opened(speech_model="whisper-rt").begin(1_790_000_000.9)
    message = said(begin)
    assert message["expires_at"] == 1_790_010_800 and isinstance(message["expires_at"], int)
    assert message["configuration"]["model"] == "whisper-rt"
    assert message["configuration"]["mode"] is None
    assert isinstance(begin, Send) and begin.text.endswith('"type":"Begin"}')


def test_an_older_name_is_answered_with_the_model_that_runs() -> None:
    session = opened(speech_model="u3-pro-rt", mode="min_latency")
    configuration = said(session.begin(0)[0])["configuration"]
    assert configuration["model"] == session.engine_settings.model == "universal-3-5-pro"
    assert configuration["mode"] == "min_latency"


def test_a_redirected_session_is_without_what_the_other_model_does_not_take() -> None:
    terms = SessionTerms(redirects_to="universal-streaming-english")
    session = opened(terms, speech_model="u3-rt-pro", mode="min_latency", speaker_labels=True)
    configuration = said(session.begin(0)[0])["configuration"]
    assert configuration["model"] == "universal-streaming-english"
    assert (configuration["mode"], configuration["speaker_labels"]) == (None, True)
    assert session.engine_settings.family is Family.UNIVERSAL_STREAMING


@pytest.mark.parametrize("model", ["universal-3-6-pro", "assemblyai-stt-3-7-realtime-agent"])
def test_a_mode_sets_the_silences_of_the_newer_models(model: str) -> None:
    settings = opened(speech_model=model, mode="max_accuracy").engine_settings
    assert (settings.min_turn_silence_ms, settings.max_turn_silence_ms) == (512, 2560)


def test_a_token_s_cap_shortens_the_session() -> None:
    session = opened(SessionTerms(max_session_s=300))
    assert said(session.begin(1000)[0])["expires_at"] == 1300
    assert session.tick(399.9, 0) == []
    assert session.tick(400.0, 0) == [
        Close(3008, "Session Expired: Maximum session duration exceeded")
    ]
    assert session.closing


def test_chunks_are_counted_at_the_declared_rate_and_encoding() -> None:
    session = opened(encoding="pcm_mulaw", sample_rate=8000)
    assert session.audio(bytes(400), 100.1) == [Hear(bytes(400))]
    assert session.audio_s == 0.05


def test_a_chunk_over_a_second_is_refused_at_once() -> None:
    code, text = refused(opened().audio(bytes(38400), 100.1))
    assert code == 3007
    assert text == (
        "Input Duration Error: Input Duration Violation: 1200.0 ms. Expected between 50 and 1000 ms"
    )


def test_a_short_last_chunk_is_tolerated_and_three_in_a_row_are_not() -> None:
    session = opened()
    for _ in range(5):
        assert session.audio(CHUNK, 100) == [Hear(CHUNK)]
        assert session.audio(bytes(640), 100) == [Hear(bytes(640))]
    session.audio(bytes(640), 100)
    code, text = refused(session.audio(bytes(640), 100))
    assert code == 3007 and "20.0 ms" in text


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("{not json", "Invalid JSON"),
        ("[]", "Invalid Message: '[]'"),
        ('{"type":"Bogus"}', "Invalid Message Type: Bogus"),
        ('{"type":"UpdateConfiguration","min_turn_silence":"x"}', "User Input Validation Error"),
        (
            json.dumps({"type": "UpdateConfiguration", "prompt": "x" * 1800}),
            "User Input Validation Error: Invalid 'prompt': Value error, prompt exceeds maximum "
            "length of 1750 characters (got 1800)",
        ),
    ],
)
def test_a_bad_message_closes_the_session_with_3006(frame: str, text: str) -> None:
    session = opened()
    code, said_text = refused(session.text(frame, 100))
    assert code == 3006 and text in said_text
    assert session.audio(CHUNK, 101) == [] and session.tick(99999, 0) == []


def test_client_messages_become_orders() -> None:
    session = opened()
    assert session.text('{"type":"KeepAlive"}', 100) == []
    assert session.text('{"type":"ForceEndpoint"}', 100) == [EndTurn()]
    assert session.text('{"type":"Terminate"}', 100) == [Finish()]
    assert session.audio(CHUNK, 100) == [] and session.text("{", 100) == []


def test_update_configuration_changes_what_it_names() -> None:
    session = opened(speech_model="universal-streaming-english")
    update = {"type": "UpdateConfiguration", "min_turn_silence": 160, "format_turns": True}
    (order,) = session.text(json.dumps(update | {"keyterms_prompt": [], "prompt": ""}), 100)
    assert isinstance(order, Configure)
    assert order.settings.min_turn_silence_ms == 160 and order.settings.format_turns
    assert order.settings.max_turn_silence_ms == 1280


def test_inactivity_is_an_error_unless_something_came_or_we_did_not_read() -> None:
    session = opened(inactivity_timeout=5)
    session.text('{"type":"KeepAlive"}', 103)
    session.was_held_up(104)
    assert session.next_tick() == 109 and session.tick(108.9, 0) == []
    code, text = refused(session.tick(109, 0))
    assert code == 3006
    assert text == ("Session terminated due to inactivity: No messages received for 5 seconds")


def test_heartbeats_come_every_five_seconds() -> None:
    session = opened(session_heartbeat=True)
    for _ in range(20):
        session.audio(bytes(16000), 101)
    assert session.tick(104.9, 0) == []
    (beat,) = session.tick(105, 0.9)
    assert said(beat) == {
        "total_audio_received_ms": 10000,
        "total_duration_ms": 5000,
        "realtime_factor": 2.0,
        "max_speech_probability": 0.9,
        "type": "Heartbeat",
    }
    assert session.tick(105.1, 0) == [] and session.next_tick() == 110


def test_termination_has_whole_seconds_and_is_followed_by_a_normal_close() -> None:
    session = opened()
    for _ in range(3):
        session.audio(bytes(32000), 100.2)
    session.audio(bytes(19200), 100.2)
    termination, close = session.finished(107.3)
    assert isinstance(termination, Send) and termination.text == (
        '{"audio_duration_seconds":4,"session_duration_seconds":8,"type":"Termination"}'
    )
    assert close == Close(1000, "Session Ended")
    assert session.finished(108) == []


def test_an_engine_that_failed_says_why_and_the_service_itself_does_not() -> None:
    assert refused(opened().failed()) == (3005, "Session Cancelled: An error occurred")
    assert refused(opened().failed("no model")) == (
        3005,
        "Session Cancelled: The engine failed: no model",
    )


def test_audio_faster_than_asked_for_is_refused() -> None:
    session = opened(SessionTerms(max_audio_rate=1.25))
    for _ in range(2):
        assert session.audio(bytes(32000), 100.0) == [Hear(bytes(32000))]
    code, text = refused(session.audio(bytes(32000), 100.5))
    assert code == 3007
    assert text == "Audio Transmission Rate Exceeded: Received 3.00 sec. audio in 0.50 sec"


def test_a_language_that_is_expected_asks_for_an_engine_of_several() -> None:
    german = engine_settings_of({"speech_model": "universal-3-5-pro", "language_codes": ["de"]})
    assert german.is_multilingual
    assert not updated(german, UpdateConfiguration(language_codes=[])).is_multilingual
    english = engine_settings_of({"speech_model": "u3-rt-pro", "language_code": "en"})
    assert english.language_codes == ("en",)
    assert not english.is_multilingual


def test_each_model_has_its_own_silences() -> None:
    def silences(**parameters: object) -> tuple[int, int]:
        settings = engine_settings_of(parameters)
        return settings.min_turn_silence_ms, settings.max_turn_silence_ms

    assert silences(speech_model="u3-rt-pro") == (100, 1000)
    assert silences(speech_model="universal-streaming-english") == (400, 1280)
    assert silences(speech_model="whisper-rt") == (400, 1280)
    assert silences(speech_model="universal-3-5-pro", mode="max_accuracy") == (512, 2560)
    assert silences(speech_model="u3-rt-pro", min_turn_silence=1) == (50, 1000)
    unlisted = engine_settings_of({"speech_model": "universal-3-6"})
    assert unlisted.family is Family.PRO and unlisted.model == "universal-3-6"


@given(st.lists(st.one_of(st.binary(max_size=40000), st.text(max_size=20)), max_size=30))
def test_whatever_a_client_sends_the_session_closes_at_most_once(frames: list[bytes | str]) -> None:
    session = opened()
    closes = 0
    for now, frame in enumerate(frames, start=100):
        if isinstance(frame, bytes):
            actions = session.audio(frame, now)
        else:
            actions = session.text(frame, now)
        closes += sum(isinstance(action, Close) for action in actions)
    closes += sum(isinstance(action, Close) for action in session.finished(1000))
    assert closes == 1
