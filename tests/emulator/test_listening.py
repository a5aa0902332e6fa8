"""A service listens at every address of its host, on one port."""

import socket
import sys

import pytest

from transcribe_cli.emulator.listening import listening, url_of
from transcribe_cli.errors import UsageError


@pytest.mark.skipif(sys.platform == "darwin", reason="127.0.0.2 is no address of it")
def test_all_addresses_of_a_name_have_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1", "192.0.2.1")
    ]  # the last one is not this machine's
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with listening("somewhere", 0) as sockets:
        names = [sock.getsockname() for sock in sockets]
        assert [host for host, _ in names] == ["127.0.0.1", "127.0.0.2"]
        assert len({port for _, port in names}) == 1
        assert url_of(sockets[0], "ws") == f"ws://127.0.0.1:{names[0][1]}"
    assert all(sock.fileno() == -1 for sock in sockets)


def test_an_address_that_is_not_this_machines_is_one_plain_error() -> None:
    with pytest.raises(UsageError, match="Cannot serve on 192"), listening("192.0.2.1", 0):
        pass


def test_what_is_no_name_of_a_host_is_one_plain_error() -> None:
    with pytest.raises(UsageError, match="is no name of a host"), listening("a..b", 0):
        pass
