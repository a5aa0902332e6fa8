"""`docs/local-service.md` says what is emulated; the service is asked for each row."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.counting import speak
from tests.emulator import (
    test_counting,
    test_llm_gateway,
    test_parameter_effects,
    test_websocket_app,
)
from tests.emulator.protocol_client import next_message, session, silence, talk, until_close
from tests.program import ROOT, wait_until
from tests.testing import test_service
from tests.testing.test_faults_of_messages import token_status
from transcribe_cli.emulator.engine_settings import engine_settings_of
from transcribe_cli.emulator.parameter_checks import AdmittedModels
from transcribe_cli.protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from transcribe_cli.protocol.models import MODELS, models_that_take
from transcribe_cli.protocol.parameters import PARAMETERS, SECRET_PARAMETERS, Parameter
from transcribe_cli.testing.service import AssemblyAIService

PAGE = (ROOT / "docs" / "local-service.md").read_text(encoding="utf-8")
STATES = {"emulated", "approximated", "not emulated"}


def rows(heading: str) -> dict[str, str]:
    """What the table below a heading says, by its first column, without backquotes."""
    table = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]
    found = re.findall(r"^\| `?([^|`]+?)`? \| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    states = {name: state for name, state in found if name not in ("parameter", "what", "---")}
    assert len(states) == len(found) - 2  # each once, beside the two lines of the heading
    assert set(states.values()) <= STATES
    return states


def good(parameter: Parameter) -> str:
    """A value that the service takes."""
    special = {"token": None, "language_codes": '["en"]', "redact_pii_policies": "person_name"}
    if parameter.name in special:
        return special[parameter.name] or ""
    if parameter.choices:
        return parameter.choices[0]
    plain = {bool: "true", list: '["a"]', dict: '{"model":"m"}', str: "x", float: "0.5"}
    return plain.get(parameter.kind) or str(int(parameter.low or 1) or 1)


def bad(parameter: Parameter) -> str | None:
    """A value that it refuses; None where it takes any."""
    if parameter.choices or parameter.kind is not str:
        return "]nonsense"
    return "x" * (int(parameter.high) + 1) if parameter.high else None


def test_the_table_has_each_parameter_once() -> None:
    assert list(rows("Parameters")) == list(PARAMETERS) or set(rows("Parameters")) == set(
        PARAMETERS
    )


# Without these the parameters whose names begin so are refused, or without effect.
NEEDED = {
    "voice": {"voice_focus": "near-field"},
    "webhook": {"webhook_url": "ftp://nowhere"},  # not posted to
    "redact": {"redact_pii": "true"},
    "max": {"speaker_labels": "true"},
    "speaker": {"speaker_labels": "true"},
}


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {"token"}))
def test_a_parameter_is_as_the_table_says(service: AssemblyAIService, name: str) -> None:
    parameter = PARAMETERS[name]
    asked: dict[str, Any] = {"speech_model": (models_that_take(name) or ["u3-rt-pro"])[-1]}
    asked |= NEEDED.get(name.partition("_")[0], {})
    if name == "llm_gateway":
        service.answer_llm("an answer")  # else it is as for an account without access
    asked.setdefault(name, good(parameter))
    assert talk(service.url, **asked).messages[0]["type"] == "Begin"
    if (wrong := bad(parameter)) is not None:
        refused = talk(service.url, last=None, **asked | {name: wrong})
        assert refused.code == 3006 and f"Invalid '{name}" in refused.error
    told = service.control.ask("GET", "/sessions/0")
    assert (name in told["parameters"]) == (name not in SECRET_PARAMETERS)
    # What recognised speech alone shows is named by the fixture's engine, which counts.
    unused = rows("Parameters")[name] == "not emulated" or name in SETTINGS
    assert (name in told["without_effect"]) == unused


SAID = [{"say": "Damn, ann, call 555-123-4567 or a@b.org.", "speaker": "B"}]
PRO, US = "universal-3-6-pro", "universal-streaming-english"


class Effect(NamedTuple):
    """Something that changes what is heard: a value, and what else is asked, said and sent."""

    value: str
    model: str = PRO
    besides: Mapping[str, str] = MappingProxyType({})
    scenario: Sequence[Mapping[str, Any]] = ()
    audio: bytes = b""


EFFECTS = {
    "speech_model": Effect(US, audio=speak(2)),
    "sample_rate": Effect("8000", audio=speak(2)),
    "encoding": Effect("pcm_mulaw", audio=speak(2)),
    "format_turns": Effect("true", US, scenario=SAID),
    "min_turn_silence": Effect("2000", US, audio=speak(1) + silence(500) + speak(1)),
    "min_end_of_turn_silence_when_confident": Effect(
        "2000", US, audio=speak(1) + silence(500) + speak(1)
    ),
    "max_turn_silence": Effect("300", audio=speak(1) + silence(500) + speak(1)),
    "keyterms_prompt": Effect('["Ann"]', scenario=SAID),
    "language_detection": Effect("true", scenario=SAID),
    "filter_profanity": Effect("true", scenario=SAID),
    "speaker_labels": Effect("true", scenario=SAID),
    "max_speakers": Effect("1", besides={"speaker_labels": "true"}, audio=speak(5, first=10_001)),
    "redact_pii": Effect("true", scenario=SAID),
    "redact_pii_policies": Effect("email_address", besides={"redact_pii": "true"}, scenario=SAID),
    "redact_pii_sub": Effect("entity_name", besides={"redact_pii": "true"}, scenario=SAID),
    "include_partial_turns": Effect("false", audio=speak(2)),
    "mode": Effect("manual", audio=speak(7)),
}
# By the audio's clock, the service's, or another server.
_WEBHOOK = test_parameter_effects.test_final_turns_are_posted_after_the_session
PROVEN_BY: dict[str, Callable[..., object]] = {
    "token": test_websocket_app.test_a_temporary_token_opens_a_session_with_its_cap,
    "inactivity_timeout": test_service.test_a_silent_client_is_inactive_at_once,
    "speaker_labels_revision_interval_ms": (
        test_counting.test_speakers_are_revised_so_often_and_not_more_than_so_many
    ),
    "llm_gateway": test_llm_gateway.test_each_finished_turn_is_answered_and_the_last_text_serves,
    "webhook_url": _WEBHOOK,
    "webhook_auth_header_name": _WEBHOOK,
    "webhook_auth_header_value": _WEBHOOK,
}
SETTINGS = {
    "end_of_turn_confidence_threshold": ("0.9", US),
    "vad_threshold": ("0.9", PRO),
    "acknowledge_silence": ("true", PRO),
    "language_code": ("es", "u3-rt-pro"),
    "language_codes": ('["es"]', PRO),
}
"""Of recognised speech only: here they reach the engine, whose own tests show what it does."""


def test_what_is_emulated_is_proven() -> None:
    proven = {*EFFECTS, *PROVEN_BY, *SETTINGS, "session_heartbeat"}  # which `heartbeat` shows
    used = {name for name, state in rows("Parameters").items() if state != "not emulated"}
    assert proven == used


@pytest.mark.parametrize("name", EFFECTS)
def test_a_parameter_changes_what_is_heard(service: AssemblyAIService, name: str) -> None:
    effect = EFFECTS[name]
    if effect.scenario:
        service.play(effect.scenario)
    asked: dict[str, Any] = {"speech_model": effect.model, **effect.besides}

    def turns(**more: Any) -> list[dict[str, Any]]:
        heard = talk(service.url, effect.audio, **asked | more)
        assert heard.code == 1000, heard
        return heard.of_type("Turn")

    if name == "speech_model":
        asked["speech_model"] = "u3-rt-pro"
    assert turns(**{name: effect.value}) != turns()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_parameter_reaches_the_engine(name: str) -> None:
    value, model = SETTINGS[name]
    models = AdmittedModels()
    plain = engine_settings_of(models.read(f"speech_model={model}"))
    assert engine_settings_of(models.read(f"speech_model={model}&{name}={value}")) != plain


def heard_after(service: AssemblyAIService, *scenario: dict[str, Any]) -> list[str]:
    """The types that a session hears of a scenario."""
    service.play(scenario)
    return [message["type"] for message in talk(service.url, silence(100)).messages]


def played(kind: str) -> Callable[[AssemblyAIService], None]:
    def probe(service: AssemblyAIService) -> None:
        assert kind in heard_after(service, {"type": kind})

    return probe


def counted(kind: str) -> Callable[[AssemblyAIService], None]:
    def probe(service: AssemblyAIService) -> None:
        assert talk(service.url, speak(6)).of_type(kind)

    return probe


def audio(service: AssemblyAIService) -> None:
    assert talk(service.url, silence(1200), chunk_bytes=38400, last=None).code == 3007
    assert talk(service.url, silence(1020), chunk_bytes=32000).code == 1000


def terminate(service: AssemblyAIService) -> None:
    heard = talk(service.url, speak(2))
    assert heard.spoken == ["w1 w2"] and heard.messages[-1]["type"] == "Termination"
    assert (heard.code, heard.reason) == (1000, "Session Ended")


def update(service: AssemblyAIService) -> None:
    heard = talk(service.url, last='{"type":"UpdateConfiguration","max_turn_silence":"x"}')
    assert heard.code == 3006 and "Invalid 'max_turn_silence'" in heard.error


def force_endpoint(service: AssemblyAIService) -> None:
    with session(service.url) as connection:
        connection.send(speak(2))
        connection.send('{"type":"ForceEndpoint"}')
        while not next_message(connection).get("end_of_turn"):
            pass


def keep_alive(service: AssemblyAIService) -> None:
    with session(service.url, inactivity_timeout=60) as connection:
        next_message(connection)
        service.advance(50)
        connection.send('{"type":"KeepAlive"}')
        wait_until(lambda: service.control.ask("GET", "/sessions/last")["messages"])
        service.advance(50)
        service.advance(20)
        assert "due to inactivity" in until_close(connection).error


def begin(service: AssemblyAIService) -> None:
    first = talk(service.url).messages[0]
    assert first["configuration"]["model"] == "u3-rt-pro" and isinstance(first["expires_at"], int)


def error(service: AssemblyAIService) -> None:
    assert talk(service.url, speech_model=None).error.endswith("Field required")


def heartbeat(service: AssemblyAIService) -> None:
    with session(service.url, session_heartbeat=True) as connection:
        next_message(connection)
        service.advance(5)
        assert next_message(connection)["type"] == "Heartbeat"


def paths(service: AssemblyAIService) -> None:
    assert talk(f"{service.api_host}/calls/7").code == 1000
    for gone in ("ws", "token"):
        with pytest.raises(InvalidStatus, match="404"):
            talk(f"{service.api_host}/v2/realtime/{gone}")


def credentials(_: AssemblyAIService) -> None:
    with AssemblyAIService("--key", "swordfish", "--max-audio-rate", "1.25") as own:
        assert talk(own.url, last=None).code == 1008
        assert talk(own.url, key="swordfish").code == 1000
        fast = talk(own.url, silence(10_000), last=None, key="swordfish")
        assert "Audio Transmission Rate Exceeded" in fast.error


def token_endpoint(service: AssemblyAIService) -> None:
    assert token_status(service) == 200


def session_limit(service: AssemblyAIService) -> None:
    with session(service.url) as connection:
        next_message(connection)
        service.advance(10_800)
        assert until_close(connection).code == 3008


def concurrent(_: AssemblyAIService) -> None:
    with AssemblyAIService("--max-sessions", "1") as own, session(own.url) as connection:
        next_message(connection)
        assert "Too many concurrent sessions" in talk(own.url, last=None).error


def unlimited_rate(service: AssemblyAIService) -> None:
    assert talk(service.url, silence(60_000)).code == 1000


def message_size(service: AssemblyAIService) -> None:
    assert talk(service.url, bytes(140_000), 140_000, None, sample_rate=96000).code == 1009


def bad_json(service: AssemblyAIService) -> None:
    assert "Invalid JSON: Expecting property name" in talk(service.url, last="{not json").error


PROBES: dict[str, Callable[[AssemblyAIService], None]] = {
    "audio": audio,
    "Terminate": terminate,
    "UpdateConfiguration": update,
    "ForceEndpoint": force_endpoint,
    "KeepAlive": keep_alive,
    "Begin": begin,
    "SpeechStarted": counted("SpeechStarted"),
    "Turn": counted("Turn"),
    "Termination": counted("Termination"),
    "Error": error,
    "Warning": played("Warning"),
    "Heartbeat": heartbeat,
    "Silence": played("Silence"),
    "SpeakerRevision": played("SpeakerRevision"),
    "LLMGatewayResponse": played("LLMGatewayResponse"),
    "paths": paths,
    "credentials": credentials,
    "token endpoint": token_endpoint,
    "session limit": session_limit,
    "concurrent sessions": concurrent,
    "faster than real time": unlimited_rate,
    "message size": message_size,
    "bad JSON": bad_json,
}


def test_the_table_has_each_message() -> None:
    assert set(CLIENT_MESSAGES) | set(SERVER_MESSAGES) <= set(rows("Messages and limits"))


@pytest.mark.parametrize("name", rows("Messages and limits"))
def test_a_message_or_a_limit_is_as_the_table_says(service: AssemblyAIService, name: str) -> None:
    PROBES[name](service)


@pytest.mark.parametrize("model", MODELS)
def test_each_model_opens_a_session(service: AssemblyAIService, model: str) -> None:
    address = f"{service.url}?speech_model={model}"
    with connect(address, proxy=None) as connection:
        assert json.loads(connection.recv(10))["configuration"]["model"] == model
