"""Connections to a service that answers late, much, wrongly or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.emulator.test_websocket_connection import UPGRADE
from tests.program import DEADLINE_S
from transcribe_cli.emulator import http_connection
from transcribe_cli.emulator.http_connection import HttpConnection, PendingConnections, Takeover
from transcribe_cli.emulator.plain_http import HttpAnswer, HttpRequest
from transcribe_cli.emulator.websocket_connection import WebSocketConnection


class Service:
    """Answers with `said`; with an exception by raising it, with None never.

    Attributes:
        asked: it has a request to answer.
        is_cancelled: nobody wants the answer any more.
        lost: a connection has ended.
    """

    def __init__(self, said: HttpAnswer | Takeover | Exception | None) -> None:
        self.asked, self.is_cancelled, self.lost = (asyncio.Event() for _ in range(3))
        self._said = said

    def refuse_unread(self, request: HttpRequest) -> HttpAnswer | None:
        return None

    async def answer(
        self, request: HttpRequest, transport: asyncio.Transport
    ) -> HttpAnswer | Takeover:
        self.asked.set()
        try:
            while self._said is None:
                await asyncio.sleep(DEADLINE_S)
        except asyncio.CancelledError:
            self.is_cancelled.set()
            raise
        if isinstance(self._said, Exception):
            raise self._said
        return self._said

    @asynccontextmanager
    async def asked_by(
        self, request: str, most: int = 9
    ) -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
        """A client that has asked, and the port; so many connections may be pending."""
        pending = PendingConnections(0)
        pending.most = most
        lost = self.lost

        class Connection(HttpConnection):
            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                lost.set()

        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self, pending), "127.0.0.1", 0)
        async with server, asyncio.timeout(DEADLINE_S):
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            try:
                writer.write(request.encode())
                yield reader, port
            finally:
                writer.transport.abort()


GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_fault_of_the_service_is_its_own_and_told(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with Service(ZeroDivisionError("a mistake")).asked_by(GET) as (client, _):
            assert (await client.read()).startswith(b"HTTP/1.1 500 ")

    asyncio.run(scene())
    assert "a mistake" in caplog.text


def test_what_fails_when_a_websocket_opens_ends_the_connection_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(connection: WebSocketConnection) -> None:
        raise ZeroDivisionError("a mistake")

    async def scene() -> None:
        async with Service(fail).asked_by(UPGRADE) as (client, _):
            await client.read()  # up to its end

    asyncio.run(scene())
    assert "a mistake" in caplog.text


def test_a_request_whose_connection_is_cut_is_answered_no_longer() -> None:
    async def scene() -> None:
        service = Service(None)
        async with service.asked_by(GET, most=1) as (_, port):
            await service.asked.wait()
            _, another = await asyncio.open_connection("127.0.0.1", port)
            await service.is_cancelled.wait()
            another.close()

    asyncio.run(scene())


def test_a_client_that_does_not_read_its_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        service = Service(HttpAnswer(200, bytes(16 << 20)))
        async with service.asked_by(GET):
            await service.lost.wait()

    monkeypatch.setattr(http_connection, "_READ_WITHIN_S", 0.01)
    asyncio.run(scene())
