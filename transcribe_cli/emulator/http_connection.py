"""A client's connection, from its first byte to the answer of its one request, or to WebSocket.

It is bounded in time and bytes, and so is the number of those that have no session.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from transcribe_cli.emulator.plain_http import (
    HttpAnswer,
    HttpRequest,
    RequestReader,
    encode_answer,
    error_answer,
)
from transcribe_cli.emulator.websocket_connection import WebSocketConnection
from transcribe_cli.emulator.websocket_upgrade import encode_upgrade

LEAST_PENDING = 128  # connections without a session that are always held
REQUEST_WITHIN_S = 10.0  # time for a client to send its request
_READ_WITHIN_S = 60.0  # time for it to read the answer


class PendingConnections:
    """The connections without a session.

    When there are too many, the oldest is aborted. A real client needs milliseconds, so the oldest
    is one that only occupies its place; but as many may come at once as there may be sessions.

    Attributes:
        most: so many are held.
    """

    def __init__(self, most_sessions: int) -> None:
        self.most = max(LEAST_PENDING, most_sessions)
        self._transports: dict[asyncio.Transport, None] = {}  # the oldest first

    def enter(self, transport: asyncio.Transport) -> None:
        self._transports[transport] = None
        if len(self._transports) > self.most:
            oldest = next(iter(self._transports))
            self.leave(oldest)
            oldest.abort()

    def leave(self, transport: asyncio.Transport) -> None:
        self._transports.pop(transport, None)


Takeover = Callable[[WebSocketConnection], None]
"""Takes over a connection on which WebSocket is spoken from then on; it is the service's to end."""


class HttpService(Protocol):
    """What answers requests, or opens a WebSocket."""

    def refuse_unread(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a request whose body need not be read; None lets it in."""

    async def answer(
        self, request: HttpRequest, transport: asyncio.Transport
    ) -> HttpAnswer | Takeover:
        """The answer to a request that was let in."""


class HttpConnection(asyncio.Protocol):
    """A connection that has not become a WebSocket, and perhaps never will."""

    def __init__(self, service: HttpService, pending: PendingConnections) -> None:
        self._service = service
        self._pending = pending
        self._reader = RequestReader(service.refuse_unread)
        self._is_refused = False
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(REQUEST_WITHIN_S, transport.abort)
        self._pending.enter(transport)

    def data_received(self, data: bytes) -> None:
        match self._reader.take(data):
            case HttpRequest() as request:
                self._deadline.cancel()
                self._transport.pause_reading()  # there is one request a connection
                loop = asyncio.get_running_loop()
                self._answering = loop.create_task(self._answer(request))
            case HttpAnswer() as refused:
                # What its sender still sends is dropped, up to its end or the deadline, since a
                # close would take the answer along.
                self._write(refused)
                self._is_refused = True
                if self._transport.can_write_eof():  # not in TLS
                    self._transport.write_eof()
            case bytes(asked_for):
                self._transport.write(asked_for)
        if self._is_refused and self._reader.is_over:
            self._transport.close()

    def _write(self, answer: HttpAnswer) -> None:
        self._transport.write(encode_answer(answer, self._reader.wants_no_body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        self._pending.leave(self._transport)
        if self._answering is not None:
            self._answering.cancel()

    async def _answer(self, request: HttpRequest) -> None:
        transport = self._transport
        try:
            answer = await self._answer_to(request)
            if transport.is_closing():
                return
            if isinstance(answer, HttpAnswer):
                loop = asyncio.get_running_loop()
                self._deadline = loop.call_later(_READ_WITHIN_S, transport.abort)
                self._write(answer)
                transport.close()
                return
            transport.write(encode_upgrade(request))
            connection = WebSocketConnection(transport, self._reader.rest)
            transport.set_protocol(connection)
            answer(connection)
            transport.resume_reading()
        except Exception as e:
            transport.abort()
            report_fault(e)
        except asyncio.CancelledError:
            transport.abort()
            raise

    async def _answer_to(self, request: HttpRequest) -> HttpAnswer | Takeover:
        try:
            return await self._service.answer(request, self._transport)
        except Exception as e:
            report_fault(e)
            return error_answer(500, "This is a fault of the local service.")


def report_fault(error: Exception) -> None:
    """Tell of a fault of the service itself, on standard error."""
    fault = {"message": "a fault of the local service", "exception": error}
    asyncio.get_running_loop().call_exception_handler(fault)
