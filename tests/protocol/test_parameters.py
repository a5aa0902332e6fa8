"""Query parameters are written and read as the service and the official SDKs do."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.protocol.parameters import (
    PARAMETERS,
    SECRET_PARAMETERS,
    SPEECH_MODELS,
    BadParameter,
    Parameter,
    decode_query,
    encode_query,
)

PYTHON_SDK = (
    "wss://streaming.assemblyai.com/v3/ws?min_turn_silence=100&max_turn_silence=1000"
    "&vad_threshold=0.3&format_turns=True&keyterms_prompt=%5B%22Harbor+Point%22%2C+%22na%5Cu00efve"
    "%22%5D&prompt=a+b&sample_rate=16000&encoding=pcm_s16le&speech_model=u3-rt-pro"
    "&language_detection=True&domain=medical-v1&llm_gateway=%7B%22model%22%3A+%22m%22%2C+%22messag"
    "es%22%3A+%5B%7B%22role%22%3A+%22user%22%2C+%22content%22%3A+%22x+%7B%7Bturn%7D%7D%22%7D%5D%2C"
    "+%22max_tokens%22%3A+20%7D&speaker_labels=False&max_speakers=2&voice_focus=near-field"
    "&redact_pii=True&redact_pii_policies=%5B%22person_name%22%2C+%22phone_number%22%5D"
    "&redact_pii_sub=entity_name&mode=balanced"
)
JS_SDK = (
    "wss://streaming.assemblyai.com/v3/ws?token=T&sample_rate=16000&min_turn_silence=100"
    "&max_turn_silence=1000&vad_threshold=0.3&format_turns=true&encoding=pcm_s16le&keyterms_prompt="
    "%5B%22Harbor+Point%22%2C%22na%C3%AFve%22%5D&prompt=a+b&speech_model=u3-rt-pro"
    "&language_detection=true&domain=medical-v1&speaker_labels=false&max_speakers=2"
    "&voice_focus=near-field&redact_pii=true&redact_pii_policies=%5B%22person_name%22%2C"
    "%22phone_number%22%5D&redact_pii_sub=entity_name&mode=balanced&llm_gateway=%7B%22model%22%3A"
    "%22m%22%2C%22messages%22%3A%5B%7B%22role%22%3A%22user%22%2C%22content%22%3A%22x+%7B%7Bturn%7D"
    "%7D%22%7D%5D%2C%22max_tokens%22%3A20%7D"
)
SETTINGS: dict[str, Any] = {
    "sample_rate": 16000,
    "speech_model": "u3-rt-pro",
    "encoding": "pcm_s16le",
    "min_turn_silence": 100,
    "max_turn_silence": 1000,
    "vad_threshold": 0.3,
    "format_turns": True,
    "keyterms_prompt": ["Harbor Point", "naïve"],
    "prompt": "a b",
    "language_detection": True,
    "domain": "medical-v1",
    "llm_gateway": {
        "model": "m",
        "messages": [{"role": "user", "content": "x {{turn}}"}],
        "max_tokens": 20,
    },
    "speaker_labels": False,
    "max_speakers": 2,
    "voice_focus": "near-field",
    "redact_pii": True,
    "redact_pii_policies": ["person_name", "phone_number"],
    "redact_pii_sub": "entity_name",
    "mode": "balanced",
}


def test_the_python_sdk_s_url_is_read() -> None:
    assert decode_query(urlsplit(PYTHON_SDK).query) == SETTINGS


def test_the_javascript_sdk_s_url_means_the_same() -> None:
    assert decode_query(urlsplit(JS_SDK).query) == SETTINGS | {"token": "T"}


def values_of(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Values that the service takes for a parameter."""
    if parameter.kind is bool:
        return st.booleans()
    if parameter.kind is int:
        low = None if parameter.low is None else int(parameter.low)
        return st.integers(low, int(parameter.high or 10**6))
    if parameter.kind is float:
        return st.floats(parameter.low, parameter.high)
    text = st.sampled_from(parameter.choices) if parameter.choices else st.text(max_size=20)
    if parameter.kind is list:
        return st.lists(text, max_size=5)
    if parameter.kind is dict:
        return st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5))
    return text


settings_given = st.fixed_dictionaries(
    {}, optional={name: values_of(parameter) for name, parameter in PARAMETERS.items()}
)


@given(settings_given)
def test_what_is_written_is_read_back(parameters: dict[str, Any]) -> None:
    assert decode_query(encode_query(parameters)) == parameters


def test_none_is_left_out_and_false_and_zero_are_sent() -> None:
    query = encode_query({"prompt": None, "format_turns": False, "min_turn_silence": 0})

    assert query == "format_turns=false&min_turn_silence=0"


def test_text_is_sent_as_it_is_given() -> None:
    assert encode_query({"anything": "True & more=é"}) == "anything=True+%26+more%3D%C3%A9"


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_booleans_are_read_in_any_capitals(text: str) -> None:
    assert decode_query(f"format_turns={text}") == {"format_turns": True}


def test_unknown_names_are_ignored() -> None:
    assert decode_query("speechModel=x&sampleRate=8000&sample_rate=8000") == {"sample_rate": 8000}


def test_policies_may_be_separated_by_commas() -> None:
    read = decode_query("redact_pii_policies=person_name,+phone_number")

    assert read == {"redact_pii_policies": ["person_name", "phone_number"]}


MODELS_LISTED = (
    "'universal-streaming-english', 'universal-streaming-multilingual', 'whisper-rt', 'u3-rt-pro', "
    "'u3-rt-pro-beta-1', 'u3-rt-agent', 'universal-3-5-pro', 'universal-3-6-pro', "
    "'universal-3-6', 'universal-3-7-preview', '_universal-3-5-notetaker', "  # these by the service
    + "".join(f"'{name}', " for name in SPEECH_MODELS[11:-1]).removesuffix(", ")
    + f" or '{SPEECH_MODELS[-1]}'"
)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("speech_model=whisper", f"Invalid 'speech_model': Input should be {MODELS_LISTED}"),
        (
            "sample_rate=7000",
            "Invalid 'sample_rate': Value error, sample_rate must be at least 8,000 Hz",
        ),
        ("encoding=flac", "Invalid 'encoding': 'flac' is not a valid Encoding"),
        (
            "keyterms_prompt=a&keyterms_prompt=b",
            "Invalid 'keyterms_prompt': Value error, Invalid JSON array",
        ),
        (
            "keyterms_prompt=%5B%22a%22%5D&keyterms_prompt=%5B%22b%22%5D",
            "Invalid 'keyterms_prompt': Value error, Invalid JSON array",
        ),
        ("keyterms_prompt=a,b", "Invalid 'keyterms_prompt': Value error, Invalid JSON array"),
        ("keyterms_prompt=%5B1%5D", "Invalid 'keyterms_prompt': Value error, Invalid JSON array"),
        (
            encode_query({"keyterms_prompt": ["a"] * 101}),
            "Invalid 'keyterms_prompt': Value error, Max 100 items",
        ),
        (
            encode_query({"prompt": "x" * 1800}),
            "Invalid 'prompt': Value error, "
            "prompt exceeds maximum length of 1750 characters (got 1800)",
        ),
        (
            encode_query({"agent_context": "x" * 1800}),
            "Invalid 'agent_context': Value error, "
            "agent_context exceeds maximum length of 1750 characters (got 1800)",
        ),
        (
            "format_turns=yes",
            "Invalid 'format_turns': Input should be a valid boolean, unable to interpret input",
        ),
        (
            "inactivity_timeout=soon",
            "Invalid 'inactivity_timeout': Input should be a valid integer, "
            "unable to parse string as an integer",
        ),
        (
            "min_turn_silence=160.0",
            "Invalid 'min_turn_silence': Value error, "
            "invalid literal for int() with base 10: '160.0'",
        ),
        (
            "vad_threshold=x",
            "Invalid 'vad_threshold': Input should be a valid number, "
            "unable to parse string as a number",
        ),
        (
            "vad_threshold=nan",
            "Invalid 'vad_threshold': Input should be greater than or equal to 0",
        ),
        ("vad_threshold=1.5", "Invalid 'vad_threshold': Input should be less than or equal to 1"),
        (
            "inactivity_timeout=4",
            "Invalid 'inactivity_timeout': Input should be greater than or equal to 5",
        ),
        ("max_speakers=11", "Invalid 'max_speakers': Input should be less than or equal to 10"),
        ("domain=law", "Invalid 'domain': Input should be 'medical-v1'"),
        (
            "mode=fast",
            "Invalid 'mode': Input should be 'min_latency', 'balanced', 'max_accuracy' or 'manual'",
        ),
        ("llm_gateway=%5B%5D", "Invalid 'llm_gateway': Value error, Invalid JSON object"),
        (
            "llm_gateway=" + '{"a":' * 3000,
            "Invalid 'llm_gateway': Value error, Invalid JSON object",
        ),
    ],
)
def test_bad_value_is_refused_in_the_service_s_words(query: str, text: str) -> None:
    with pytest.raises(BadParameter) as refused:
        decode_query(query)

    assert str(refused.value) == f"User Input Validation Error: {text}"


@pytest.mark.parametrize(
    ("query", "place"),
    [
        (encode_query({"language_codes": ["en", "xx"]}), "language_codes.1"),
        ("language_codes=en&language_codes=xx", "language_codes.1"),
        ("language_codes=en,es", "language_codes.0"),
        ("language_code=xx", "language_code.0"),
    ],
)
def test_bad_language_is_named_by_its_place(query: str, place: str) -> None:
    with pytest.raises(BadParameter) as refused:
        decode_query(query)

    assert refused.value.name == place
    assert refused.value.reason.startswith("Input should be 'en', 'es', 'de', 'fr', 'it'")
    assert refused.value.reason.endswith("'nn' or 'multi'")


def test_languages_may_come_one_in_a_parameter() -> None:
    assert decode_query("language_codes=en") == {"language_codes": ["en"]}
    assert decode_query("language_codes=en&language_codes=es") == {"language_codes": ["en", "es"]}
    with pytest.raises(BadParameter, match="Max 10 items"):
        decode_query("&".join(["language_codes=en"] * 11))


@given(st.sampled_from(sorted(PARAMETERS)), st.text(max_size=10) | st.integers().map(str))
def test_a_value_is_read_or_refused_and_nothing_else(name: str, text: str) -> None:
    try:
        read = decode_query(encode_query({name: text}))
    except BadParameter as e:
        assert e.name.partition(".")[0] == name
    else:
        assert name in read
        json.dumps(read)


def test_policy_that_nobody_knows_is_named_by_its_place() -> None:
    with pytest.raises(BadParameter) as refused:
        decode_query("redact_pii_policies=person_name,nonsense")

    assert refused.value.name == "redact_pii_policies.1"


def test_credentials_are_known_as_secrets() -> None:
    assert set(PARAMETERS) >= SECRET_PARAMETERS
    assert "token" in SECRET_PARAMETERS
