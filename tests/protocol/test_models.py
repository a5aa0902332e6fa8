"""What each model takes and costs, as the pages "Model selection" and "Models" say."""

import pytest

from transcribe_cli.protocol.models import (
    DEFAULT_MODEL,
    MODELS,
    REDIRECTS,
    Family,
    find_model,
    models_that_take,
)
from transcribe_cli.protocol.parameters import PARAMETERS, SPEECH_MODELS

NEWER = {"universal-3-5-pro", "universal-3-6-pro", "assemblyai-stt-3-7-realtime-agent"}
PRO = {"u3-rt-pro"} | NEWER
UNIVERSAL = {"universal-streaming-english", "universal-streaming-multilingual"}
KNOWN = PRO | UNIVERSAL | {"whisper-rt"}
"""Those that are compared with the pages here, whatever models come."""


def test_default_model_is_the_recommended_one() -> None:
    assert DEFAULT_MODEL == "u3-rt-pro"
    assert DEFAULT_MODEL in MODELS


def test_models_and_parameters_are_ones_that_the_service_knows() -> None:
    assert set(MODELS) | set(REDIRECTS) <= set(SPEECH_MODELS)
    assert not [name for model in MODELS.values() for name in model.takes - PARAMETERS.keys()]


@pytest.mark.parametrize(
    ("parameter", "models"),
    [
        ("keyterms_prompt", PRO | UNIVERSAL),
        ("prompt", PRO),
        ("language_code", {"u3-rt-pro"}),
        ("language_codes", NEWER),
        ("language_detection", PRO | {"universal-streaming-multilingual", "whisper-rt"}),
        ("format_turns", {"universal-streaming-english", "whisper-rt"}),
        ("speaker_labels", PRO | UNIVERSAL),
        ("end_of_turn_confidence_threshold", UNIVERSAL),
        ("voice_focus", NEWER),
        ("inactivity_timeout", KNOWN),
        ("min_turn_silence", KNOWN),
        ("language", set()),
    ],
)
def test_models_that_take_a_parameter(parameter: str, models: set[str]) -> None:
    assert KNOWN.intersection(models_that_take(parameter)) == models


def test_whisper_takes_no_language_no_key_terms_and_no_prompt() -> None:
    takes = MODELS["whisper-rt"].takes

    assert not takes & {"language", "language_code", "language_codes", "keyterms_prompt", "prompt"}


def test_pro_models_send_one_final_and_always_format() -> None:
    pro = {name for name, model in MODELS.items() if model.family is Family.PRO}

    assert pro & KNOWN == PRO
    assert all(MODELS[name].always_formats for name in pro)


def test_whisper_tags_what_is_no_speech_and_the_others_do_not() -> None:
    assert [name for name in KNOWN if MODELS[name].non_speech_tags] == ["whisper-rt"]
    assert len(MODELS["whisper-rt"].languages) == 100


def test_redirects_lead_to_rows_of_the_table_and_are_none_themselves() -> None:
    assert set(REDIRECTS.values()) <= set(MODELS)
    assert not set(REDIRECTS) & set(MODELS)
    assert find_model("u3-pro-rt") is MODELS["universal-3-5-pro"]
    assert find_model("universal-9") is None
