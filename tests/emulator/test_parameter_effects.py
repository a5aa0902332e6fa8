"""Profanity, redaction and webhooks: what is done to Turns, and what has no effect."""

import asyncio
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from msgspec.structs import replace

from tests.counting import speak
from tests.emulator.protocol_client import talk
from tests.emulator.test_emulated_session import opened
from tests.program import DEADLINE_S
from transcribe_cli.emulator.actions import send
from transcribe_cli.emulator.engine_settings import (
    SPEAKERS,
    EngineSettings,
    engine_settings_of,
    updated,
)
from transcribe_cli.emulator.hidden_secrets import without_secrets
from transcribe_cli.emulator.parameter_effects import (
    OF_ENDS,
    OF_SPEECH,
    OF_TURNS,
    WITHOUT_EFFECT,
    TurnEffects,
    unknown_names,
    unknown_parameters,
    unused_of_update,
    without_effect,
)
from transcribe_cli.emulator.webhook import Webhook
from transcribe_cli.protocol.messages import (
    Revision,
    SpeakerRevision,
    SpeechStarted,
    Turn,
    UpdateConfiguration,
    Word,
)
from transcribe_cli.testing.service import AssemblyAIService


def told(text: str, *, final: bool = True, **parameters: Any) -> dict[str, Any]:
    words = [Word(0, 100, word, 0.9, final) for word in text.split()]
    turn = Turn(0, True, final, text, 1.0, words, text if final else "")
    settings = engine_settings_of({"speech_model": "universal-3-6-pro"} | parameters)
    message: dict[str, Any] = json.loads(TurnEffects(parameters, settings).applied(send(turn).text))
    assert " ".join(word["text"] for word in message["words"]) == message["transcript"]
    return message


def test_profanity_becomes_stars_and_keeps_its_punctuation() -> None:
    message = told("Oh damn, that is Shit!", filter_profanity=True)
    assert message["transcript"] == message["utterance"] == "Oh ***, that is ***!"
    assert told("damn", final=False, filter_profanity=True)["transcript"] == "***"
    assert told("damn")["transcript"] == "damn"


def test_personal_data_is_hidden_in_finals() -> None:
    text = "Write to ann@example.com, or call 555-123-4567."
    assert told(text, redact_pii=True)["transcript"] == (
        "Write to ###############, or call ############."
    )
    assert told(text, redact_pii=True, redact_pii_sub="entity_name")["transcript"] == (
        "Write to [EMAIL_ADDRESS], or call [PHONE_NUMBER]."
    )
    only = told(text, redact_pii=True, redact_pii_policies=["phone_number"])
    assert "ann@example.com" in only["transcript"]
    assert told(text, final=False, redact_pii=True)["transcript"] == text


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("We use aws lambda.", "We use AWS Lambda."),
        ("We use le mur, here.", "We use LeMUR, here."),
        ("at harborpoint", "at Harbor Point"),
        ("harbor pointed lambdas", "harbor pointed lambdas"),
    ],
)
def test_a_term_is_written_as_it_was_given(said: str, written: str) -> None:
    terms = ["AWS Lambda", "LeMUR", "Harbor Point", "x" * 51, "..."]
    assert told(said, keyterms_prompt=terms)["transcript"] == written
    assert told(said, final=False, keyterms_prompt=terms)["transcript"] == written


def test_a_term_has_the_time_of_what_was_heard() -> None:
    words = [Word(0, 100, "le"), Word(120, 200, "mur"), Word(200, 300, "is")]
    frame = send(Turn(0, words=words, transcript="le mur is")).text
    settings = EngineSettings(keyterms=("LeMUR",))
    heard = json.loads(TurnEffects({}, settings).applied(frame))["words"]
    assert [(w["text"], w["start"], w["end"]) for w in heard] == [
        ("LeMUR", 0, 200),
        ("is", 200, 300),
    ]


def test_terms_change_in_mid_session() -> None:
    settings = engine_settings_of({"speech_model": "u3-rt-pro", "keyterms_prompt": ["AWS"]})
    assert updated(settings, UpdateConfiguration(keyterms_prompt=[])).keyterms == ()
    whisper = engine_settings_of({"speech_model": "whisper-rt", "keyterms_prompt": ["AWS"]})
    assert whisper.keyterms == ()  # it has none


def test_a_revision_is_redacted_like_its_turn() -> None:
    revision = Revision(0, "B", [Word(0, 100, "555-123-4567", speaker="B")])
    settings = engine_settings_of({"speech_model": "universal-3-6-pro"})
    effects = TurnEffects({"redact_pii": True}, settings)
    (told,) = json.loads(effects.applied(send(SpeakerRevision([revision])).text))["revisions"]
    assert told["words"][0]["text"] == "#" * 12


def test_what_is_no_turn_is_sent_as_it_stands() -> None:
    frame = send(SpeechStarted(5, 0.5)).text
    assert TurnEffects({"redact_pii": True}, EngineSettings()).applied(frame) == frame


def unused(idle: frozenset[str] = WITHOUT_EFFECT, **asked: Any) -> list[str]:
    asked = {"speech_model": "universal-3-6-pro"} | asked
    return without_effect(asked, engine_settings_of(asked), idle)


def test_what_has_no_effect_is_named() -> None:
    assert unused(prompt="x", speaker_labels=True, domain=None) == ["prompt"]
    assert unused(WITHOUT_EFFECT | SPEAKERS, prompt="x", speaker_labels=True) == [
        *("prompt", "speaker_labels"),
    ]
    assert unused(SPEAKERS, speaker_labels=False) == []


def test_what_a_model_has_not_got_is_named_too() -> None:
    assert unused(speech_model="whisper-rt", keyterms_prompt=["Ann"], speaker_labels=True) == [
        *("keyterms_prompt", "speaker_labels"),
    ]
    assert unused(format_turns=True) == ["format_turns"]
    assert unused(speech_model="universal-streaming-english", format_turns=True) == []


def test_what_needs_another_parameter_is_named_without_it() -> None:
    policies = ["phone_number"]
    assert unused(redact_pii_policies=policies, max_speakers=2) == [
        *("max_speakers", "redact_pii_policies"),
    ]
    assert unused(redact_pii=True, redact_pii_policies=policies) == []


def test_what_only_other_models_take_reaches_no_engine() -> None:
    pro = {"speech_model": "u3-rt-pro"}
    settings = engine_settings_of(pro | {"end_of_turn_confidence_threshold": 0.9})
    assert settings == engine_settings_of(pro)
    update = UpdateConfiguration(end_of_turn_confidence_threshold=0.9, vad_threshold=0.9)
    assert updated(settings, update) == replace(settings, vad_threshold=0.9)
    assert unused(end_of_turn_confidence_threshold=0.9) == ["end_of_turn_confidence_threshold"]


def test_what_an_update_does_not_change_is_named() -> None:
    update = {"type": "UpdateConfiguration", "max_turn_silence": 500, "format_turns": True}
    assert unused_of_update(update, EngineSettings()) == ["format_turns"]
    asked = {"prompt": "x", "agent_context": None, "sample_rate": 8000, "b\x1b": 1, "a": 2}
    assert unused_of_update(asked, EngineSettings()) == [
        *("prompt", "(no name)", "a", "sample_rate"),
    ]


def test_a_silence_ends_what_is_said_as_long_as_the_mode_is_manual() -> None:
    session = opened(speech_model="u3-rt-pro", mode="balanced")
    session.idle = OF_SPEECH | OF_ENDS
    updates: list[tuple[dict[str, Any], set[str]]] = [
        ({"mode": "manual", "max_turn_silence": 900}, set()),
        ({"max_turn_silence": 900, "vad_threshold": 0.5}, {"vad_threshold"}),
        ({"mode": "balanced", "max_turn_silence": 900}, {"vad_threshold", "max_turn_silence"}),
    ]
    for update, unused in updates:
        session.text(json.dumps({"type": "UpdateConfiguration"} | update), 101.0)
        assert session.unused == unused
    bare = OF_SPEECH | OF_ENDS | OF_TURNS  # sent as they stand, whatever the mode
    settings = replace(session.engine_settings, manual=True)
    assert without_effect({"max_turn_silence": 900}, settings, bare) == ["max_turn_silence"]


@pytest.mark.parametrize(
    ("model", "unused"),
    [
        ("universal-streaming-english", ["language_codes", "mode"]),
        ("u3-rt-pro", ["language_codes"]),
        ("universal-3-6-pro", []),
    ],
)
def test_what_the_model_has_not_got_changes_nothing_and_is_named(
    model: str, unused: list[str]
) -> None:
    settings = engine_settings_of({"speech_model": model})
    update = UpdateConfiguration(mode="manual", language_codes=["de"])
    fields = {"type": update.type, "mode": "manual", "language_codes": ["de"]}
    assert unused_of_update(fields, settings) == unused
    assert updated(settings, update).manual == ("mode" not in unused)
    codes = {"speech_model": model, "language_codes": ["de"]}
    for changed in (updated(settings, update), engine_settings_of(codes)):
        assert changed.language_codes == (() if "language_codes" in unused else ("de",))
    assert without_effect(codes, settings) == [n for n in unused if n in codes]


def test_of_unknown_names_only_the_first_are_told() -> None:
    assert len(unknown_names((f"n{n}" for n in range(10_000)), ())) == 10
    assert [len(name) for name in unknown_names(["x" * 10_000], ())] == [60]


@pytest.mark.parametrize("key", ["0123456789abcdef" * 2, "fedcba9876543210" * 2, "eyJhbGciOiJIUzI"])
@pytest.mark.parametrize("way", ["{}", "{}=", "{}==", "a=1&{}", "{}&a=1", "{}%3D", "-{}=1"])
def test_a_key_whose_name_was_forgotten_is_not_told(key: str, way: str) -> None:
    query = f"{way.format(key)}&speechModel=x&vad_threshold"
    assert set(unknown_parameters(query)) - {"a"} == {"(no name)", "speechModel"}


def test_a_model_without_redaction_hides_nothing() -> None:
    text = "Call 555-123-4567."
    assert told(text, speech_model="u3-rt-pro", redact_pii=True)["transcript"] == text
    assert engine_settings_of(
        {"speech_model": "u3-rt-pro", "redact_pii": True}
    ).include_partial_turns
    assert unused(speech_model="u3-rt-pro", redact_pii=True) == ["redact_pii"]


@pytest.fixture
def receiver() -> Iterator[tuple[str, "queue.Queue[tuple[str | None, Any]]", list[int]]]:
    """A web server that takes posts, answering with the given statuses and then with 204."""
    posts: queue.Queue[tuple[str | None, Any]] = queue.Queue()
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.put((self.headers["X-Secret"], json.loads(body)))
            self.send_response(statuses.pop(0) if statuses else 204)
            self.send_header("Location", f"http://localhost:{server.server_port}/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, name="test-webhook").start()
        yield f"http://127.0.0.1:{server.server_port}/hook", posts, statuses
        server.shutdown()


def test_final_turns_are_posted_after_the_session(
    receiver: tuple[str, "queue.Queue[tuple[str | None, Any]]", list[int]],
) -> None:
    url, posts, statuses = receiver
    statuses += [503]
    webhook: dict[str, Any] = {
        "webhook_url": url,
        "webhook_auth_header_name": "X-Secret",
        "webhook_auth_header_value": "swordfish",
    }
    with AssemblyAIService() as service:
        heard = talk(service.url, speak(7), **webhook)
        for _ in range(2):
            secret, posted = posts.get(timeout=DEADLINE_S)
            assert secret == "swordfish"
            assert posted["session_id"] == heard.messages[0]["id"]
            assert posted["messages"] == heard.finals and len(heard.finals) == 2
        (kept,) = service.wait_for(1)
    assert "webhook_auth_header_value" not in kept.parameters


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:8a/", "http://h/a b", "file:/x"])
def test_an_address_that_is_none_is_no_fault(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcribe_cli.emulator.webhook._ATTEMPTS", 1)
    assert asyncio.run(Webhook({"webhook_url": url}).post("id")) is False


@pytest.mark.parametrize(
    ("url", "logged"),
    [
        ("https://ann:pw@h:8/hook?key=x", "https://[secret]@h:8/hook?[secret]"),
        ("https://h/hook#x", "https://h/hook?[secret]"),
        ("ann:pw@h/hook", "[secret]@h/hook"),
        ("https://ann:p/w@h/hook", "[secret]"),
        ("https://ann:p?w@h/hook", "[secret]"),
        ("http://[::1]:80/hook", "http://[::1]:80/hook"),
        ("", ""),
    ],
)
def test_no_log_has_the_credentials_of_a_webhook_s_address(url: str, logged: str) -> None:
    assert without_secrets({"webhook_url": url}) == {"webhook_url": logged}


def test_a_redirect_does_not_take_the_secret_to_another_host(
    receiver: tuple[str, "queue.Queue[tuple[str | None, Any]]", list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transcribe_cli.emulator.webhook._ATTEMPTS", 1)
    url, posts, statuses = receiver
    statuses += [301]
    secret = {"webhook_auth_header_name": "X-Secret", "webhook_auth_header_value": "swordfish"}
    assert asyncio.run(Webhook({"webhook_url": url} | secret).post("id")) is False
    assert posts.get(timeout=DEADLINE_S)[0] == "swordfish"
    assert posts.empty()
