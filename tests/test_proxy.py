"""The tests' own bad network does what it says: a test of a test."""

import gc
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.proxy import Proxy, Way

TIMEOUT_S = 10.0


@contextmanager
def echo() -> Iterator[str]:
    """A server that sends back what it gets; gives its address."""

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(4096):
                    client.sendall(data)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with echo() as url, Proxy(url) as started:
        yield started


def connect(proxy: Proxy) -> socket.socket:
    port = int(proxy.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), TIMEOUT_S)


def ask(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(4096)


def test_what_goes_in_comes_out(proxy: Proxy) -> None:
    with connect(proxy) as client:
        data = bytes(range(256)) * 1000
        threading.Thread(target=client.sendall, args=(data,)).start()
        got = b""
        while len(got) < len(data):
            got += client.recv(65536)
    assert got == data
    assert proxy.accepted == 1 and proxy.passed[Way.UP] == len(data)


def test_an_end_of_one_side_is_passed_on(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"last")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(4096) == b"last"
        assert client.recv(4096) == b""


def test_a_cut_is_an_end_or_a_reset(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client, b"a") == b"a"
        proxy.cut()
        assert client.recv(4096) == b""
    with connect(proxy) as client:
        assert ask(client, b"a") == b"a"
        proxy.cut(reset=True)
        with pytest.raises(ConnectionResetError):
            client.recv(4096)
    with connect(proxy) as client:
        assert ask(client, b"again") == b"again"


def test_what_was_swallowed_comes_when_the_network_heals(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client, b"a") == b"a"
        for ways in ((), (Way.UP,), (Way.DOWN,)):
            proxy.swallow(*ways)
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                ask(client, b"b")
            client.settimeout(TIMEOUT_S)
            proxy.heal()
            assert client.recv(4096) == b"b"


def test_a_peer_that_vanished_is_not_told_of(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client, b"a") == b"a"
        proxy.vanish()
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            ask(client, b"b")


def test_a_delay_is_of_time_and_a_throttle_of_bytes(proxy: Proxy) -> None:
    with connect(proxy) as client:
        proxy.delay(0.2)
        began = time.monotonic()
        assert ask(client, b"a") == b"a"
        assert time.monotonic() - began >= 0.4
        proxy.heal()
        proxy.throttle(10_000)
        began = time.monotonic()
        threading.Thread(target=client.sendall, args=(bytes(8000),)).start()
        got = 0
        while got < 8000:
            got += len(client.recv(65536))
        assert time.monotonic() - began >= 0.7


def test_a_network_that_is_down_refuses_and_comes_back(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client, b"a") == b"a"
        proxy.go_down()
        with pytest.raises(ConnectionError):
            ask(client, b"b")
            ask(client, b"b")
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.heal()
    with connect(proxy) as client:
        assert ask(client, b"c") == b"c"


def test_connection_that_comes_as_the_network_goes_down_is_not_forgotten() -> None:
    with echo() as url:
        for _ in range(100):
            with Proxy(url) as proxy, connect(proxy) as client:
                proxy.go_down()
                with suppress(ConnectionResetError):
                    assert client.recv(1) == b""
    gc.collect()  # a socket that was left open would be a warning, and that an error
