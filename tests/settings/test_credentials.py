"""The key or the token: where it is found, and to whom it goes."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from transcribe_cli.commands.serve import ServeOptions
from transcribe_cli.errors import AccountError, UsageError
from transcribe_cli.protocol.endpoint import REGIONS
from transcribe_cli.redaction import redact
from transcribe_cli.settings import credentials
from transcribe_cli.settings.credentials import Credentials, find_credentials, webhook_secret
from transcribe_cli.settings.environment import Environment

SERVICE = REGIONS["default"]
LOOPBACK = "ws://127.0.0.1:8765/v3/ws"


def environment(**variables: str) -> Environment:
    return Environment(io.BytesIO(), io.StringIO(), io.StringIO(), variables, Path())


@pytest.fixture(autouse=True)
def empty_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_key_from_keyring", lambda: "")


def test_key_goes_into_the_header_without_bearer() -> None:
    found = find_credentials(environment(ASSEMBLYAI_API_KEY=" the-key\n"), SERVICE)

    assert found.headers() == {"Authorization": "the-key"}
    assert found.query() == {}


def test_token_goes_into_the_query_and_the_key_stays_here() -> None:
    found = find_credentials(environment(ASSEMBLYAI_API_KEY="k", AAI_STREAM_TOKEN="t"), SERVICE)

    assert found.query() == {"token": "t"}
    assert found.headers() == {}


def test_keyring_is_asked_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_key_from_keyring", lambda: "from-keyring")

    assert find_credentials(environment(), SERVICE).headers() == {"Authorization": "from-keyring"}
    assert find_credentials(environment(ASSEMBLYAI_API_KEY="k"), SERVICE).key == "k"


def test_missing_key_says_where_to_put_it() -> None:
    with pytest.raises(AccountError) as refused:
        find_credentials(environment(ASSEMBLYAI_API_KEY="  "), SERVICE)

    assert "ASSEMBLYAI_API_KEY" in refused.value.hint
    assert "--local" in refused.value.hint


def test_this_machine_needs_no_key() -> None:
    found = find_credentials(environment(), LOOPBACK)

    assert (found.headers(), found.query()) == ({}, {})


@pytest.mark.parametrize("key", ["a\nb", "ключ", "a\x00b", "k\u200b"])
def test_key_that_cannot_be_one_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(AccountError) as refused:
        find_credentials(environment(ASSEMBLYAI_API_KEY=key), SERVICE)

    assert key not in refused.value.message + refused.value.hint


def test_unencrypted_service_elsewhere_gets_no_key() -> None:
    with pytest.raises(UsageError) as refused:
        find_credentials(environment(ASSEMBLYAI_API_KEY="the-key"), "ws://192.0.2.1:80/v3/ws")

    assert "wss://" in refused.value.hint
    assert "the-key" not in refused.value.message


def test_keys_of_the_local_service_are_in_no_repr() -> None:
    assert "secret" not in repr(ServeOptions(key=["secret"]))


def test_credentials_are_in_no_repr() -> None:
    shown = [
        repr(Credentials("secret-key", "secret-token")),
        str(Credentials("secret-key", "secret-token")),
        repr(environment(ASSEMBLYAI_API_KEY="secret-key")),
        f"{[Credentials('secret-key')]}",
    ]

    assert not [text for text in shown if "secret" in text]


WEBHOOK = {"webhook_url": "https://example.com/done"}
SECRET = {"AAI_STREAM_WEBHOOK_AUTH_HEADER_VALUE": "Bearer of-the-variable"}


def test_secret_of_a_webhook_comes_from_its_variable_where_there_is_a_webhook() -> None:
    assert webhook_secret(environment(**SECRET), [], WEBHOOK) == {
        "webhook_auth_header_value": "Bearer of-the-variable"
    }
    assert webhook_secret(environment(**SECRET), [], {}) == {}
    assert webhook_secret(environment(), [], WEBHOOK) == {}
    assert redact("it said Bearer of-the-variable") == "it said [key]"


def test_secret_of_a_webhook_in_a_file_wins(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("Bearer of-the-file\n")
    params = ["webhook_auth_header_name=Authorization", f"webhook_auth_header_value=@{file}"]
    assert webhook_secret(environment(**SECRET), params, WEBHOOK) == {
        "webhook_auth_header_value": "Bearer of-the-file"
    }


@pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff\xfe", "ключ".encode()])
def test_file_that_holds_no_value_of_a_header_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        webhook_secret(environment(), [f"webhook_auth_header_value=@{file}"], WEBHOOK)
    assert str(file) in refused.value.message
    assert "lines" not in refused.value.message + refused.value.hint.replace("one line", "")


def test_secret_of_a_webhook_that_nobody_asked_for_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no effect without a webhook"):
        webhook_secret(environment(), [f"webhook_auth_header_value=@{tmp_path}"], {})


def test_secret_of_a_webhook_is_no_stranger_s_to_have_sent() -> None:
    assert SECRET.keys().isdisjoint(environment(**SECRET).without_credentials().variables)


ENVIRONMENT_KEY, ENVIRONMENT_TOKEN = "key-of-the-environment", "token-of-the-environment"
FILE_KEY, FILE_TOKEN = "key-of-the-file", "token-of-the-file"


@pytest.mark.parametrize(
    ("variables", "file", "with_token", "key", "token", "found_in"),
    [
        ("key", "key", True, ENVIRONMENT_KEY, None, "ASSEMBLYAI_API_KEY in the environment"),
        ("key", "token", True, ENVIRONMENT_KEY, None, "ASSEMBLYAI_API_KEY in the environment"),
        ("token", "key", True, None, ENVIRONMENT_TOKEN, "AAI_STREAM_TOKEN in the environment"),
        ("both", "both", True, ENVIRONMENT_KEY, ENVIRONMENT_TOKEN, "AAI_STREAM_TOKEN in the env"),
        ("empty", "both", True, FILE_KEY, FILE_TOKEN, "/folder/.env"),
        ("", "token", True, None, FILE_TOKEN, "/folder/.env"),
        ("", "key", True, FILE_KEY, None, "/folder/.env"),
        ("", "empty", True, "key-of-the-keyring", None, "the system keyring"),
        ("", "", True, "key-of-the-keyring", None, "the system keyring"),
        # A token makes no other one: for that the next key counts.
        ("token", "key", False, FILE_KEY, None, "/folder/.env"),
        ("token", "token", False, "key-of-the-keyring", None, "the system keyring"),
        ("both", "key", False, ENVIRONMENT_KEY, None, "ASSEMBLYAI_API_KEY in the environment"),
    ],
)  # fmt: skip
def test_environment_then_file_then_keyring(
    monkeypatch: pytest.MonkeyPatch,
    variables: str,
    file: str,
    with_token: bool,
    key: str | None,
    token: str | None,
    found_in: str,
) -> None:
    def held(what: str, key: str, token: str) -> dict[str, str]:
        return {
            "key": {"ASSEMBLYAI_API_KEY": key},
            "token": {"AAI_STREAM_TOKEN": token},
            "both": {"ASSEMBLYAI_API_KEY": key, "AAI_STREAM_TOKEN": token},
            "empty": {"ASSEMBLYAI_API_KEY": " ", "AAI_STREAM_TOKEN": ""},
        }.get(what, {})

    monkeypatch.setattr(credentials, "_key_from_keyring", lambda: "key-of-the-keyring")
    world = replace(
        environment(**held(variables, ENVIRONMENT_KEY, ENVIRONMENT_TOKEN)),
        folder=Path("/folder"),
        dotenv=held(file, FILE_KEY, FILE_TOKEN),
    )
    found = find_credentials(world, SERVICE, with_token=with_token)

    assert (found.key, found.token) == (key, token)
    assert found.found_in.startswith(found_in)
    assert found_in in str(found)
    assert not [secret for secret in (key, token) if secret and secret in str(found)]


def test_a_service_that_may_not_have_them_gets_none() -> None:
    world = replace(
        environment(ASSEMBLYAI_API_KEY="k", AAI_STREAM_TOKEN="t", OTHER="o"),
        dotenv={"ASSEMBLYAI_API_KEY": "k"},
    )
    found = find_credentials(world.without_credentials(), LOOPBACK)

    assert (found.headers(), found.query()) == ({}, {})
    assert world.without_credentials().variables == {"OTHER": "o"}


def test_whatever_is_found_is_taken_out_of_texts_from_now_on() -> None:
    world = replace(
        environment(ASSEMBLYAI_API_KEY=ENVIRONMENT_KEY), dotenv={"AAI_STREAM_TOKEN": FILE_TOKEN}
    )
    find_credentials(world, SERVICE)

    assert redact(f"{ENVIRONMENT_KEY} and {FILE_TOKEN}") == "[key] and [key]"
