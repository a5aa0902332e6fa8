"""Connecting through real proxies, and through some that are none."""

import base64
import contextlib
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Certificate, make_certificate
from tests.hostile.raw_service import BEGIN, Client, raw_server, raw_service, text
from tests.program import DEADLINE_S
from tests.proxies import ProxyServer, running
from tests.requirements import require_package
from tests.session.server import Conversation, plain_server, read_to_end, service
from tests.session.test_handshake import SHORT_S, Dripping, unused_place
from transcribe_cli.doctor.network import check_connection_path
from transcribe_cli.errors import ConnectionFailed, StreamError
from transcribe_cli.session import handshake
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.handshake import open_websocket
from transcribe_cli.session.tls import TlsInTls
from transcribe_cli.session.token import fetch_token

SERVICE = "ws://service.invalid/v3/ws"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def greet(client: Client) -> None:
    client.socket.sendall(client.answer + text(BEGIN))
    for _ in client.texts():
        pass


def refusal(url: str = SERVICE) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as failed:
        open_websocket(url, {"Authorization": "secret-key"})
    assert "secret" not in failed.value.message + failed.value.hint
    assert failed.value.hint
    return failed.value


def hears_begin(url: str) -> bool:
    raw = open_websocket(url, {})
    try:
        raw.settimeout(DEADLINE_S)
        said = b""
        while len(said) < len(text(BEGIN)):
            said += raw.recv(4096)
        return said == text(BEGIN)
    finally:
        raw.close()


@pytest.mark.parametrize("credentials", ["", "user:pass%3Aword@"])
@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        ("http", "http://"),
        ("http", ""),
        ("http", "HTTPS://"),
        ("socks5", "socks5h://"),
        ("socks4", "socks4a://"),
    ],
)
def test_service_behind_a_proxy(
    kind: str,
    scheme: str,
    credentials: str,
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind != "http":
        require_package("python_socks")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    in_tls = certificate if scheme == "HTTPS://" else None
    user = "user:pass:word" if credentials and kind != "socks4" else None
    with raw_service(greet) as target, running(ProxyServer(kind, target, in_tls, user)) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}{credentials}{proxy.place}")
        assert hears_begin("ws://service.invalid:8080/v3/ws")

    assert proxy.asked == ["service.invalid:8080"]


@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
def test_name_is_looked_up_here_for_socks4_and_socks5(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_package("python_socks")
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 80))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: (
            [place] if host == "service.invalid" else real(host, *rest, **more)
        ),
    )
    with raw_service(greet) as target, running(ProxyServer(scheme, target)) as proxy:
        monkeypatch.setenv("http_proxy", f"{scheme}://{proxy.place}")
        assert hears_begin(SERVICE)

    assert proxy.asked == ["10.1.2.3:80"]


def test_a_name_that_nobody_knows_is_not_blamed_on_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_package("python_socks")
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        if host == "service.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with running(ProxyServer("socks5")) as proxy:
        monkeypatch.setenv("http_proxy", f"socks5://{proxy.place}")
        failed = refusal()

    assert failed.message == "The name service.invalid cannot be found."
    assert "socks5h:// in http_proxy" in failed.hint


@contextlib.contextmanager
def tls_service(certificate: Certificate) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)

    def talk(talk: Conversation) -> None:
        talk.say(*("x" * 50_000 for _ in range(20)))
        talk.listen_on()

    with service(talk, tls=context) as running_service:
        yield running_service.url


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_session_in_tls_through_a_proxy_says_and_hears_everything(
    scheme: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "socks5":
        require_package("python_socks")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    # The loopback is never reached by a proxy: only here, where everything is on it.
    for module in ("proxy", "connect_socket"):
        monkeypatch.setattr(f"transcribe_cli.session.{module}.is_loopback", lambda _: False)
    kind = "socks5" if scheme == "socks5" else "http"
    in_tls = certificate if scheme == "https" else None
    with tls_service(certificate) as target, running(ProxyServer(kind, None, in_tls)) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://{proxy.place}")
        connection = Connection.open(target, {})
        heard, sent = 0, 0
        deadline = time.monotonic() + DEADLINE_S
        while heard < 20 or connection.unsent or sent < 40:
            assert time.monotonic() < deadline
            if sent < 40:
                connection.send_audio(bytes(100_000))  # far more than a socket's buffer takes
                sent += 1
            connection.flush()
            heard += len(connection.receive(time.monotonic()))
            assert connection.broken is None
        connection.close()
    assert connection.taken > 40 * 100_000
    assert proxy.passed > 20 * 50_000


def test_tls_in_tls_wants_the_same_bytes_again_where_the_outer_one_is_full(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    ours, theirs = socket.socketpair()
    got: list[bytes] = []
    may_read = threading.Event()

    def read() -> None:
        with context.wrap_socket(theirs, server_side=True) as tls:
            may_read.wait(DEADLINE_S)
            while data := tls.recv(1 << 16):
                got.append(data)

    reading = threading.Thread(target=read)
    reading.start()
    inner = TlsInTls(ours, "localhost", time.monotonic() + DEADLINE_S)
    inner.setblocking(False)
    data = bytes(range(256)) * 20_000
    taken, full = 0, 0
    while taken < len(data):
        try:
            taken += inner.send(data[taken:])
        except BlockingIOError:
            full += 1
            may_read.set()
    inner.shutdown(socket.SHUT_WR)
    reading.join(DEADLINE_S)
    inner.close()

    assert full
    assert b"".join(got) == data


# Refused.


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
@pytest.mark.parametrize(("given", "said"), [("", "wants"), ("user:secret2@", "refuses the")])
def test_proxy_that_wants_other_credentials_ends_it_with_what_to_do(
    scheme: str, given: str, said: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "socks5h":
        require_package("python_socks")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    in_tls = certificate if scheme == "https" else None
    kind = "socks5" if scheme == "socks5h" else "http"
    with running(ProxyServer(kind, None, in_tls, "user:secret1")) as proxy:
        monkeypatch.setenv("http_proxy", f"{scheme}://{given}{proxy.place}")
        failed = refusal()

    assert not failed.retry
    assert failed.wants_credentials
    assert f"The proxy {proxy.place} {said} user and password" in failed.message
    assert f"http_proxy={scheme}://USER:PASSWORD@{proxy.place}" in failed.hint


@pytest.mark.parametrize(
    ("answer", "said", "again"),
    [
        (b"HTTP/1.1 407 No\r\n\r\n", "HTTP 407", False),
        (b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n", "by NTLM only", False),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403", False),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n", "HTTP 302", False),
        (b"HTTP/1.0 502 Bad Gateway\r\nContent-Length: 900\r\n\r\n", "HTTP 502", True),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "does not speak HTTP", False),
        (b"", "hung up", True),
    ],
)
def test_proxy_that_does_not_connect_us_is_told_apart(
    answer: bytes, said: str, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(answer)

    with plain_server(refuse) as url:
        monkeypatch.setenv("http_proxy", url.replace("ws://", "http://"))
        failed = refusal()

    assert failed.retry is again
    assert said in failed.message
    assert "proxy" in failed.message


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
def test_proxy_that_answers_byte_by_byte_has_the_same_deadline(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "socks5h":
        require_package("python_socks")
    monkeypatch.setattr(handshake, "CONNECT_TIMEOUT_S", SHORT_S)
    said = {"http": b"HTTP/1.1 200 OK\r\n", "https": b"\x16\x03\x03\x3f\xff", "socks5h": b"\5"}
    drip = Dripping(said[scheme])
    with raw_server(drip) as url:
        monkeypatch.setenv("http_proxy", url.replace("ws://", f"{scheme}://"))
        failed = refusal()
        drip.gone.set()

    assert failed.message


def test_proxy_that_agrees_and_then_says_nothing_has_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshake, "CONNECT_TIMEOUT_S", SHORT_S)

    def agree(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        read_to_end(client)

    for scheme in ("ws", "wss"):
        with raw_server(agree) as url:
            monkeypatch.setenv("ALL_PROXY", url.replace("ws://", "http://"))
            failed = refusal(f"{scheme}://service.invalid/v3/ws")

        assert "behind localhost" in failed.message
        assert "did not answer" in failed.message
        assert "ALL_PROXY" in failed.hint


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://no-such-proxy.invalid:3128", "name of the proxy no-such-proxy.invalid:3128"),
        ("http://localhost:{unused}", "No proxy listens at localhost:{unused}"),
    ],
)
def test_trouble_with_the_proxy_is_not_the_service_s(
    proxy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = str(unused_place()[1])
    monkeypatch.setenv("http_proxy", proxy.replace("{unused}", unused))
    failed = refusal()

    assert failed.retry
    assert said.replace("{unused}", unused) in failed.message
    assert "service.invalid" not in failed.message


def test_proxy_in_tls_whose_certificate_does_not_verify(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(ProxyServer(certificate=certificate)) as proxy:
        monkeypatch.setenv("http_proxy", f"https://{proxy.place}")
        failed = refusal()

    assert f"certificate of the proxy {proxy.place} does not verify" in failed.message
    assert "SSL_CERT_FILE" in failed.hint


def test_plain_proxy_that_is_written_as_one_in_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with plain_server(lambda client: client.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")) as url:
        monkeypatch.setenv("http_proxy", url.replace("ws://", "https://"))
        failed = refusal()

    assert "TLS" in failed.message or "hung up" in failed.message
    assert "http_proxy" in failed.hint


def test_socks_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with running(ProxyServer("socks5")) as proxy:
        monkeypatch.setenv("http_proxy", f"socks5://{proxy.place}")
        failed = refusal()

    assert "aai-stream[socks]" in failed.hint
    assert not failed.retry


def test_certificates_that_are_no_file_are_said(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with tls_service(certificate) as url:
        failed = refusal(url)

    assert failed.message.startswith(f"'{tmp_path}/none.pem' holds no certificates")
    assert "SSL_CERT_FILE" in failed.hint


# The token and `doctor` go the same way.


def test_token_is_fetched_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    def answer(client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        heads.append(head)
        body = b'{"token":"abc"}'
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with plain_server(answer) as target, running(ProxyServer("http", target, None, "u:p")) as proxy:
        monkeypatch.setenv("http_proxy", f"u:p@{proxy.place}")
        token = fetch_token("ws://service.invalid/v3/ws", {"Authorization": "key"}, 60)

    assert token == "abc"
    assert proxy.asked == ["service.invalid:80"]
    assert heads[0].startswith(b"GET /v3/token?expires_in_seconds=60 HTTP/1.1\r\n")
    assert base64.b64encode(b"u:p") not in heads[0]


def test_doctor_says_which_proxy_is_used_and_why(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    for module in ("proxy", "connect_socket"):
        monkeypatch.setattr(f"transcribe_cli.session.{module}.is_loopback", lambda _: False)
    with tls_service(certificate) as target, running(ProxyServer(user="u:secret")) as proxy:
        variables = {"ALL_PROXY": f"http://u:secret@{proxy.place}"}
        findings = [each.text for each in check_connection_path(target, variables)]

    assert findings[0] == f"through the http proxy {proxy.place}: ALL_PROXY names it"
    assert f"{proxy.place} answers" in findings[1]
    assert findings[2].startswith("it connects us with 127.0.0.1")
    assert "certificate verified" in findings[3]
    assert "secret" not in " ".join(findings)


def test_doctor_says_what_a_proxy_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(ProxyServer(user="u:secret")) as proxy, pytest.raises(StreamError) as failed:
        list(check_connection_path(SERVICE, {"http_proxy": proxy.place}))
    assert "wants user and password (HTTP 407)" in failed.value.message
