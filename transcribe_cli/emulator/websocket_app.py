"""The local service's WebSocket server: listens, admits clients, and runs their sessions.

Any path upgrades to a session, as on the real service; plain HTTP is `http_routes`. Credentials and
parameters are checked after the upgrade, so a refusal is an Error message and a close. Web pages of
other origins are refused before. A connection without a session is bounded in time and bytes.
"""

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit
from uuid import uuid4
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from transcribe_cli.emulator.actions import Answer, Close, Drop, Send, Stall, ToClient, Wait
from transcribe_cli.emulator.client_connections import (
    HEAD_WITHIN_S,
    BoundedConnection,
    PendingConnections,
    WebSocketClient,
    cut,
    hold_back,
)
from transcribe_cli.emulator.control import Control
from transcribe_cli.emulator.emulated_session import EmulatedSession, SessionTerms, refusal
from transcribe_cli.emulator.engines.registry import choose_engine
from transcribe_cli.emulator.fault_schedule import FaultPlan, FaultSchedule
from transcribe_cli.emulator.fault_specs import Trigger
from transcribe_cli.emulator.http_routes import HttpRoutes, authorization_of
from transcribe_cli.emulator.key_checks import KeyChecks
from transcribe_cli.emulator.listening import BACKLOG
from transcribe_cli.emulator.logbook import Logbook, without_secrets
from transcribe_cli.emulator.parameter_effects import unknown_parameters
from transcribe_cli.emulator.plain_http import HttpAnswer, HttpRequest, error_answer
from transcribe_cli.emulator.script import EMPTY_SCRIPT
from transcribe_cli.emulator.script_choice import ScriptShelf
from transcribe_cli.emulator.serve_options import LOOPBACK, STAND_INS, ServiceOptions
from transcribe_cli.emulator.service_clock import ServiceClock
from transcribe_cli.emulator.session_engines import SessionEngines
from transcribe_cli.emulator.session_limits import SessionLimits, most_sessions
from transcribe_cli.emulator.session_records import SessionRecord, SessionRecords
from transcribe_cli.emulator.session_refused import SessionRefused
from transcribe_cli.emulator.session_task import ClientGone, SessionTask
from transcribe_cli.emulator.webhook import Webhook
from transcribe_cli.protocol.parameters import encode_query
from transcribe_cli.system.machine_resources import memory_bytes, processors

MAX_MESSAGE_BYTES = 128 * 1024  # the service's own limit; a longer one is closed with 1009
CLOSE_TIMEOUT_S = 20.0  # a client may have much to read before the close frame
LONGEST_LINE = 300
"""Characters of a client's words in a line on stderr."""

_RESET_WITHIN_S = 2.0  # for sessions to end
_PING_EVERY_S = 3.0  # keeps a connection alive while the engine is slow


class _Arrival(NamedTuple):
    """What is known of a connection before its session."""

    schedule: FaultSchedule
    record: SessionRecord | None


class _Opened(NamedTuple):
    """A session that may begin.

    Attributes:
        before_begin: what its script sends before `Begin`.
        unused: parameters that the client asked for and that have no effect.
    """

    task: SessionTask
    before_begin: Sequence[ToClient]
    unused: Sequence[str]


class App:
    """All sessions of one service, with a field for each thing that outlives a session.

    Attributes:
        plan, records, clock, shelf, engines: what the control steers and asks.

    Args:
        control_key: lets the control in; None: there is none, and nothing is kept for it.
        shut_down: stops the service.
    """

    def __init__(
        self,
        options: ServiceOptions,
        shelf: ScriptShelf,
        plan: FaultPlan,
        logbook: Logbook,
        keys: KeyChecks,
        control_key: str | None = None,
        shut_down: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self.plan = plan
        self.shelf = shelf
        self.clock = ServiceClock()
        self.engines = SessionEngines(options)
        self.records = SessionRecords(options.keep_audio)
        self.shut_down = shut_down
        self._arrivals: WeakKeyDictionary[ServerConnection, _Arrival] = WeakKeyDictionary()
        self._stopping = asyncio.Event()
        self._logbook = logbook
        self._keys = keys
        self._open: set[SessionTask] = set()
        self._all_closed = asyncio.Event()
        self._posting: set[asyncio.Task[None]] = set()
        engine = options.engine
        if engine not in STAND_INS:
            engine = choose_engine(engine).info.name
        most = options.max_sessions or most_sessions(engine, processors(), memory_bytes())
        most = -(-most // options.workers)  # rounded up
        self._pending = PendingConnections(most)
        self._tell = _say_nothing if options.quiet or options.with_parent else _say
        self._limits = SessionLimits(most, options.new_sessions_per_minute, _say)
        self._steered = control_key is not None
        self._routes = HttpRoutes(
            self._keys,
            self.clock,
            plan,
            logbook,
            # A service for other machines needs a key, which a web page does not have.
            any_host=options.host not in LOOPBACK,
            control=None if control_key is None else Control(control_key, self),
        )

    async def serve(self, sock: socket.socket, context: ssl.SSLContext | None) -> Server:
        """Serve who connects to a socket that listens."""
        # The library's log would print a traceback for every port scanner.
        logger = logging.getLogger("transcribe_cli.emulator.websockets")
        logger.setLevel(logging.CRITICAL)
        # And asyncio's would tell of each write to a client that has gone.
        logging.getLogger("asyncio").setLevel(logging.ERROR)
        return await serve(
            self._run_session,
            sock=sock,
            backlog=BACKLOG,
            ssl=context,
            process_request=self._answer_http,
            create_connection=partial(  # type: ignore[arg-type]
                BoundedConnection, self._pending, self._routes
            ),
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
            open_timeout=None,  # `BoundedConnection` sees to it; a fault may stall the answer
            # A service with faults may stall: it sends nothing and drops nobody.
            ping_interval=None if self.plan or self._steered else _PING_EVERY_S,
            # A pong waits behind unread audio, so a late one means nothing.
            ping_timeout=None,
            logger=logger,
            ssl_handshake_timeout=None if context is None else HEAD_WITHIN_S,
        )

    @property
    def most_connections(self) -> int:
        """The most connections at once, with a session and without."""
        return self._limits.most + self._pending.most

    @property
    def open_sessions(self) -> int:
        """Sessions that are open."""
        return len(self._open)

    def stop(self) -> None:
        """Close every session that is open."""
        self._stopping.set()
        for session_task in self._open:
            session_task.stop()

    async def reset(self) -> None:
        """End all sessions and begin anew, as after the start."""
        for session_task in self._open:
            session_task.stop("The local service was reset")
        with suppress(TimeoutError):
            async with asyncio.timeout(_RESET_WITHIN_S):
                while self._open:
                    self._all_closed.clear()
                    await self._all_closed.wait()
        for part in (self.plan, self.shelf, self.clock, self.engines, self._limits):
            part.reset()
        self.records.clear()

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP; None continues with the upgrade."""
        asked = HttpRequest("GET", request.path, request.headers)
        if answer := self._routes.refuse(asked) or await self._routes.answer(asked):
            return _response(connection, answer)
        number, record = self.plan.connections, None
        if self._steered:
            record = self.records.add(number, request.path, request.headers.raw_items())
        self._arrivals[connection] = _Arrival(self.plan.draw_next(), record)
        return await self._go_wrong(connection, self._arrivals[connection])

    async def _go_wrong(self, connection: ServerConnection, arrival: _Arrival) -> Response | None:
        """Cause the faults that come before the upgrade."""
        answer = None
        for spec, actions in arrival.schedule.reached(Trigger.CONNECT):
            self._logbook.write("fault", fault=spec)
            if arrival.record is not None:
                arrival.record.faults.append(spec)
            match actions[0]:
                case Answer(status, location):
                    answer = _response(connection, error_answer(status, HTTPStatus(status).phrase))
                    if location:
                        answer.headers["Location"] = location
                    _note_end(arrival.record, status)
                case Drop(reset):
                    cut(connection, reset)
                    answer = _response(connection, error_answer(503, ""))  # never arrives
                    _note_end(arrival.record, 1006)
                case Stall(ms):
                    with suppress(TimeoutError):
                        seconds = None if ms is None else ms / 1000
                        await asyncio.wait_for(self._stopping.wait(), seconds)
        return answer

    async def _run_session(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None  # there is one after the upgrade
        client = WebSocketClient(connection)
        arrival = self._arrivals[connection]
        hold_back(connection)
        query = urlsplit(request.path).query
        try:
            given = (authorization_of(request.headers), _token_of(query))
            max_session_s = self._keys.admit(*given, self.clock.unix())
            with ExitStack() as place:
                place.enter_context(self._limits.session(self.clock.monotonic()))
                opened = await self._open_session(
                    arrival, client, urlsplit(request.path), max_session_s, place
                )
                session_task = opened.task
                self._pending.leave(connection)
                self._open.add(session_task)
                try:
                    close = await session_task.run(opened.before_begin)
                finally:
                    self._open.discard(session_task)
                    self._all_closed.set()
                    self._tell(session_line(session_task, opened.unused))
            # After the session's slot is free: a client may open the next session at once.
            last_words: Sequence[ToClient] = [] if close is None else [close]
        except SessionRefused as e:
            self._logbook.write("refused", code=e.code, error=e.text)
            _note_end(arrival.record, e.code, e.text)
            line = f"session refused: {e.code} {ascii(e.text)[1:-1]}"[:LONGEST_LINE]
            self._tell(line + _note(unknown_parameters(query)))
            last_words = refusal(e.code, e.text)
        await _send_last_and_close(client, last_words)

    async def _open_session(
        self,
        arrival: _Arrival,
        client: WebSocketClient,
        url: SplitResult,
        max_session_s: float,
        place: ExitStack,
    ) -> _Opened:
        """Open a session for an admitted client, or raise `SessionRefused`."""
        parameters = self._options.models.read(url.query)
        script = self.shelf.take(parameters, url.path)
        if script is None and self._options.engine == "scripted":
            script = EMPTY_SCRIPT
        schedule = arrival.schedule
        limits_s = (max_session_s, self._options.max_session_s, schedule.expires_in_s)
        terms = SessionTerms(
            max_session_s=min(limit_s for limit_s in limits_s if limit_s is not None),
            max_audio_rate=self._options.max_audio_rate,
            readings=self._options.readings,
            redirects_to=schedule.redirects_to,
            like=self._options.models.like(parameters["speech_model"]),
            has_engine=self._options.models.has_engine(parameters["speech_model"]),
            ending=schedule.ending,
            begin=script.begin if script else None,
            termination=script.termination if script else None,
        )
        session = EmulatedSession(str(uuid4()), parameters, terms, self.clock.monotonic())
        engine = await self.engines.open(parameters, session.engine_settings, script)
        if engine.webhook is not None:
            place.callback(self._post_later, engine.webhook, session.id)
        unused = [*engine.unused, *unknown_parameters(url.query)]
        self._logbook.opened(session.id, parameters, unused)
        if arrival.record is not None:
            arrival.record.opened(session.id, parameters, unused)
        session_task = SessionTask(
            client,
            session,
            engine.runner,
            self._logbook,
            schedule,
            arrival.record,
            self.clock,
            leave=place.close,
        )
        return _Opened(session_task, script.on_open if script else (), unused)

    def _post_later(self, webhook: Webhook, session_id: str) -> None:
        """Post to a webhook; the session has ended, and nobody waits for it."""

        async def post() -> None:
            taken = await webhook.post(session_id)
            self._logbook.write("webhook", session=session_id, taken=taken)

        task = asyncio.create_task(post())
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)


def session_line(task: SessionTask, unused: Iterable[str]) -> str:
    """What is said of a session that is over: parameters, length, why it ended; printable ASCII."""
    asked = without_secrets(task.asked)
    model = ascii(asked.pop("speech_model"))[1:-1]
    told = ", ".join([model, *encode_query(asked).split("&")] if asked else [model])
    if len(told) > LONGEST_LINE:
        told = f"{told[:LONGEST_LINE]}..."
    audio_s, open_s = task.audio_s, task.open_s
    note = _note({*unused, *task.unused})
    why = ascii(task.why_ended)[1:-1][:LONGEST_LINE]
    return f"session: {told}; {audio_s:.1f} s of audio in {open_s:.1f} s; {why}{note}"


def _note(unused: Iterable[str]) -> str:
    """What the line of a session says of what has no effect."""
    names = ", ".join(sorted(unused))
    return f"; without effect here: {names}" if names else ""


def _say_nothing(line: str) -> None:
    """`--quiet`, or nobody is there to read it."""


def _say(line: str) -> None:
    """Print a line for the person who runs the service."""
    with suppress(OSError, ValueError):  # nobody reads it
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _token_of(query: str) -> str | None:
    """The query parameter `token`, read before the query is checked."""
    return parse_qs(query).get("token", [None])[-1]


def _response(connection: ServerConnection, answer: HttpAnswer) -> Response:
    response = connection.respond(HTTPStatus(answer.status), "")
    for name in ("Content-Type", "Content-Length"):
        del response.headers[name]
    response.headers["Content-Type"] = answer.content_type
    response.headers["Content-Length"] = str(len(answer.body))
    response.body = answer.body
    return response


def _note_end(record: SessionRecord | None, code: int, error: str | None = None) -> None:
    """Keep how a connection ended that had no session."""
    if record is not None:
        record.end(code, "service", error)


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
            case Wait(ms):
                await asyncio.sleep(ms / 1000)
            case Close(code, reason):
                await client.close(code, reason)
    draining.cancel()
    with suppress(asyncio.CancelledError):
        await draining
