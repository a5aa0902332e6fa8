"""What a connection may ask for, checked before `Begin`, in the service's words."""

import pytest

from transcribe_cli.emulator.emulated_session import SessionTerms
from transcribe_cli.emulator.engine_settings import engine_settings_of
from transcribe_cli.emulator.parameter_checks import (
    DEFAULT_MODELS,
    AdmittedModels,
    parse_admitted_models,
)
from transcribe_cli.emulator.session_refused import SessionRefused
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import Family
from transcribe_cli.protocol.parameters import encode_query


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("sample_rate=16000", "Invalid 'speech_model': Field required"),
        ("speech_model=u3-rt-pro&sample_rate=7000", "must be at least 8,000 Hz"),
        ("speech_model=u3-rt-pro&encoding=flac", "'flac' is not a valid Encoding"),
        ("speech_model=u3-rt-pro&keyterms_prompt=a", "Value error, Invalid JSON array"),
        (
            "speech_model=universal-streaming-english&prompt=x",
            "Invalid 'prompt': Value error, prompt is only supported with the 'u3-rt-pro', ",
        ),
        ("speech_model=whisper-rt&prompt=x", "speech_model. Current speech_model: 'whisper-rt'"),
        ("speech_model=universal-streaming-english&agent_context=x", "Invalid 'agent_context'"),
        ("speech_model=whisper-rt&mode=balanced", "Invalid 'mode': Value error, mode is only"),
        (
            "speech_model=universal-3-6-pro&voice_focus_threshold=0.5",
            "Invalid 'voice_focus_threshold': Value error",
        ),
        (
            encode_query({"speech_model": "universal-3-6-pro", "language_codes": ["multi", "en"]}),
            "Invalid 'language_codes': Value error",
        ),
        (
            "speech_model=universal-3-6-pro&redact_pii_policies=nonsense",
            "Invalid 'redact_pii_policies.0': Input should be 'account_number', ",
        ),
    ],
)
def test_bad_parameters_are_refused_in_the_service_s_words(query: str, text: str) -> None:
    with pytest.raises(SessionRefused, match="User Input Validation Error: ") as e:
        DEFAULT_MODELS.read(query)
    assert e.value.code == 3006 and text in e.value.text


def test_what_belongs_together_is_let_in() -> None:
    query = encode_query({"speech_model": "universal-3-6-pro", "language_codes": ["multi"]})
    assert DEFAULT_MODELS.read(query)["language_codes"] == ["multi"]
    focus = "speech_model=universal-3-6-pro&voice_focus=near-field&voice_focus_threshold=0.5"
    assert DEFAULT_MODELS.read(focus)["voice_focus_threshold"] == 0.5
    assert DEFAULT_MODELS.read("speech_model=u3-rt-pro&agent_context=x")["agent_context"] == "x"


def test_a_model_that_the_service_lists_and_does_not_serve_fails_unless_it_is_let_in() -> None:
    assert not DEFAULT_MODELS.has_engine("u3-rt-agent") and DEFAULT_MODELS.has_engine("u3-rt-pro")
    assert parse_admitted_models(["u3-rt-agent=pro"], None).has_engine("u3-rt-agent")


def test_a_client_that_names_no_model_gets_the_default_one() -> None:
    models = parse_admitted_models([], "u3-rt-pro")
    assert models.read("speechModel=u3-rt-pro&sampleRate=16000") == {"speech_model": "u3-rt-pro"}
    assert models.read("speech_model=whisper-rt")["speech_model"] == "whisper-rt"


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("pro", Family.PRO),
        ("universal-streaming", Family.UNIVERSAL_STREAMING),
        ("whisper", Family.WHISPER),
    ],
)
def test_a_model_of_tomorrow_is_let_in_and_behaves_like_its_family(
    family: str, expected: Family
) -> None:
    models = parse_admitted_models([f"next={family}"], None)
    parameters = models.read("speech_model=next")
    settings = engine_settings_of(parameters, like=models.like("next"))
    assert (settings.model, settings.family) == ("next", expected)


@pytest.mark.parametrize("text", ["next", "next=", "=pro", "next=bert"])
def test_a_family_that_nobody_knows_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="--allow-model") as e:
        parse_admitted_models([text], None)
    assert "whisper" in e.value.hint


def test_a_default_model_must_be_let_in() -> None:
    with pytest.raises(UsageError, match="--default-model 'nxt'"):
        parse_admitted_models(["next=pro"], "nxt")
    assert parse_admitted_models(["next=pro"], "next").default == "next"


def test_names_that_the_service_lists_and_the_table_lacks_behave_like_the_newer_pro_models() -> (
    None
):
    assert AdmittedModels().like("universal-3-6") == "universal-3-6-pro"
    assert SessionTerms().like is None
