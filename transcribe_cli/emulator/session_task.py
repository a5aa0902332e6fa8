"""Moves frames between one client, the rules of its session and its engine.

Three tasks read (the client's frames, the engine's answers, the clock) and one sends, so that the
client gets everything in one order. All decisions are `EmulatedSession`'s.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from transcribe_cli.emulator.actions import (
    Action,
    Answer,
    Close,
    Configure,
    Drop,
    EndTurn,
    Finish,
    Finished,
    Hear,
    Send,
    Shape,
    Stall,
    ToClient,
    Wait,
)
from transcribe_cli.emulator.emulated_session import EmulatedSession
from transcribe_cli.emulator.engine_runners import EngineFailed, EngineRunner
from transcribe_cli.emulator.fault_schedule import DueFault, FaultSchedule, TurnCounter
from transcribe_cli.emulator.fault_specs import Trigger
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.outbox import Outbox
from transcribe_cli.emulator.service_clock import ServiceClock
from transcribe_cli.emulator.session_records import SessionRecord

_LONGEST_NAP_S = 1.0  # between two looks at the clock: a heartbeat may be asked for at any time


class ClientGone(Exception):
    """The connection is over.

    Attributes:
        code: of the close, or 1006 where it was lost.
        error: what the client did against the rules of WebSocket, for which the service closed;
            "" where it left.
    """

    def __init__(self, code: int, error: str = "") -> None:
        super().__init__(code, error)
        self.code = code
        self.error = error


class ClientConnection(Protocol):
    """The client's connection, as `SessionTask` needs it."""

    async def receive(self) -> str | bytes:
        """The next frame. Raises `ClientGone`."""

    async def send(self, text: str) -> None:
        """Send a text frame. Raises `ClientGone`."""

    def abort(self, reset: bool = False) -> None:
        """Cut the TCP connection, by RST where `reset`."""

    def hold(self) -> None:
        """Stop reading the socket; not even pings are answered."""

    def shape(self, shape: Shape) -> None:
        """Write in another shape from now on."""

    def release(self) -> None:
        """Read the socket again."""


class _ClientLeft(NamedTuple):
    """Put into the outbox when the client has gone; as `ClientGone`."""

    code: int
    error: str


class SessionTask:
    """One connection, from `Begin` to its end: all that takes part in it meets here.

    Attributes:
        why_ended: in words; "" while it goes on.

    Args:
        schedule: the faults of the connection.
        record: keeps what the client sends, where somebody may ask for it.
        clock: tells the time of the session, which a test may put forward.
        leave: called when the session's slot is free; perhaps more than once.
    """

    def __init__(
        self,
        client: ClientConnection,
        session: EmulatedSession,
        engine: EngineRunner,
        logbook: Logbook,
        schedule: FaultSchedule | None = None,
        record: SessionRecord | None = None,
        clock: ServiceClock | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._session = session
        self._engine = engine
        self._logbook = logbook
        self._schedule = schedule or FaultSchedule()
        self._record = record
        self._clock = clock or ServiceClock()
        self._leave = leave
        self._counter = TurnCounter() if self._schedule.counts_words else None
        self._opened = self._clock.monotonic()
        self._terminated = False  # the client has sent Terminate
        self.why_ended = ""
        self._outbox: Outbox[_ClientLeft] = Outbox()
        self._moving = asyncio.Event()  # cleared while stalled
        self._moving.set()
        self._stopping = asyncio.Event()

    async def run(self, before_begin: Iterable[ToClient] = ()) -> Close | None:
        """Run the session until either side closes; then its engine and slot are released.

        Returns:
            The close to send to the client; None if it has gone.
        """
        for action in before_begin:
            await self._perform([action])
        await self._go_wrong(self._schedule.reached(Trigger.BEGIN))
        if not self._session.closing:
            await self._perform(self._session.begin(self._clock.unix()))
        # A script may send messages before any audio.
        await self._engine.order(Hear(b""))
        tasks = [
            asyncio.create_task(self._guard(work))
            for work in (self._read, self._relay, self._watch)
        ]
        try:
            return await self._write()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._let_go()

    @property
    def asked(self) -> Mapping[str, Any]:
        """The parameters that the client asked for."""
        return self._session.asked

    @property
    def unused(self) -> Set[str]:
        """What the client asked for in mid-session and has no effect."""
        return self._session.unused

    @property
    def audio_s(self) -> float:
        """Audio received, in seconds."""
        return self._session.audio_s

    @property
    def open_s(self) -> float:
        """For how long it has been open, in seconds."""
        return self._clock.monotonic() - self._opened

    def stop(self, reason: str = "The local service was stopped") -> None:
        """End from outside: close after what is queued."""
        self._session.closing = True
        self._stopping.set()
        self._outbox.put(Close(1001, reason))

    async def _let_go(self) -> None:
        """Release engine and slot. May be called twice."""
        await self._engine.close()
        self._leave()

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run one task; an internal error ends the session and is reported on stderr.

        A task may be cancelled before it begins, so its coroutine is made here.
        """
        try:
            await work()
        except Exception as e:
            await self._perform(self._session.failed())
            fault = {"message": "a fault of the local service", "exception": e}
            asyncio.get_running_loop().call_exception_handler(fault)

    async def _read(self) -> None:
        """Read the client's frames; also after our close, to see the client's close frame."""
        while True:
            await self._outbox.has_room.wait()
            try:
                frame = await self._client.receive()
            except ClientGone as e:
                self._outbox.put(_ClientLeft(e.code, e.error))
                return
            await self._moving.wait()
            now = self._clock.monotonic()
            if self._record is not None:
                self._record.frame(frame, round((now - self._opened) * 1000))
            if isinstance(frame, bytes):
                actions = self._session.audio(frame, now)
                await self._perform(actions)
                reached = self._schedule.reached(Trigger.AUDIO, self._session.audio_s)
                await self._go_wrong(reached)
            else:
                self._log("message", text=frame)
                actions = self._session.text(frame, now)
                if self._record is not None:
                    self._record.without_effect |= self._session.unused
                self._terminated |= self._session.terminating
                if self._session.terminating:
                    await self._go_wrong(self._schedule.reached(Trigger.TERMINATE))
                await self._perform(actions)
            self._session.was_held_up(self._clock.monotonic())

    async def _relay(self) -> None:
        """Read the engine's answers."""
        while True:
            try:
                answer = await self._engine.answer()
            except EngineFailed as e:
                await self._perform(self._session.failed(str(e)))
                return
            if isinstance(answer, Finished):
                # Before Termination is sent: the client may then open its next session at once.
                await self._let_go()
                await self._perform(self._session.finished(self._clock.monotonic()))
                return
            if self._counter is None or not isinstance(answer, Send):
                await self._tell(answer)
            elif self._counter.count(answer.text):
                await self._go_wrong(self._schedule.reached(Trigger.WORD, self._counter.words))
                await self._tell(answer)
                await self._go_wrong(self._schedule.reached(Trigger.TURN, self._counter.turns))
            else:
                await self._tell(answer)

    async def _tell(self, action: ToClient) -> None:
        """Perform an engine's action, unless the session is closing."""
        if not self._session.closing:
            self._session.closing = isinstance(action, Close | Drop)
            await self._perform([action])

    async def _go_wrong(self, faults: Sequence[DueFault]) -> None:
        """Cause faults that are due."""
        for spec, actions in faults:
            if self._session.closing:
                return
            self._log("fault", fault=spec)
            if self._record is not None:
                self._record.faults.append(spec)
            for action in actions:
                assert not isinstance(action, Answer)  # its moment is before the upgrade
                await self._tell(action)

    async def _watch(self) -> None:
        """Do what is due by the clock."""
        while not self._session.closing:
            due = self._session.next_tick()
            fault_s = self._schedule.next_time()
            if fault_s is not None:
                due = min(due, self._opened + fault_s)
            nap_s = due - self._clock.monotonic()
            await self._clock.sleep(min(nap_s, _LONGEST_NAP_S))
            now = self._clock.monotonic()
            await self._go_wrong(self._schedule.reached(Trigger.TIME, now - self._opened))
            beat = self._session.is_beat_due(now)
            probability = self._engine.take_speech_probability() if beat else 0.0
            await self._perform(self._session.tick(now, probability))

    async def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Hear() | Configure() | EndTurn() | Finish():
                    if isinstance(action, Finish):
                        self._log("terminate")
                    await self._engine.order(action)
                case Shape():
                    self._client.shape(action)
                case _:
                    self._outbox.take(action)

    async def _write(self) -> Close | None:
        """Send from the outbox, until an action in it ends the connection."""
        while True:
            wait_s, action = await self._outbox.next()
            if wait_s > 0 and not self._stopping.is_set():
                await asyncio.sleep(wait_s)
            match action:
                case Send(text):
                    # `_read` reports a client that has gone, with its code.
                    with suppress(ClientGone):
                        await self._client.send(text)
                case Wait(ms):
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), ms / 1000)
                case Stall(ms):
                    await self._stall(None if ms is None else ms / 1000)
                case Close(code, _, error):
                    self._closed(code, error)
                    return action
                case Drop(reset):
                    self._end(1006, "service")
                    self.why_ended = "cut on purpose"
                    self._client.abort(reset)
                    return None
                case _ClientLeft(code, ""):
                    self._end(code, "client")
                    self.why_ended = f"the client left ({code})"
                    return None
                case _ClientLeft(code, error):
                    self._closed(code, error)
                    return None

    async def _stall(self, seconds: float | None) -> None:
        """Neither read nor send for so long, or until the service stops."""
        self._moving.clear()
        self._client.hold()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        self._client.release()
        self._moving.set()

    def _closed(self, code: int, error: str | None) -> None:
        """The service has closed the session, perhaps for an error."""
        self._end(code, "service", error)
        asked = self._terminated and code == 1000
        self.why_ended = "Terminate" if asked else f"closed with {code}"
        if error is not None:
            self.why_ended += f": {error}"

    def _end(self, code: int, by: str, error: str | None = None) -> None:
        told: dict[str, object] = {} if error is None else {"error": error}
        if self._session.unused:
            told["without_effect"] = sorted(self._session.unused)
        self._log("close", code=code, by=by, **told)
        if self._record is not None:
            self._record.end(code, by, error)

    def _log(self, event: str, **fields: object) -> None:
        audio_ms = round(self._session.audio_s * 1000)
        self._logbook.write(event, session=self._session.id, audio_ms=audio_ms, **fields)
