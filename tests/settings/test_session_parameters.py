"""What is asked of a session: sent, refused or remarked on, model by model."""

from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.endpoint import REGIONS
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.settings.option_types import Turns
from transcribe_cli.settings.session_parameters import parse_params, resolve_parameters

SERVICE = REGIONS["default"]
LOOPBACK = "ws://127.0.0.1:8765/v3/ws"
ASKED: dict[str, Any] = {
    "language_detection": True,
    "language_codes": ["es"],
    "keyterms_prompt": ["Harbor Point"],
    "prompt": "a meeting",
    "speaker_labels": True,
    "max_speakers": 2,
    "filter_profanity": True,
    "redact_pii": True,
    "redact_pii_policies": ["person_name"],
    "redact_pii_sub": "hash",
    "domain": "medical-v1",
    "voice_focus": "near-field",
    "mode": "balanced",
    "min_turn_silence": 0,
    "max_turn_silence": 900,
    "end_of_turn_confidence_threshold": 0.0,
    "vad_threshold": 0.5,
    "inactivity_timeout": 30,
}
NEEDS = {
    "max_speakers": {"speaker_labels": True},
    "redact_pii_policies": {"redact_pii": True},
    "redact_pii_sub": {"redact_pii": True},
}


def usage(call: Any, *arguments: Any, **named: Any) -> UsageError:
    with pytest.raises(UsageError) as refused:
        call(*arguments, **named)
    return refused.value


# Parameters.


@pytest.mark.parametrize("name", ASKED)
def test_option_is_sent_or_refused_with_the_models_that_take_it(name: str) -> None:
    asked: dict[str, Any] = {name: ASKED[name]} | NEEDS.get(name, {})
    for model in MODELS:
        takes = MODELS[model].takes
        if name in takes or (name == "language_codes" and "language_code" in takes):
            query = resolve_parameters(model, 16000, asked=asked).query
            sent = "language_code" if name == "language_codes" and name not in takes else name
            assert query[sent] == ("es" if sent == "language_code" else ASKED[name]), model
        else:
            refused = usage(resolve_parameters, model, 16000, asked=asked)
            assert refused.message.startswith(f"{model} does not take --")
            assert any(other in refused.hint for other in MODELS), model


def test_refusal_names_the_model_the_option_and_who_takes_it() -> None:
    refused = usage(resolve_parameters, "whisper-rt", 16000, asked={"language_codes": ["es"]})

    assert refused.message == "whisper-rt does not take --language-code."
    assert "u3-rt-pro" in refused.hint
    assert "--detect-language" in refused.hint


def test_what_was_not_asked_for_is_not_sent() -> None:
    asked: dict[str, Any] = {"prompt": None, "speaker_labels": False, "keyterms_prompt": []}

    assert resolve_parameters("whisper-rt", 8000, asked=asked).query == {
        "speech_model": "whisper-rt",
        "sample_rate": 8000,
        "format_turns": True,
    }


@pytest.mark.parametrize(
    ("model", "given", "sent", "notes"),
    [
        ("universal-streaming-english", None, True, 0),
        ("universal-streaming-english", False, False, 0),
        ("whisper-rt", True, True, 0),
        ("u3-rt-pro", None, None, 0),
        ("u3-rt-pro", True, None, 1),
        ("u3-rt-pro", False, None, 1),
        ("universal-streaming-multilingual", True, None, 1),
    ],
)
def test_formatting_is_asked_of_models_that_can_leave_it(
    model: str, given: bool | None, sent: bool | None, notes: int
) -> None:
    parameters = resolve_parameters(model, 16000, format_turns=given)

    assert parameters.query.get("format_turns") is sent
    assert len(parameters.notes) == notes


def test_unknown_model_is_sent_unchecked_with_one_note() -> None:
    parameters = resolve_parameters("universal-9", 16000, asked={"prompt": "x"})

    assert parameters.model is None
    assert parameters.query["speech_model"] == "universal-9"
    assert parameters.query["prompt"] == "x"
    assert len(parameters.notes) == 1
    assert "universal-9" in parameters.notes[0]


def test_one_language_is_sent_under_the_older_name() -> None:
    asked = {"language_codes": ["es"]}

    assert resolve_parameters("u3-rt-pro", 16000, asked=asked).query["language_code"] == "es"
    assert resolve_parameters("universal-3-5-pro", 16000, asked=asked).query["language_codes"] == [
        "es"
    ]


def test_model_of_one_language_refuses_two() -> None:
    refused = usage(resolve_parameters, "u3-rt-pro", 16000, asked={"language_codes": ["es", "en"]})

    assert "one --language-code" in refused.message


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"mode": "fast"}, "--mode does not know 'fast'"),
        ({"language_codes": ["xx"]}, "--language-code does not know 'xx'"),
        ({"keyterms_prompt": ["a"] * 101}, "--keyterm takes at most 100 items"),
        ({"prompt": "x" * 1751}, "--prompt takes at most 1750 characters"),
        ({"max_speakers": 2}, "--max-speakers needs --speaker-labels"),
        ({"redact_pii_sub": "hash"}, "need --redact-pii"),
    ],
)
def test_value_that_the_service_would_refuse_is_refused_here(
    asked: dict[str, Any], problem: str
) -> None:
    refused = usage(resolve_parameters, "universal-3-5-pro", 16000, asked=asked)

    assert problem in refused.message


@pytest.mark.parametrize(
    ("model", "turns", "sent"),
    [
        ("u3-rt-pro", "quick", {"mode": "min_latency"}),
        ("universal-3-6-pro", "patient", {"mode": "max_accuracy"}),
        (
            "universal-streaming-english",
            "quick",
            {
                "end_of_turn_confidence_threshold": 0.4,
                "min_turn_silence": 160,
                "max_turn_silence": 400,
            },
        ),
        (
            "universal-streaming-multilingual",
            "patient",
            {
                "end_of_turn_confidence_threshold": 0.7,
                "min_turn_silence": 800,
                "max_turn_silence": 3600,
            },
        ),
    ],
)
def test_a_preset_of_turns_is_the_official_values_of_the_model(
    model: str, turns: str, sent: dict[str, Any]
) -> None:
    query = resolve_parameters(model, 16000, turns=turns).query

    usual = {"speech_model", "sample_rate", "format_turns"}
    assert {name: value for name, value in query.items() if name not in usual} == sent


def test_what_is_said_beside_a_preset_wins() -> None:
    asked = {"min_turn_silence": 0, "max_turn_silence": None}
    query = resolve_parameters(
        "universal-streaming-english", 16000, turns="patient", asked=asked
    ).query

    assert (query["min_turn_silence"], query["max_turn_silence"]) == (0, 3600)


@pytest.mark.parametrize("model", ["whisper-rt", "universal-9"])
def test_a_preset_needs_official_values(model: str) -> None:
    refused = usage(resolve_parameters, model, 16000, turns="quick")

    assert model in refused.message
    assert "u3-rt-pro" in refused.hint and "--max-turn-silence" in refused.hint


def test_a_preset_and_a_mode_are_not_both_meant() -> None:
    refused = usage(resolve_parameters, "u3-rt-pro", 16000, turns="quick", asked={"mode": "x"})

    assert "--turns and --mode" in refused.message


def test_a_preset_that_speaker_labels_replace_is_told() -> None:
    asked = {"speaker_labels": True}

    assert resolve_parameters("universal-3-6-pro", 16000, turns="quick", asked=asked).notes == [
        "--turns has no effect with --speaker-labels on universal-3-6-pro"
    ]


@pytest.mark.parametrize("model", MODELS)
def test_every_preset_is_made_of_what_the_model_takes(model: str) -> None:
    row = MODELS[model]

    assert set(row.turns) in (set(), set(Turns))
    assert all(set(values) <= row.takes for values in row.turns.values())
    assert all(cancels.setting in row.takes for cancels in row.cancels)


def test_params_go_out_as_they_are_and_win() -> None:
    parameters = resolve_parameters(
        "whisper-rt", 16000, params=["language=en", "format_turns=FALSE", "x=a=b"]
    )

    assert parameters.query["language"] == "en"
    assert parameters.query["format_turns"] == "FALSE"
    assert parameters.query["x"] == "a=b"
    assert parameters.notes == ["--param x is not known; it is sent as it is"]


def test_a_param_that_resembles_a_known_one_is_a_note() -> None:
    parameters = resolve_parameters("whisper-rt", 16000, params=["keyterm_prompt=x"])

    assert parameters.query["keyterm_prompt"] == "x"
    assert parameters.notes == [
        "--param keyterm_prompt is not known; did you mean keyterms_prompt?"
    ]


def test_an_unknown_model_that_resembles_one_is_told_so() -> None:
    (note,) = resolve_parameters("whisper", 16000).notes

    assert "did you mean whisper-rt?" in note


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("zz", "see 'aai-stream languages'"),
        ("EN", "did you mean en?"),
        ("en-US", "did you mean en?"),
        ("spanish", "did you mean es?"),
        ("ja", "see 'aai-stream languages'"),  # of another model
        ("", "see 'aai-stream languages'"),
    ],
)
def test_a_language_that_the_model_does_not_know_is_refused(code: str, hint: str) -> None:
    refused = usage(resolve_parameters, "u3-rt-pro", 16000, asked={"language_codes": [code]})

    assert refused.message == f"--language-code does not know '{code}' for u3-rt-pro."
    assert refused.hint == hint


@pytest.mark.parametrize(("length", "notes"), [(50, 0), (51, 1)])
def test_a_key_term_that_is_longer_than_the_service_reads_is_a_note(
    length: int, notes: int
) -> None:
    asked = {"keyterms_prompt": ["x" * length]}

    assert len(resolve_parameters("u3-rt-pro", 16000, asked=asked).notes) == notes


def test_silences_that_contradict_each_other_are_a_note() -> None:
    asked = {"min_turn_silence": 900, "max_turn_silence": 400}

    (note,) = resolve_parameters("whisper-rt", 16000, asked=asked).notes
    assert "--min-turn-silence 900" in note


@pytest.mark.parametrize("text", ["", "x", "=1", " =1"])
def test_param_without_a_name_is_refused(text: str) -> None:
    assert "NAME=VALUE" in usage(parse_params, [text]).message


@pytest.mark.parametrize(
    "name",
    [
        *("token", " token ", "Token", "api_key", "webhook_auth_header_value"),
        *("webhook_auth_header_valu", "Webhook-Auth-Header-Value", "webhookAuthHeaderValue"),
    ],
)
def test_credential_is_no_param_and_is_not_repeated(name: str) -> None:
    refused = usage(parse_params, [f"{name}=abc"])

    assert "credential" in refused.message
    assert "abc" not in refused.message + refused.hint
