"""The way to the service: proxies and clocks, and faults of real sockets."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_certificate
from tests.session.server import Conversation, plain_server, service
from transcribe_cli.doctor.findings import Finding, FindingState
from transcribe_cli.doctor.network import check_connection_path, clock_finding
from transcribe_cli.errors import ServiceError

REMOTE = "wss://streaming.example/v3/ws"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead_s", "state", "said"),
    [
        (0, FindingState.OK, "within 1 s"),
        (-29, FindingState.OK, "within 29 s"),
        (95, FindingState.WARNING, "95 s ahead of"),
        (-3600, FindingState.WARNING, "3600 s behind"),
    ],
)
def test_clock_that_is_far_off_is_a_warning(ahead_s: int, state: FindingState, said: str) -> None:
    finding = clock_finding(NOW, NOW + timedelta(seconds=ahead_s))
    assert (finding.state, finding.area) == (state, "clock")
    assert said in finding.text


def way(url: str, variables: Mapping[str, str] | None = None) -> list[Finding]:
    return list(check_connection_path(url, variables or {}))


def refusal(url: str) -> ServiceError:
    with pytest.raises(ServiceError) as failed:
        way(url)
    assert failed.value.hint
    return failed.value


def stay(talk: Conversation) -> None:
    talk.listen_on()


def test_open_port_answers() -> None:
    with service(stay) as running:
        (finding,) = way(running.url)
    assert finding.state is FindingState.OK
    assert "127.0.0.1:" in finding.text


def test_port_without_a_service() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert f"Nothing listens at 127.0.0.1:{port}" in refusal(f"ws://127.0.0.1:{port}").message


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".invalid", "a..b"])
def test_name_that_is_none(host: str) -> None:
    assert host in refusal(f"wss://{host}/v3/ws").message


@contextmanager
def tls_service(folder: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool) -> Iterator[str]:
    made = make_certificate(folder)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(made.cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    with service(stay, tls=context) as running:
        yield running.url


def test_certificate_that_verifies_and_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_service(tmp_path, monkeypatch, trusted=True) as url:
        _, tls, *clock = way(url)
    assert "TLS 1.3, certificate verified, valid for" in tls.text
    assert [(finding.area, finding.state) for finding in clock] == [("clock", FindingState.OK)]


def test_certificate_that_does_not_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tls_service(tmp_path, monkeypatch, trusted=False) as url:
        error = refusal(url)
    assert "certificate" in error.message
    assert "SSL_CERT_FILE" in error.hint


@pytest.mark.parametrize(
    ("answer", "said"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "TLS"), (b"", "closed the connection")],
)
def test_service_without_encryption(answer: bytes, said: str) -> None:
    def talk(client: socket.socket) -> Any:
        client.recv(10)
        client.sendall(answer)

    with plain_server(talk) as url:
        assert said in refusal(url.replace("ws:", "wss:")).message


def test_service_that_tells_no_time_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)

    def talk(client: socket.socket) -> Any:
        with context.wrap_socket(client.dup(), server_side=True) as encrypted:
            encrypted.recv(1000)
            encrypted.sendall(b"HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\n")

    with plain_server(talk) as url:
        assert len(way(url.replace("ws:", "wss:"))) == 2
