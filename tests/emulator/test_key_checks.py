"""Keys, temporary tokens and the token endpoint, without a socket."""

import pytest

from transcribe_cli.emulator.key_checks import KeyChecks
from transcribe_cli.emulator.session_refused import SessionRefused
from transcribe_cli.emulator.token_endpoint import answer_token_request

NOW = 1_790_000_000.0


def test_without_keys_everyone_is_welcome() -> None:
    assert KeyChecks().admit(None, None, NOW) == 10800
    assert KeyChecks().admit("anything", None, NOW) == 10800


@pytest.mark.parametrize(
    ("authorization", "token", "text"),
    [
        (None, None, "Missing Authorization header"),
        ("", None, "Missing Authorization header"),
        ("wrong", None, "Invalid API key"),
        ("Bearer key", None, "Invalid API key"),
        (None, "key", "Invalid API key"),
        (None, "a.b", "Invalid API key"),
        ("clé", None, "Invalid API key"),
    ],
)
def test_refusals_have_the_service_s_words(
    authorization: str | None, token: str | None, text: str
) -> None:
    with pytest.raises(SessionRefused) as e:
        KeyChecks(["key"]).admit(authorization, token, NOW)
    assert (e.value.code, e.value.text) == (1008, f"Unauthorized Connection: {text}")


def test_a_token_opens_sessions_until_it_expires() -> None:
    keys = KeyChecks(["key"])
    token = keys.make_token(NOW, 60, 300)
    assert keys.admit(None, token, NOW + 59) == 300
    assert keys.admit(token, None, NOW + 59) == 300  # as the Python SDK sends it
    with pytest.raises(SessionRefused, match="Unauthorized Connection: Signature has expired"):
        keys.admit(None, token, NOW + 60)
    with pytest.raises(SessionRefused, match="Invalid API key"):
        KeyChecks(["key"]).admit(None, token, NOW)


def test_of_what_is_in_the_header_only_tokens_made_here_are_known_as_such() -> None:
    keys = KeyChecks()
    made = keys.make_token(NOW, 60, 300)
    given = (made, KeyChecks().make_token(NOW, 60, 300), "x", "Bearer x", "bearer x", "", None)
    kinds = ["token", "key", "key", "Bearer", "Bearer", "none", "none"]
    assert [keys.kind_of(each, None) for each in given] == kinds
    assert keys.kind_of("x", made) == keys.kind_of(None, "x") == "token in the URL"


def test_no_key_in_a_repr() -> None:
    assert "swordfish" not in repr(KeyChecks(["swordfish"]))


def test_the_token_endpoint_answers_with_a_token() -> None:
    keys = KeyChecks(["key"])
    query = "expires_in_seconds=60&max_session_duration_seconds=300"
    for authorization in ("key", "Bearer key"):
        status, body = answer_token_request(query, authorization, keys, NOW)
        assert status == 200 and body["expires_in_seconds"] == 60
        assert keys.admit(None, body["token"], NOW) == 300


@pytest.mark.parametrize(
    ("query", "kind", "place"),
    [
        ("", "missing", ["query", "expires_in_seconds"]),
        ("expires_in_seconds=0", "greater_than_equal", ["query", "expires_in_seconds"]),
        ("expires_in_seconds=601", "less_than_equal", ["query", "expires_in_seconds"]),
        ("expires_in_seconds=x", "int_parsing", ["query", "expires_in_seconds"]),
        (
            "expires_in_seconds=60&max_session_duration_seconds=59",
            "greater_than_equal",
            ["query", "max_session_duration_seconds"],
        ),
    ],
)
def test_bad_token_requests_are_explained(query: str, kind: str, place: list[str]) -> None:
    status, body = answer_token_request(query, "key", KeyChecks(["key"]), NOW)
    assert status == 422
    assert [(item["type"], item["loc"]) for item in body["detail"]] == [(kind, place)]


def test_token_requests_need_the_key() -> None:
    keys = KeyChecks(["key"])
    status, body = answer_token_request("expires_in_seconds=60", None, keys, NOW)
    assert status == 422 and body["detail"][0]["loc"] == ["header", "authorization"]
    status, body = answer_token_request("expires_in_seconds=60", "wrong", keys, NOW)
    assert status == 401 and "token" not in body
