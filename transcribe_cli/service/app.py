"""The service on the network: the only door to the `websockets` library.

Any path upgrades to a session, as on the real service; plain HTTP has `/v3/token` and
`/v3/ws/health`. Credentials and parameters are looked at after the upgrade, so a refusal is an
Error message and a close.
"""

import asyncio
import logging
import socket
import ssl
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from weakref import WeakKeyDictionary

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from transcribe_cli.service.actions import Answer, Close, Drop, Send, Stall, ToClient
from transcribe_cli.service.conversation import Conversation, Gone
from transcribe_cli.service.credentials import UNAUTHORIZED, Credentials
from transcribe_cli.service.engines.counting import CountingEngine
from transcribe_cli.service.engines.scripted import Script, ScriptedEngine
from transcribe_cli.service.faults import Moment
from transcribe_cli.service.logbook import Logbook
from transcribe_cli.service.options import ServiceOptions
from transcribe_cli.service.ports import EnginePort, InProcess, Worker
from transcribe_cli.service.schedule import FaultPlan, Schedule
from transcribe_cli.service.session import Refused, Session, Terms, read_parameters, refusal
from transcribe_cli.service.token_endpoint import answer_token_request

MAX_MESSAGE_BYTES = 128 * 1024  # the service's own limit; a longer one is closed with 1009
CLOSE_TIMEOUT_S = 3.0
_OPEN_TIMEOUT_S = 10.0
_PING_EVERY_S = 3.0  # a sign of life where the engine is slow: an answer waits behind its audio
_MINUTE_S = 60.0
_RECEIVE_BUFFER_BYTES = 64 * 1024


class _Wire:
    """A `websockets` connection as a conversation sees it."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as e:
            # No close frame at all is 1006; a close frame without a code is 1005.
            raise Gone(1006 if e.rcvd is None else e.rcvd.code) from e

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as e:
            raise Gone(1006) from e

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    def abort(self, reset: bool = False) -> None:
        _cut(self._connection, reset)

    def hold(self) -> None:
        self._connection.transport.pause_reading()

    def release(self) -> None:
        self._connection.transport.resume_reading()


class App:
    """Every session of one service."""

    def __init__(
        self,
        options: ServiceOptions,
        scripts: Sequence[Script],
        plan: FaultPlan,
        logbook: Logbook,
    ) -> None:
        self._options = options
        self._scripts = scripts
        self._plan = plan
        self._schedules: WeakKeyDictionary[ServerConnection, Schedule] = WeakKeyDictionary()
        self._connections = 0
        self._stopping = asyncio.Event()
        self._logbook = logbook
        self._credentials = Credentials(options.keys)
        self._open: set[Conversation] = set()
        self._started: deque[float] = deque()  # sessions of the last minute
        self._served = 0

    async def listen(self, context: ssl.SSLContext | None) -> Server:
        """Start to listen.

        Raises:
            OSError: the address cannot be had.
        """
        # The library's log would print a traceback for every port scanner.
        logger = logging.getLogger("transcribe_cli.service.websockets")
        logger.setLevel(logging.CRITICAL)
        return await serve(
            self._serve,
            self._options.host,
            self._options.port,
            ssl=context,
            process_request=self._answer_http,
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
            # A stalled service sends nothing, and lets nobody go.
            open_timeout=None if self._plan else _OPEN_TIMEOUT_S,
            ping_interval=None if self._plan else _PING_EVERY_S,
            # A pong waits behind audio that was not heard yet: that it is late says nothing.
            ping_timeout=None,
            logger=logger,
        )

    def stop(self) -> None:
        """Close every session that is open."""
        self._stopping.set()
        for conversation in self._open:
            conversation.stop()

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP; None goes on with the upgrade."""
        url = urlsplit(request.path)
        if url.path == "/v3/ws/health":
            return _json_response(connection, 200, {"status": "ok"})
        if url.path == "/v3/token":
            authorization = request.headers.get("Authorization")
            answer = answer_token_request(url.query, authorization, self._credentials, time.time())
            return _json_response(connection, *answer)
        schedule = self._plan.draw(self._connections)
        self._connections += 1
        self._schedules[connection] = schedule
        return await self._go_wrong(connection, schedule)

    async def _go_wrong(self, connection: ServerConnection, schedule: Schedule) -> Response | None:
        """Let the faults happen that come before the upgrade."""
        answer = None
        for spec, actions in schedule.reached(Moment.CONNECT):
            self._logbook.write("fault", fault=spec)
            match actions[0]:
                case Answer(status):
                    answer = _json_response(
                        connection, status, {"error": HTTPStatus(status).phrase}
                    )
                case Drop(reset):
                    _cut(connection, reset)
                    answer = _json_response(connection, 503, {})  # which goes nowhere
                case Stall(ms):
                    with suppress(TimeoutError):
                        seconds = None if ms is None else ms / 1000
                        await asyncio.wait_for(self._stopping.wait(), seconds)
        return answer

    async def _serve(self, connection: ServerConnection) -> None:
        wire = _Wire(connection)
        _hold_back(connection)
        try:
            conversation, before_begin = await self._open_conversation(connection, wire)
        except Refused as e:
            self._logbook.write("refused", code=e.code, error=e.text)
            await _refuse(wire, refusal(e.code, e.text))
            return
        self._open.add(conversation)
        try:
            await conversation.run(before_begin)
        finally:
            self._open.discard(conversation)

    async def _open_conversation(
        self, connection: ServerConnection, wire: _Wire
    ) -> tuple[Conversation, Sequence[ToClient]]:
        """Admit a client, or raise `Refused`."""
        request = connection.request
        assert request is not None  # there is one after the upgrade
        query = urlsplit(request.path).query
        authorization = request.headers.get("Authorization")
        token = _token_of(query)
        max_session_s = self._credentials.admit(authorization, token, time.time())
        self._count_session()
        parameters = read_parameters(query)
        script = None
        if self._options.engine == "scripted":
            script = self._scripts[min(self._served, len(self._scripts) - 1)]
        self._served += 1
        schedule = self._schedules[connection]
        limits_s = (max_session_s, self._options.max_session_s, schedule.expires_in_s)
        terms = Terms(
            max_session_s=min(limit_s for limit_s in limits_s if limit_s is not None),
            max_audio_rate=self._options.max_audio_rate,
            formatted_finals=self._options.formatted_finals,
            begin=script.begin if script else None,
            termination=script.termination if script else None,
        )
        session = Session(str(uuid4()), parameters, terms, time.monotonic())
        engine: EnginePort
        if script:
            engine = InProcess(ScriptedEngine(script, session.settings))
        elif self._options.engine == "counting":
            engine = InProcess(CountingEngine(session.settings, self._options.turn_words))
        else:
            engine = await Worker.start(session.settings)
        self._logbook.opened(session.id, parameters)
        conversation = Conversation(wire, session, engine, self._logbook, schedule)
        return conversation, script.on_open if script else ()

    def _count_session(self) -> None:
        """Hold the account to its limits, as far as it was given any."""
        now = time.monotonic()
        while self._started and now - self._started[0] >= _MINUTE_S:
            self._started.popleft()
        limits = (
            (len(self._open), self._options.max_sessions),
            (len(self._started), self._options.new_sessions_per_minute),
        )
        if any(limit is not None and count >= limit for count, limit in limits):
            # Both limits have the same words on the live service.
            text = "Unauthorized Connection: Too many concurrent sessions"
            raise Refused(UNAUTHORIZED, text)
        self._started.append(now)


def url_of(server: Server, scheme: str) -> str:
    """The address that a listening server can be reached at, without a path."""
    host, port = next(iter(server.sockets)).getsockname()[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _cut(connection: ServerConnection, reset: bool) -> None:
    """Cut the TCP connection; `reset`: by RST, which a linger time of 0 s makes of a close."""
    if reset:
        linger = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
        sock = connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.transport.abort()


def _hold_back(connection: ServerConnection) -> None:
    """Keep minutes of audio out of the system's buffers, where a fast sender would leave them.

    A client that sends a file as fast as it can is then only seconds ahead of the recogniser when
    it says Terminate, and has not long to wait for Termination.
    """
    sock = connection.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)


def _token_of(query: str) -> str | None:
    """The query parameter `token`, before anything else of the query is looked at."""
    return parse_qs(query).get("token", [None])[-1]


def _json_response(connection: ServerConnection, status: int, body: dict[str, Any]) -> Response:
    response = connection.respond(HTTPStatus(status), msgspec.json.encode(body).decode())
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


async def _refuse(wire: _Wire, actions: Sequence[ToClient]) -> None:
    """Send an Error and close; the client's own frames are read and dropped meanwhile."""

    async def drain() -> None:
        with suppress(Gone):
            while True:
                await wire.receive()

    draining = asyncio.create_task(drain())
    for action in actions:
        match action:
            case Send(text):
                with suppress(Gone):
                    await wire.send(text)
            case Close(code, reason):
                await wire.close(code, reason)
    draining.cancel()
    with suppress(asyncio.CancelledError):
        await draining
