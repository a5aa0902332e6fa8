"""What a client sent is kept without its credentials, however it is written."""

import pytest

from transcribe_cli.emulator.hidden_secrets import (
    asked_by,
    is_secret,
    message_without_secrets,
    query_without_secrets,
)
from transcribe_cli.protocol.parameters import SPEECH_MODELS, decode_query


@pytest.mark.parametrize(
    "name",
    ["authorization", "X-API-KEY", "accessKey", "Set-Cookie", "client_secret", "passwd", "auth"],
)
def test_a_name_that_resembles_a_secret_s_is_one(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["keyterms", "author", "Sec-WebSocket-Key", "monkey", "type"])
def test_another_name_is_none(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('{"a" : {"apiKey": "x\\"y", "n": 1}}', '{"a":{"apiKey":"[secret]","n":1}}'),
        ('{"tokens":["a", "b"],"password":12}', '{"tokens":"[secret]","password":"[secret]"}'),
        ('{"token":"cut of', '{"token":"[secret]"'),
        ('{"token":{"value":"abc"}}', '{"token":"[secret]"}'),
        ('{"api_keys":[["abc"]]}', '{"api_keys":"[secret]"}'),
        ('{"credentials":[{"id":"x"}]}', '{"credentials":"[secret]"}'),
        ('{"api_keys":["a]b","c"]}', '{"api_keys":"[secret]"}'),
        ('{"webhook_auth_header_value":{"a":"b"}}', '{"webhook_auth_header_value":"[secret]"}'),
        ('{"\\u0074oken":"abc"}', '{"token":"[secret]"}'),
        ('{"x":NaN,"token":{"value":"abc"}}', '{"x":NaN,"token":"[secret]"'),
        ('{"n":[1,{"token":["abc"', '{"n":[1,{"token":"[secret]"'),
        ('{"token":"abc","token":null}', '{"token":"[secret]","token":null}'),
        ('{"x":{"token":["abc"]},"x":1}', '{"x":{"token":"[secret]"'),
    ],
)
def test_a_message_is_kept_but_for_its_secrets(said: str, kept: str) -> None:
    assert message_without_secrets(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        '{"type":"KeepAlive","x":"token"}',
        '{"llm_gateway": {"model":"m", "max_tokens":20}, "session_token_count" : 5}',
        '{"max_tokens":20,',
        '{"keyterms_prompt":["a]","token"],"prompt":"\\u0041: {"}',
        '{"token":null,"password":false}',
        '{"a":' * 10_000,
        "[" * 100_000,
        '"' * 100_000,
    ],
)
def test_a_message_without_secrets_is_as_it_came(said: str) -> None:
    assert message_without_secrets(said) == said


@pytest.mark.parametrize("depth", [10, 400, 990, 100_000])
def test_a_secret_is_found_however_deep_it_is(depth: int) -> None:
    said = '{"a":[' * depth + '{"token":{"value":"abc"}}' + "]}" * depth
    assert "abc" not in message_without_secrets(said)


def test_a_query_is_kept_as_it_was_sent_but_for_its_secrets() -> None:
    key = "0123456789abcdef0123456789abcdef"
    query = f"{key}&sample_rate=5&speechModel=u3-rt-pro&tokn={key}&token={key}"
    told = "[secret]&sample_rate=5&speechModel=u3-rt-pro&tokn=[secret]&token=[secret]"
    assert query_without_secrets(query) == told
    webhook = "webhook_url=https%3A%2F%2Fa%3Ab%40h%2Fx%3Fy"
    assert query_without_secrets(webhook) == "webhook_url=https://[secret]@h/x?[secret]"
    assert asked_by(query) == {"sample_rate": "5"}


@pytest.mark.parametrize(
    "query",
    [
        "prompt=a%20b&keyterms_prompt=%5B%22a%22%5D&x=%zz&&format_turns&X=+%c3%a4",
        "x=2026-11-28T00:00:00.000Z",
        "x=" + "a" * 60_000,
        *(f"speechModel={model}" for model in SPEECH_MODELS),
    ],
)
def test_a_query_without_secrets_is_as_it_was_sent(query: str) -> None:
    assert query_without_secrets(query) == query


@pytest.mark.parametrize(
    "key",
    [
        "12345678-abcd-abcd-abcd-123456789abc",
        "sk-proj-0123456789abcdefghij",
        "a%200123456789abcdef0123",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
    ],
)
def test_what_looks_like_a_key_is_hidden_whatever_its_name(key: str) -> None:
    assert query_without_secrets(f"x={key}&%74oken=a") == "x=[secret]&%74oken=[secret]"


def test_languages_of_a_refused_connection_are_those_of_one_that_is_let_in() -> None:
    query = "language_codes=en&language_codes=es&prompt=a&prompt=b"
    assert asked_by(query) == decode_query(query)
    assert asked_by(query)["language_codes"] == ["en", "es"]


def test_an_object_that_is_nested_too_deep_is_kept_as_it_was_sent() -> None:
    nested = '{"a":' * 3000
    assert asked_by(f"llm_gateway={nested}") == {"llm_gateway": nested}
