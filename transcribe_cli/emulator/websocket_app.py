"""The local service: admits clients, and runs their sessions.

Any path upgrades to a session, as on the real service; plain HTTP is `http_routes`. Credentials and
parameters are checked after the upgrade, so a refusal is an Error message and a close. Web pages of
other origins are refused before.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

from transcribe_cli.emulator.actions import Answer, Close, Drop, Send, Stall, ToClient, Wait
from transcribe_cli.emulator.control import Control
from transcribe_cli.emulator.emulated_session import EmulatedSession, SessionTerms, refusal
from transcribe_cli.emulator.engines.registry import choose_engine
from transcribe_cli.emulator.fault_schedule import FaultPlan, FaultSchedule
from transcribe_cli.emulator.fault_specs import Trigger
from transcribe_cli.emulator.http_connection import (
    REQUEST_WITHIN_S,
    HttpConnection,
    PendingConnections,
    Takeover,
    report_fault,
)
from transcribe_cli.emulator.http_routes import HttpRoutes, credentials_of
from transcribe_cli.emulator.key_checks import KeyChecks
from transcribe_cli.emulator.listening import BACKLOG
from transcribe_cli.emulator.llm_gateway import RunnerWithGateway
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.parameter_effects import GATEWAY, unknown_parameters
from transcribe_cli.emulator.plain_http import HttpAnswer, HttpRequest, error_answer
from transcribe_cli.emulator.script import EMPTY_SCRIPT
from transcribe_cli.emulator.script_choice import ScriptShelf
from transcribe_cli.emulator.service_clock import ServiceClock
from transcribe_cli.emulator.service_options import LOOPBACK, STAND_INS, ServiceOptions
from transcribe_cli.emulator.session_engines import SessionEngines
from transcribe_cli.emulator.session_limits import STAND_IN_NEEDS, SessionLimits, most_sessions
from transcribe_cli.emulator.session_lines import refused_line, say, say_nothing, session_line
from transcribe_cli.emulator.session_records import SessionRecord, SessionRecords
from transcribe_cli.emulator.session_refused import SessionRefused
from transcribe_cli.emulator.session_task import SessionTask
from transcribe_cli.emulator.webhook import Webhook
from transcribe_cli.emulator.websocket_connection import LOST, Nobody, WebSocketConnection, cut
from transcribe_cli.system.machine_resources import memory_bytes, processors

_RESET_WITHIN_S = 2.0  # for sessions to end
_INTERNAL_ERROR = 1011  # RFC 6455, 7.4.1, as its registry has grown
_PING_EVERY_S = 3.0  # keeps a connection alive while the engine is slow


class _Era:
    """The time up to the service's next reset, or to its stop: with it what came in it ends.

    Attributes:
        why_over: in words; "" while it goes on.
    """

    def __init__(self) -> None:
        self.why_over = ""
        self.is_over = asyncio.Event()

    def end(self, why: str) -> None:
        self.why_over = why
        self.is_over.set()


class _Arrival(NamedTuple):
    """What is known of a connection before its session."""

    era: _Era
    request: HttpRequest
    schedule: FaultSchedule
    record: SessionRecord | None

    def note_end(self, code: int, error: str | None = None) -> None:
        """Keep how a connection ended that had no session."""
        if self.record is not None:
            self.record.end(code, "service", error)


class _NewSession(NamedTuple):
    """A session that may begin.

    Attributes:
        before_begin: what its script sends before `Begin`.
        unused: parameters that the client asked for and that have no effect.
        gateway: what has its turns answered, if anything.
    """

    task: SessionTask
    before_begin: Sequence[ToClient]
    unused: Sequence[str]
    gateway: RunnerWithGateway | None


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
        self.records = SessionRecords(options.keep_audio, can_be_asked=control_key is not None)
        self.shut_down = shut_down
        self._era = _Era()
        self._logbook = logbook
        self._keys = keys
        self._open: set[SessionTask] = set()
        self._all_closed = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()  # connections
        self._posting: set[asyncio.Task[None]] = set()
        needs = STAND_IN_NEEDS
        if options.engine not in STAND_INS:
            needs = choose_engine(options.engine).info.needs
        most = options.max_sessions or most_sessions(needs, processors(), memory_bytes())
        most = -(-most // options.workers)  # rounded up
        self._pending = PendingConnections(most)
        self._tell = say_nothing if options.quiet or options.with_parent else say
        self._limits = SessionLimits(most, options.new_sessions_per_minute, say)
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

    async def serve(self, sock: socket.socket, context: ssl.SSLContext | None) -> asyncio.Server:
        """Serve who connects to a socket that listens."""
        return await asyncio.get_running_loop().create_server(
            partial(HttpConnection, self, self._pending),
            sock=sock,
            backlog=BACKLOG,
            ssl=context,
            ssl_handshake_timeout=None if context is None else REQUEST_WITHIN_S,
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
        """Close every session that is open or would open."""
        self._end_era("The local service was stopped")

    def _end_era(self, why: str) -> None:
        self._era.end(why)
        for session_task in self._open:
            session_task.stop(why)

    async def wait_closed(self) -> None:
        """Wait until all connections have ended, after `stop`."""
        while self._running:
            await asyncio.wait(self._running)

    async def reset(self) -> None:
        """End all sessions and begin anew, as after the start."""
        self._end_era("The local service was reset")
        self._era = _Era()
        with suppress(TimeoutError):
            async with asyncio.timeout(_RESET_WITHIN_S):
                while self._open:
                    self._all_closed.clear()
                    await self._all_closed.wait()
        for part in (self.plan, self.shelf, self.clock, self.engines, self._limits):
            part.reset()
        self.records.clear()

    def refuse_unread(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a request whose body need not be read; None lets it in."""
        return self._routes.refuse_unread(request)

    async def answer(
        self, request: HttpRequest, transport: asyncio.Transport
    ) -> HttpAnswer | Takeover:
        """The answer to a request that was let in."""
        if asking := asyncio.current_task():
            _hold(asking, self._running)
        if answer := await self._routes.answer(request):
            return answer
        arrival = self._arrival(request)
        try:
            answer = await self._go_wrong(arrival, transport)
        finally:
            if transport.is_closing():
                arrival.note_end(LOST)
        return answer or partial(self._run, arrival)

    def _arrival(self, request: HttpRequest) -> _Arrival:
        """A connection that is counted, and recorded where anybody may ask what came."""
        number, record = self.plan.connections, None
        if self._steered or self._logbook.is_kept:
            kind = self._keys.kind_of(*credentials_of(request))
            record = self.records.add(number, request.path, request.headers.fields, kind)
        return _Arrival(self._era, request, self.plan.draw_next(), record)

    async def _go_wrong(self, arrival: _Arrival, transport: asyncio.Transport) -> HttpAnswer | None:
        """Cause the faults that come before the upgrade."""
        answer = None
        for spec, actions in arrival.schedule.reached(Trigger.CONNECT):
            if arrival.record is not None:
                self._logbook.write("fault", connection=arrival.record.number, fault=spec)
                arrival.record.faults.append(spec)
            match actions[0]:
                case Answer(status, location):
                    answer = error_answer(status, HTTPStatus(status).phrase)
                    if location:
                        answer = answer._replace(headers=(("Location", location),))
                    arrival.note_end(status)
                case Drop(reset):
                    cut(transport, reset)
                case Stall(ms):
                    with suppress(TimeoutError):
                        seconds = None if ms is None else ms / 1000
                        await asyncio.wait_for(arrival.era.is_over.wait(), seconds)
        return answer

    def _run(self, arrival: _Arrival, connection: WebSocketConnection) -> None:
        """Run what takes a while, and outlives who asked for it."""
        # A service with faults may stall: it sends nothing and drops nobody. No pong is waited for:
        # it may be behind unread audio.
        if not (self.plan or self._steered):
            connection.ping_every(_PING_EVERY_S)
        _keep(self._run_session(arrival, connection), self._running)

    async def _run_session(self, arrival: _Arrival, connection: WebSocketConnection) -> None:
        try:
            try:
                last_words = await self._session_of(arrival, connection)
            except Exception as e:
                report_fault(e)
                arrival.note_end(_INTERNAL_ERROR, "a fault of the local service")
                last_words = [Close(_INTERNAL_ERROR, "")]
            connection.hand_to(Nobody())
            for action in last_words:
                match action:
                    case Send(text):
                        connection.send(text)
                    case Wait(ms):
                        await asyncio.sleep(ms / 1000)
                    case Close(code, reason):
                        await connection.close(code, reason)
            await connection.close(1000, "")
        finally:
            self._pending.leave(connection.transport)
            connection.abort()

    async def _session_of(
        self, arrival: _Arrival, connection: WebSocketConnection
    ) -> Sequence[ToClient]:
        """Run a session, or refuse it; what is still to be sent when its slot is free."""
        url, era = urlsplit(arrival.request.path), arrival.era
        if era.why_over:
            arrival.note_end(1001)
            return [Close(1001, era.why_over)]
        try:
            given = credentials_of(arrival.request)
            max_session_s = self._keys.admit(*given, self.clock.unix())
            with ExitStack() as place:
                place.enter_context(self._limits.session(self.clock.monotonic()))
                opened = await self._open_session(arrival, connection, url, max_session_s, place)
                session_task = opened.task
                self._pending.leave(connection.transport)
                self._open.add(session_task)
                if era.why_over:
                    session_task.stop(era.why_over)
                try:
                    close = await session_task.run(opened.before_begin)
                finally:
                    self._open.discard(session_task)
                    self._all_closed.set()
                    failure = "" if opened.gateway is None else opened.gateway.failure
                    self._tell(session_line(session_task, opened.unused, failure))
            # After the session's slot is free: a client may open the next session at once.
            return [] if close is None else [close]
        except SessionRefused as e:
            if (record := arrival.record) is not None:
                came = {"connection": record.number, **record.arrival()}
                self._logbook.write("refused", code=e.code, error=e.text, **came)
            arrival.note_end(e.code, e.text)
            self._tell(refused_line(e.code, e.text, url.query))
            return refusal(e.code, e.text)

    async def _open_session(
        self,
        arrival: _Arrival,
        connection: WebSocketConnection,
        url: SplitResult,
        max_session_s: float,
        place: ExitStack,
    ) -> _NewSession:
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
        session.idle = engine.idle
        unused = [*engine.unused, *unknown_parameters(url.query)]
        if (record := arrival.record) is not None:
            record.opened(session.id, parameters, unused)
            told = {"without_effect": unused} if unused else {}
            came = {"connection": record.number, "session": session.id, **record.arrival()}
            try:
                self._logbook.write("open", **came, **told)
            except OSError:  # a full disk: there will be no session that ends its engine
                await engine.runner.close()
                raise
            if engine.gateway is not None:
                engine.gateway.when_failed = partial(record.without_effect.update, GATEWAY)
        if engine.webhook is not None:
            place.callback(self._post_later, engine.webhook, session.id, record)
        session_task = SessionTask(
            connection,
            session,
            engine.runner,
            self._logbook,
            schedule,
            record,
            self.clock,
            leave=place.close,
        )
        before_begin = script.on_open if script else ()
        return _NewSession(session_task, before_begin, unused, engine.gateway)

    def _post_later(self, webhook: Webhook, session_id: str, record: SessionRecord | None) -> None:
        """Post to a webhook; the session has ended, and nobody waits for it."""

        async def post() -> None:
            taken = await webhook.post(session_id)
            if record is not None:
                came = {"connection": record.number, "session": session_id}
                self._logbook.write("webhook", **came, taken=taken)

        _keep(post(), self._posting)


def _keep(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    """Do it in a task, which nobody else would hold."""
    _hold(asyncio.create_task(work), tasks)


def _hold(task: asyncio.Task[Any], tasks: set[asyncio.Task[None]]) -> None:
    """Hold a task until it is done."""
    tasks.add(task)
    task.add_done_callback(tasks.discard)
