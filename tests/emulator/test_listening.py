"""A service listens at every address of its host, on one port."""

import socket
import sys
from typing import Any

import pytest

from transcribe_cli.emulator.listening import listening, url_of
from transcribe_cli.errors import UsageError

TWO = pytest.mark.skipif(sys.platform == "darwin", reason="127.0.0.2 is no address of it")


def name_of(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Any name has these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@TWO
def test_all_addresses_of_a_name_have_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    # The last one is not this machine's.
    name_of(monkeypatch, "127.0.0.1", "127.0.0.2", "127.0.0.1", "192.0.2.1")
    with listening("somewhere", 0) as sockets:
        names = [sock.getsockname() for sock in sockets]
        assert [host for host, _ in names] == ["127.0.0.1", "127.0.0.2"]
        assert len({port for _, port in names}) == 1
        assert url_of(sockets[0], "ws") == f"ws://127.0.0.1:{names[0][1]}"
    assert all(sock.fileno() == -1 for sock in sockets)


@TWO
def test_a_port_that_is_taken_at_the_second_address_is_told_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        name_of(monkeypatch, "127.0.0.1", "127.0.0.2")
        with pytest.raises(UsageError) as e, listening("somewhere", port):
            pass
    said = f"Cannot serve on somewhere:{port}: the port is in use at 127.0.0.2."
    assert e.value.message == said


@TWO
def test_port_0_is_a_port_that_is_free_at_each_address(monkeypatch: pytest.MonkeyPatch) -> None:
    name_of(monkeypatch, "127.0.0.1", "127.0.0.2")
    create = socket.create_server
    asked: list[tuple[str, int]] = []
    taken: list[socket.socket] = []

    def create_server(address: tuple[str, int], **options: Any) -> socket.socket:
        asked.append(address)
        if address[0] == "127.0.0.2" and not taken:  # somebody was there first
            taken.append(create(address))
        return create(address, **options)

    monkeypatch.setattr(socket, "create_server", create_server)
    with listening("somewhere", 0) as sockets:
        ports = {sock.getsockname()[1] for sock in sockets}
        assert len(sockets) == 2 and ports == {asked[-1][1]} != {taken[0].getsockname()[1]}
        assert [address[1] for address in asked[::2]] == [0, 0]
    taken[0].close()


def test_an_address_that_is_not_this_machines_is_one_plain_error() -> None:
    with pytest.raises(UsageError, match="Cannot serve on 192"), listening("192.0.2.1", 0):
        pass


def test_what_is_no_name_of_a_host_is_one_plain_error() -> None:
    with pytest.raises(UsageError, match="is no name of a host"), listening("a..b", 0):
        pass
