"""Connecting within one deadline, against real sockets that answer oddly, late or never."""

import contextlib
import errno
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hostile.raw_service import BEGIN, Client, raw_server, raw_service, text
from tests.program import DEADLINE_S
from tests.session.server import read_to_end
from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.session import handshake
from transcribe_cli.session.connect_socket import explain
from transcribe_cli.session.handshake import MOST_HEADER_BYTES, open_websocket

SHORT_S = 0.5


def refusal(url: str) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as failed:
        open_websocket(url, {"Authorization": "secret-key"})
    assert "secret-key" not in failed.value.message + failed.value.hint
    return failed.value


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not the deadline that is tested, a busy machine may take longer."""
    monkeypatch.setattr(handshake, "CONNECT_TIMEOUT_S", DEADLINE_S)


@pytest.fixture
def short(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "CONNECT_TIMEOUT_S", SHORT_S)


class Dripping:
    """Sends one byte after another, each soon enough, until its client goes away."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self.gone = threading.Event()

    def __call__(self, client: socket.socket) -> None:
        client.recv(1)
        with contextlib.suppress(OSError):
            for byte in self._said * 1000:
                client.sendall(bytes((byte,)))
                if self.gone.wait(SHORT_S / 10):
                    return


@pytest.mark.usefixtures("short")
def test_server_that_answers_byte_by_byte_has_the_same_deadline() -> None:
    drip = Dripping(b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: yes\r\n")
    with raw_server(drip) as url:
        failed = refusal(url)
        drip.gone.set()

    assert failed.retry
    assert "did not answer" in failed.message


@pytest.mark.usefixtures("short")
def test_server_that_never_begins_with_tls_has_it_too() -> None:
    with raw_server(read_to_end) as url:
        failed = refusal(url.replace("ws://", "wss://"))

    assert failed.retry
    assert "did not answer" in failed.message


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_server_that_hangs_up_meanwhile_may_be_tried_again(scheme: str) -> None:
    def hang_up(client: socket.socket) -> None:
        client.recv(10)
        client.shutdown(socket.SHUT_WR)

    with raw_server(hang_up) as url:
        failed = refusal(url.replace("ws://", f"{scheme}://"))

    assert failed.retry
    assert "closed the connection" in failed.message


@pytest.mark.usefixtures("short")
def test_name_that_nobody_answers_for_has_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def wait(*_: object, **__: object) -> list[object]:
        answered.wait(DEADLINE_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    failed = refusal("ws://service.example/v3/ws")
    answered.set()

    assert failed.retry
    assert "did not answer" in failed.message


def test_header_without_end_is_not_read_to_its_end() -> None:
    sent = [0]

    def talk(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 101 Switching Protocols\r\n")
        with contextlib.suppress(OSError):
            while sent[0] < 100 * MOST_HEADER_BYTES:
                client.sendall(b"X-More: and more\r\n" * 1000)
                sent[0] += 18_000

    with raw_server(talk) as url:
        failed = refusal(url)

    assert not failed.retry
    assert "does not speak WebSocket" in failed.message
    assert sent[0] < 100 * MOST_HEADER_BYTES


def test_page_that_is_answered_instead_is_not_waited_for() -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n<html>")
        read_to_end(client)

    with raw_server(talk) as url:
        failed = refusal(url)

    assert failed.http_status == 200


# Several addresses.


def name(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int]) -> str:
    """An address whose name stands for several places."""

    def look_up(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return "ws://localhost/v3/ws"


@contextlib.contextmanager
def silent_place() -> Iterator[tuple[str, int]]:
    """Where nobody answers, not even with a refusal: the queue of who waits there is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def unused_place() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        place: tuple[str, int] = unused.getsockname()
    return place


def greet(client: Client) -> None:
    client.socket.sendall(client.answer + text(BEGIN))
    for _ in client.texts():
        pass


def place_of(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


def test_address_that_is_silent_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_service(greet) as url, silent_place() as silent:
        open_websocket(name(monkeypatch, silent, place_of(url)), {}).close()


def test_address_that_refuses_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_service(greet) as url:
        open_websocket(name(monkeypatch, unused_place(), unused_place(), place_of(url)), {}).close()


def test_where_every_address_refuses_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = refusal(name(monkeypatch, unused_place(), unused_place()))

    assert failed.message == "Nothing listens at localhost."


@pytest.mark.usefixtures("short")
def test_where_no_address_answers_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_place() as one, silent_place() as other:
        failed = refusal(name(monkeypatch, one, other))

    assert "did not answer" in failed.message


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("127.0.0.1:8765", "bring this machine's loopback interface up: sudo ip link set lo up"),
        ("service.example", "check the network"),
    ],
)
def test_without_any_network_the_hint_is_what_helps(host: str, hint: str) -> None:
    unreachable = OSError(errno.ENETUNREACH, "Network is unreachable")
    assert explain(unreachable, f"ws://{host}/v3/ws", None, 10.0).hint == hint


def test_another_trouble_on_this_machine_is_none_of_its_loopback_interface() -> None:
    no_such_address = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    failed = explain(no_such_address, "ws://[::1]:8765/v3/ws", None, 10.0)
    assert failed.hint == "check the network"
