"""What a client sent is kept without its credentials, however it is written."""

import pytest

from transcribe_cli.emulator.hidden_secrets import (
    asked_by,
    is_secret,
    message_without_secrets,
    query_without_secrets,
)


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
        ('{"a" : {"apiKey": "x\\"y", "n": 1}}', '{"a" : {"apiKey": "[secret]", "n": 1}}'),
        ('{"tokens":["a", "b"],"password":12}', '{"tokens":"[secret]","password":"[secret]"}'),
        ('{"token":"cut of', '{"token":"[secret]"'),
        ('{"type":"KeepAlive","x":"token"}', '{"type":"KeepAlive","x":"token"}'),
        ("[" * 100_000, "[" * 100_000),
        ('"' * 100_000, '"' * 100_000),
    ],
)
def test_a_message_is_kept_but_for_its_secrets(said: str, kept: str) -> None:
    assert message_without_secrets(said) == kept


def test_a_query_is_kept_as_it_was_sent_but_for_its_secrets() -> None:
    key = "0123456789abcdef0123456789abcdef"
    query = f"{key}&sample_rate=5&speechModel=u3-rt-pro&tokn={key}&token={key}"
    told = "[secret]&sample_rate=5&speechModel=u3-rt-pro&tokn=[secret]&token=[secret]"
    assert query_without_secrets(query) == told
    webhook = "webhook_url=https%3A%2F%2Fa%3Ab%40h%2Fx%3Fy"
    assert query_without_secrets(webhook) == "webhook_url=https://[secret]@h/x?[secret]"
    assert asked_by(query) == {"sample_rate": "5"}
