"""Endpoints as people write them become the URL of a session."""

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.endpoint import (
    REGIONS,
    host_of,
    is_loopback,
    normalise_endpoint,
    resolve_endpoint,
    session_url,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ws://localhost:8080", "ws://localhost:8080/v3/ws"),
        ("ws://localhost:8080/", "ws://localhost:8080/v3/ws"),
        ("ws://localhost:8080/v3/ws", "ws://localhost:8080/v3/ws"),
        ("ws://localhost:8080/v3/ws/", "ws://localhost:8080/v3/ws"),
        ("wss://[::1]:9/gateway", "wss://[::1]:9/gateway/v3/ws"),
        ("wss://host/v3/ws?a=b#c", "wss://host/v3/ws?a=b"),
    ],
)
def test_path_is_added_where_it_is_missing(text: str, url: str) -> None:
    assert normalise_endpoint(text) == url


@pytest.mark.parametrize(
    "text", ["", "host", "http://host", "https://host/v3/ws", "ws://", "ws://h:x", "ws://[::1"]
)
def test_what_is_no_websocket_url_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        normalise_endpoint(text)

    assert "ws" in refused.value.hint


def test_session_url_holds_the_parameters_after_the_endpoint_s_own() -> None:
    url = session_url("ws://h/v3/ws?a=b", {"sample_rate": 16000, "token": None})

    assert url == "ws://h/v3/ws?a=b&sample_rate=16000"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]", "127.0.0.1:80"]
)
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback(f"ws://{host}/v3/ws")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1.example.com", "127.example.com", "localhost.example.com", "10.0.0.1", "[::2]"],
)
def test_another_machine_is_not_taken_for_this_one(host: str) -> None:
    assert not is_loopback(f"wss://{host}/v3/ws")


def test_no_region_is_on_this_machine() -> None:
    assert not [url for url in REGIONS.values() if is_loopback(url)]


def test_password_in_an_endpoint_is_not_shown() -> None:
    assert host_of("wss://me:secret@host:8/v3/ws") == "host:8"


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("wss://bücher.example./v3", "wss://xn--bcher-kva.example./v3/v3/ws"),
        ("ws://bücher.example:8080", "ws://xn--bcher-kva.example:8080/v3/ws"),
        ("ws://bücher.example:", "ws://xn--bcher-kva.example/v3/ws"),
        ("ws://ü@[::1]:80", "ws://%C3%BC@[::1]:80/v3/ws"),
    ],
)
def test_name_of_any_letters_is_written_as_dns_has_it(typed: str, asked: str) -> None:
    assert normalise_endpoint(typed) == asked


@pytest.mark.parametrize(
    "typed", ["ws://ü..example", "ws://" + "ü" * 70 + ".example", "ws://[::1]ü", "ws://[::1]a"]
)
def test_place_that_there_cannot_be_is_refused(typed: str) -> None:
    with pytest.raises(UsageError):
        normalise_endpoint(typed)


def test_name_of_this_machine_may_end_in_a_dot() -> None:
    assert is_loopback("wss://localhost./v3/ws")


def test_region_or_endpoint_gives_the_url() -> None:
    assert resolve_endpoint("eu", None) == "wss://streaming.eu.assemblyai.com/v3/ws"
    assert resolve_endpoint("eu", "ws://localhost:1") == "ws://localhost:1/v3/ws"
