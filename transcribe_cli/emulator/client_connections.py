"""Client connections of `websockets`, with more limits, and with plain HTTP of other methods.

The library limits each message and each header. This module limits how long and how many bytes a
client may take before it has a session, and how long a session waits for a client that reads
nothing.
"""

import asyncio
import socket
import struct
import sys
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from transcribe_cli.emulator.actions import Shape
from transcribe_cli.emulator.plain_http import (
    METHODS,
    MOST_HEAD_BYTES,
    HttpAnswer,
    HttpRequest,
    RequestReader,
    encode_answer,
    error_answer,
)
from transcribe_cli.emulator.session_task import ClientGone
from transcribe_cli.emulator.shaped_transport import ShapedTransport

LEAST_PENDING = 128  # connections without a session that are always held
HEAD_WITHIN_S = 10.0  # time for a client to send its request
_LONGEST_METHOD = max(map(len, METHODS))
_SEND_WITHIN_S = 20.0  # time for a client to make room for a message
# So little goes into the buffer, 32 KiB, whatever its characters are, and needs no time limit.
_AT_ONCE_CHARACTERS = 8 * 1024
_MOST_UNSENT_BYTES = 1 << 20  # only the answers to pings are sent without waiting for room
_RECEIVE_BUFFER_BYTES = 64 * 1024


class PendingConnections:
    """The connections without a session.

    When there are too many, the oldest is aborted. A real client needs milliseconds, so the oldest
    is one that only occupies its place; but as many may come at once as there may be sessions.

    Attributes:
        most: so many are held.
    """

    def __init__(self, most_sessions: int) -> None:
        self.most = max(LEAST_PENDING, most_sessions)
        self._connections: dict[ServerConnection, None] = {}  # the oldest first

    def enter(self, connection: ServerConnection) -> None:
        self._connections[connection] = None
        if len(self._connections) > self.most:
            oldest = next(iter(self._connections))
            self.leave(oldest)
            oldest.transport.abort()

    def leave(self, connection: ServerConnection) -> None:
        self._connections.pop(connection, None)


class PlainRoutes(Protocol):
    """What answers requests of other methods than GET."""

    def refuse_unread(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a request whose body need not be read; None lets it in."""

    async def answer_all(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request that was let in."""


class BoundedConnection(ServerConnection):
    """A connection that is aborted when it takes more time or bytes than a client needs."""

    def __init__(
        self, pending: PendingConnections, routes: PlainRoutes, *args: Any, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._pending = pending
        self._routes = routes
        self._answering: asyncio.Task[None] | None = None
        self._head: bytearray | None = bytearray()  # while it may be of another method than GET
        self._plain: RequestReader | None = None  # of another method
        self._is_refused = False
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_WITHIN_S, self._cut_without_request)
        self._pending.enter(self)

    def _cut_without_request(self) -> None:
        if self.request is None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._plain is not None:
            self._read_plain(self._plain, data)
            return
        if self._head is not None:
            self._head += data
            data = bytes(self._head)
            if any(method.startswith(data[: len(method)]) for method in METHODS):
                if len(data) >= _LONGEST_METHOD:
                    self._plain = RequestReader(self._routes.refuse_unread)
                    self._read_plain(self._plain, data)
                return
            self._head = None
        if self.request is None:
            self._head_bytes += len(data)
        super().data_received(data)
        if (
            self.request is None and self._head_bytes > MOST_HEAD_BYTES
        ) or self.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            self.transport.abort()

    def _read_plain(self, reader: RequestReader, data: bytes) -> None:
        """Answer a request of another method than GET: once it is whole, or refused."""
        match reader.take(data):
            case HttpRequest() as request:
                self._answering = self.loop.create_task(self._answer_plain(request))
            case HttpAnswer() as refused:
                # What its sender still sends is dropped, since a close would take the answer along.
                self.transport.write(encode_answer(refused))
                self._is_refused = True
        if self._is_refused and reader.is_over:
            self.transport.close()

    async def _answer_plain(self, request: HttpRequest) -> None:
        try:
            answer = await self._routes.answer_all(request)
        except Exception as e:  # whatever was sent, its sender gets an answer
            answer = error_answer(400, f"The request is refused: {type(e).__name__}.")
        self.transport.write(encode_answer(answer))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._pending.leave(self)
        super().connection_lost(exc)


class WebSocketClient:
    """A `websockets` connection, with the interface that `SessionTask` needs."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as e:
            if e.sent is not None and not e.rcvd_then_sent:  # a frame that must not be
                raise ClientGone(e.sent.code, e.sent.reason) from e
            # No close frame at all is 1006; a close frame without a code is 1005.
            raise ClientGone(1006 if e.rcvd is None else e.rcvd.code) from e

    async def send(self, text: str) -> None:
        waiting = self._connection.transport.get_write_buffer_size() + len(text)
        try:
            if waiting < _AT_ONCE_CHARACTERS:
                await self._connection.send(text)
            else:
                async with asyncio.timeout(_SEND_WITHIN_S):
                    await self._connection.send(text)
        except ConnectionClosed as e:
            raise ClientGone(1006) from e
        except TimeoutError as e:  # a client that reads nothing must not keep its session
            self.abort()
            raise ClientGone(1006) from e

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    def abort(self, reset: bool = False) -> None:
        cut(self._connection, reset)

    def shape(self, shape: Shape) -> None:
        shaped: Any = ShapedTransport(self._connection.transport, shape)
        self._connection.transport = shaped

    def hold(self) -> None:
        self._connection.transport.pause_reading()

    def release(self) -> None:
        self._connection.transport.resume_reading()


def cut(connection: ServerConnection, reset: bool) -> None:
    """Cut the TCP connection; `reset`: by RST (a linger time of 0 s)."""
    if reset:
        linger = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
        sock = connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.transport.abort()


def hold_back(connection: ServerConnection) -> None:
    """Make the receive buffer small, so that a fast sender cannot put minutes of audio into it.

    A client that sends a file as fast as possible is then only seconds ahead of the recogniser when
    it sends Terminate, and Termination comes soon.
    """
    sock = connection.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
