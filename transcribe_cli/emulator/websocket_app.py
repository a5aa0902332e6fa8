"""The local service's WebSocket server: listens, admits clients, and runs their sessions.

Any path upgrades to a session, as on the real service; plain HTTP has `/v3/token` and
`/v3/ws/health`. Credentials and parameters are checked after the upgrade, so a refusal is an Error
message and a close. Web pages of other origins are refused before. A connection without a session
is bounded in time and bytes.
"""

import asyncio
import logging
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from weakref import WeakKeyDictionary

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from transcribe_cli.emulator.actions import Answer, Close, Drop, Send, Stall, ToClient
from transcribe_cli.emulator.admission import Admission
from transcribe_cli.emulator.client_connections import (
    HEAD_WITHIN_S,
    BoundedConnection,
    PendingConnections,
    WebSocketClient,
    cut,
    hold_back,
)
from transcribe_cli.emulator.emulated_session import (
    CANCELLED,
    EmulatedSession,
    SessionRefused,
    SessionTerms,
    read_parameters,
    refusal,
)
from transcribe_cli.emulator.engine_runners import EngineRunner, InProcessRunner
from transcribe_cli.emulator.engines.counting import CountingEngine
from transcribe_cli.emulator.engines.registry import choose_engine
from transcribe_cli.emulator.engines.scripted import Script, ScriptedEngine
from transcribe_cli.emulator.fault_schedule import FaultPlan, FaultSchedule
from transcribe_cli.emulator.fault_specs import Trigger
from transcribe_cli.emulator.logbook import Logbook, without_secrets
from transcribe_cli.emulator.serve_options import LOOPBACK, STAND_INS, ServiceOptions
from transcribe_cli.emulator.session_limits import SessionLimits, most_sessions
from transcribe_cli.emulator.session_task import ClientGone, SessionTask
from transcribe_cli.emulator.token_endpoint import answer_token_request
from transcribe_cli.emulator.worker_processes import WorkerProcesses
from transcribe_cli.protocol.parameters import encode_query
from transcribe_cli.protocol.web_origin import why_refused
from transcribe_cli.system.machine_resources import memory_bytes, processors

MAX_MESSAGE_BYTES = 128 * 1024  # the service's own limit; a longer one is closed with 1009
CLOSE_TIMEOUT_S = 20.0  # a client may have much to read before the close frame
LONGEST_LINE = 300
"""Characters of a client's words in a line on stderr."""

_PING_EVERY_S = 3.0  # keeps a connection alive while the engine is slow


class App:
    """All sessions of one service."""

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
        self._schedules: WeakKeyDictionary[ServerConnection, FaultSchedule] = WeakKeyDictionary()
        self._connections = 0
        self._stopping = asyncio.Event()
        self._logbook = logbook
        self._admission = Admission(options.keys)
        self._pending = PendingConnections()
        self._open: set[SessionTask] = set()
        engine = options.engine
        if engine not in STAND_INS:
            engine = choose_engine(engine).info.name
        most = options.max_sessions or most_sessions(engine, processors(), memory_bytes())
        self._tell = _say_nothing if options.quiet or options.with_parent else _say
        self._limits = SessionLimits(most, options.new_sessions_per_minute, _say)
        self._served = 0
        self._workers = WorkerProcesses()

    async def listen(self, context: ssl.SSLContext | None) -> Server:
        """Start listening.

        Raises:
            OSError: the address is not available.
        """
        # The library's log would print a traceback for every port scanner.
        logger = logging.getLogger("transcribe_cli.emulator.websockets")
        logger.setLevel(logging.CRITICAL)
        return await serve(
            self._serve,
            self._options.host,
            self._options.port,
            ssl=context,
            process_request=self._answer_http,
            create_connection=partial(BoundedConnection, self._pending),  # type: ignore[arg-type]
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
            open_timeout=None,  # `BoundedConnection` sees to it; a fault may stall the answer
            # A service with faults may stall: it sends nothing and drops nobody.
            ping_interval=None if self._plan else _PING_EVERY_S,
            # A pong waits behind unread audio, so a late one means nothing.
            ping_timeout=None,
            logger=logger,
            ssl_handshake_timeout=None if context is None else HEAD_WITHIN_S,
        )

    @property
    def most_sessions(self) -> int:
        """The most sessions at once; more are refused."""
        return self._limits.most

    def stop(self) -> None:
        """Close every session that is open."""
        self._stopping.set()
        for session_task in self._open:
            session_task.stop()

    async def prepare(self) -> None:
        """Load the engine that was asked for, so that the first session need not wait for it."""
        asked = self._options.engine
        if asked is not None and asked not in STAND_INS:
            with suppress(OSError):  # the session will tell
                await self._workers.prepare(choose_engine(asked))

    async def close(self) -> None:
        """Release what sessions shared, when they are over."""
        await self._workers.close()

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP; None continues with the upgrade."""
        # A service for other machines needs a key, which a web page does not have.
        any_host = self._options.host not in LOOPBACK
        if why := why_refused(request.headers, any_host=any_host):
            self._logbook.write("refused", code=403, error=why)
            return _json_response(connection, 403, {"error": why})
        url = urlsplit(request.path)
        if url.path == "/v3/ws/health":
            return _json_response(connection, 200, {"status": "ok"})
        if url.path == "/v3/token":
            authorization = _authorization_of(request)
            answer = answer_token_request(url.query, authorization, self._admission, time.time())
            return _json_response(connection, *answer)
        schedule = self._plan.draw(self._connections)
        self._connections += 1
        self._schedules[connection] = schedule
        return await self._go_wrong(connection, schedule)

    async def _go_wrong(
        self, connection: ServerConnection, schedule: FaultSchedule
    ) -> Response | None:
        """Cause the faults that come before the upgrade."""
        answer = None
        for spec, actions in schedule.reached(Trigger.CONNECT):
            self._logbook.write("fault", fault=spec)
            match actions[0]:
                case Answer(status):
                    answer = _json_response(
                        connection, status, {"error": HTTPStatus(status).phrase}
                    )
                case Drop(reset):
                    cut(connection, reset)
                    answer = _json_response(connection, 503, {})  # never arrives
                case Stall(ms):
                    with suppress(TimeoutError):
                        seconds = None if ms is None else ms / 1000
                        await asyncio.wait_for(self._stopping.wait(), seconds)
        return answer

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None  # there is one after the upgrade
        client = WebSocketClient(connection)
        hold_back(connection)
        try:
            query = urlsplit(request.path).query
            given = (_authorization_of(request), _token_of(query))
            max_session_s = self._admission.admit(*given, time.time())
            with ExitStack() as place:
                place.enter_context(self._limits.session(time.monotonic()))
                session_task, before_begin = await self._open_session(
                    connection, client, query, max_session_s, place
                )
                self._pending.leave(connection)
                self._open.add(session_task)
                try:
                    close = await session_task.run(before_begin)
                finally:
                    self._open.discard(session_task)
                    self._tell(session_line(query, session_task))
            # After the session's slot is free: a client may open the next session at once.
            last_words: Sequence[ToClient] = [] if close is None else [close]
        except SessionRefused as e:
            self._logbook.write("refused", code=e.code, error=e.text)
            self._tell(f"session refused: {e.code} {ascii(e.text)[1:-1]}"[:LONGEST_LINE])
            last_words = refusal(e.code, e.text)
        await _send_last_and_close(client, last_words)

    async def _open_session(
        self,
        connection: ServerConnection,
        client: WebSocketClient,
        query: str,
        max_session_s: float,
        place: ExitStack,
    ) -> tuple[SessionTask, Sequence[ToClient]]:
        """Open a session for an admitted client, or raise `SessionRefused`."""
        parameters = read_parameters(query)
        script = None
        if self._options.engine == "scripted":
            script = self._scripts[min(self._served, len(self._scripts) - 1)]
        self._served += 1
        schedule = self._schedules[connection]
        limits_s = (max_session_s, self._options.max_session_s, schedule.expires_in_s)
        terms = SessionTerms(
            max_session_s=min(limit_s for limit_s in limits_s if limit_s is not None),
            max_audio_rate=self._options.max_audio_rate,
            formatted_finals=self._options.formatted_finals,
            redirects_to=schedule.redirects_to,
            begin=script.begin if script else None,
            termination=script.termination if script else None,
        )
        session = EmulatedSession(str(uuid4()), parameters, terms, time.monotonic())
        engine: EngineRunner
        if script:
            engine = InProcessRunner(ScriptedEngine(script, session.engine_settings))
        elif self._options.engine == "counting":
            engine = InProcessRunner(
                CountingEngine(session.engine_settings, self._options.turn_words)
            )
        else:
            chosen = choose_engine(self._options.engine, session.engine_settings.is_multilingual)
            try:
                engine = await self._workers.run(chosen, session.engine_settings)
            except OSError as e:  # no more processes, files or memory
                raise SessionRefused(3005, CANCELLED) from e
        self._logbook.opened(session.id, parameters)
        session_task = SessionTask(
            client, session, engine, self._logbook, schedule, leave=place.close
        )
        return session_task, script.on_open if script else ()


def session_line(query: str, task: SessionTask) -> str:
    """What is said of a session that is over: parameters, length, why it ended; printable ASCII."""
    asked = without_secrets(read_parameters(query))
    model = ascii(asked.pop("speech_model"))[1:-1]
    told = ", ".join([model, *encode_query(asked).split("&")] if asked else [model])
    if len(told) > LONGEST_LINE:
        told = f"{told[:LONGEST_LINE]}..."
    audio_s, open_s = task.audio_s, task.open_s
    return f"session: {told}; {audio_s:.1f} s of audio in {open_s:.1f} s; {task.why_ended}"


def _say_nothing(line: str) -> None:
    """`--quiet`, or nobody is there to read it."""


def _say(line: str) -> None:
    """Print a line for the person who runs the service."""
    with suppress(OSError, ValueError):  # nobody reads it
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def url_of(server: Server, scheme: str) -> str:
    """The URL of a listening server, without a path."""
    host, port = next(iter(server.sockets)).getsockname()[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _authorization_of(request: Request) -> str | None:
    """The Authorization header; several are joined, which no key matches."""
    return ", ".join(request.headers.get_all("Authorization")) or None


def _token_of(query: str) -> str | None:
    """The query parameter `token`, read before the query is checked."""
    return parse_qs(query).get("token", [None])[-1]


def _json_response(connection: ServerConnection, status: int, body: dict[str, Any]) -> Response:
    response = connection.respond(HTTPStatus(status), msgspec.json.encode(body).decode())
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


async def _send_last_and_close(client: WebSocketClient, last_words: Sequence[ToClient]) -> None:
    """Send the last messages and the close; frames of the client are read and dropped meanwhile."""

    async def drain() -> None:
        with suppress(ClientGone):
            while True:
                await client.receive()

    draining = asyncio.create_task(drain())
    for action in last_words:
        match action:
            case Send(text):
                with suppress(ClientGone):
                    await client.send(text)
            case Close(code, reason):
                await client.close(code, reason)
    draining.cancel()
    with suppress(asyncio.CancelledError):
        await draining
