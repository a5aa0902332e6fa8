"""Real proxies: HTTP CONNECT, the same in TLS, SOCKS 4 and 5, each with and without a password.

Names are the proxy's to look up, so that `service.invalid` leads to the test's own service.
"""

import asyncio
import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from tests.certificates import Certificate

_SOON_S = 20.0


def forget_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without proxies."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "wss_proxy", "ws_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class _Refused(Exception):
    """`str()` is what is said before the connection is closed."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer


@dataclass
class ProxyServer:
    """Listens on a free port of this machine.

    Attributes:
        kind: `http`, `socks4` or `socks5`.
        target: where everything goes; None: where it is asked for.
        user: "name:password", where one is wanted.
        asked: the places that were asked for.
        tries: so many connections were made.
        passed: so many bytes went through it, both ways.
    """

    kind: str = "http"
    target: str | None = None
    certificate: Certificate | None = None
    user: str | None = None
    asked: list[str] = field(default_factory=list)
    tries: int = 0
    passed: int = 0
    port: int = 0
    _connections: list[socket.socket] = field(default_factory=list)
    _sinks: list[asyncio.StreamWriter] = field(default_factory=list)
    _tasks: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"localhost:{self.port}"

    def accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        """A client connects; it is on the lists before anything can be cancelled."""
        connection, _ = listener.accept()
        connection.setblocking(False)
        self.tries += 1
        self._connections.append(connection)
        self._tasks.append(asyncio.ensure_future(self._serve(connection, context)))

    async def end(self) -> None:
        """Close what is open, at once: TLS would wait for its other end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sink in self._sinks:
            sink.transport.abort()
        for _ in range(3):  # turns of the loop, in which it closes what has been aborted
            await asyncio.sleep(0)
        for connection in self._connections:
            connection.close()

    async def _serve(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        agree = {"http": self._http, "socks4": self._socks4, "socks5": self._socks5}[self.kind]
        try:
            client, answers = await self._open(connection, context)
        except OSError:
            return  # it went away during its TLS handshake, or does not trust the certificate
        try:
            host, port, yes = await agree(client, answers)
            self.asked.append(f"{host}:{port}")
            if self.target is not None:
                url = urlsplit(self.target)
                host, port = "127.0.0.1", url.port or 0
            source, requests = await asyncio.open_connection(host, port)
            self._sinks.append(requests)
            answers.write(yes)
            ways = (self._carry(client, requests), self._carry(source, answers))
            await asyncio.gather(*ways)
        except _Refused as refused:
            answers.write(refused.answer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # somebody has gone, or the test is over
        finally:
            answers.close()

    async def _open(
        self, connection: socket.socket, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop, client = asyncio.get_running_loop(), asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(client)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        answers = asyncio.StreamWriter(transport, protocol, client, loop)
        self._sinks.append(answers)
        return client, answers

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                self.passed += len(data)
                sink.write(data)
                await sink.drain()
        sink.close()

    async def _http(
        self, client: asyncio.StreamReader, _: asyncio.StreamWriter
    ) -> tuple[str, int, bytes]:
        head = (await client.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, place, _version = head.splitlines()[0].split(" ")
        assert method == "CONNECT"
        if self.user is not None:
            basic = base64.b64encode(self.user.encode()).decode()
            if f"Proxy-Authorization: Basic {basic}" not in head.splitlines():
                page = b"x" * 5000
                raise _Refused(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b'Proxy-Authenticate: Basic realm="test"\r\n'
                    b"Content-Length: %d\r\n\r\n" % len(page) + page
                )
        host, _colon, port = place.rpartition(":")
        return host.strip("[]"), int(port), b"HTTP/1.1 200 Connection established\r\n\r\n"

    async def _socks4(
        self, client: asyncio.StreamReader, _: asyncio.StreamWriter
    ) -> tuple[str, int, bytes]:
        assert await client.readexactly(2) == b"\x04\x01"
        port = int.from_bytes(await client.readexactly(2))
        address = await client.readexactly(4)
        await client.readuntil(b"\0")
        host = ".".join(map(str, address))
        if host.startswith("0.0.0."):
            host = (await client.readuntil(b"\0"))[:-1].decode()
        return host, port, b"\0\x5a" + bytes(6)

    async def _socks5(
        self, client: asyncio.StreamReader, answers: asyncio.StreamWriter
    ) -> tuple[str, int, bytes]:
        version, count = await client.readexactly(2)
        methods = await client.readexactly(count)
        wanted = 0 if self.user is None else 2
        if version != 5 or wanted not in methods:
            raise _Refused(b"\x05\xff")
        answers.write(bytes((5, wanted)))
        if self.user is not None:
            await client.readexactly(1)
            parts = [await client.readexactly((await client.readexactly(1))[0]) for _ in "up"]
            if b":".join(parts) != self.user.encode():
                raise _Refused(b"\x01\x01")
            answers.write(b"\x01\x00")
        *_, kind = await client.readexactly(4)
        if kind == 3:
            host = (await client.readexactly((await client.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await client.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await client.readexactly(2))
        return host, port, b"\x05\0\0\x01" + bytes(6)


@contextmanager
def running(proxy: ProxyServer) -> Iterator[ProxyServer]:
    """The proxy, until the block ends."""
    loop = asyncio.SelectorEventLoop()
    context = None
    if proxy.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(proxy.certificate.cert, proxy.certificate.key)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        proxy.port = listener.getsockname()[1]
        loop.add_reader(listener, proxy.accept, listener, context)

        def run() -> None:
            loop.run_forever()
            loop.remove_reader(listener)
            loop.run_until_complete(proxy.end())
            loop.close()

        thread = threading.Thread(target=run, name="proxy-server")
        thread.start()
        try:
            yield proxy
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_SOON_S)
            assert not thread.is_alive()
