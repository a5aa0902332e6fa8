"""Moves frames between one client, the rules of its session and its engine.

What the client, the engine and the clock bring is dealt with at once, in the same turn of the event
loop; what is to be sent goes one way (`outbox_sender.py`). What a session says is decided by
`EmulatedSession`, its turns by its engine, what goes wrong by `FaultSchedule`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from transcribe_cli.emulator.actions import (
    Action,
    Answer,
    Close,
    Configure,
    Drop,
    EndTurn,
    Finish,
    Finished,
    FromEngine,
    Hear,
    Send,
    ToClient,
)
from transcribe_cli.emulator.emulated_session import EmulatedSession
from transcribe_cli.emulator.engine_runners import EngineFailed, EngineRunner
from transcribe_cli.emulator.fault_schedule import DueFault, FaultSchedule, TurnCounter
from transcribe_cli.emulator.fault_specs import Trigger
from transcribe_cli.emulator.hidden_secrets import message_without_secrets
from transcribe_cli.emulator.http_connection import report_fault
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.outbox_sender import ClientConnection, ClientLeft, Last, OutboxSender
from transcribe_cli.emulator.service_clock import ServiceClock
from transcribe_cli.emulator.session_records import SessionRecord
from transcribe_cli.emulator.websocket_connection import LOST

_LONGEST_NAP_S = 1.0  # between two looks at the clock: a heartbeat may be asked for at any time

P = ParamSpec("P")


def _guarded(
    method: Callable[Concatenate["SessionTask", P], None],
) -> Callable[Concatenate["SessionTask", P], None]:
    """What others call: an internal error ends the session, and is reported on stderr."""

    @wraps(method)
    def guarded(task: "SessionTask", /, *args: P.args, **options: P.kwargs) -> None:
        try:
            method(task, *args, **options)
        except Exception as e:
            task.break_off(e)

    return guarded


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
        self._schedule = FaultSchedule() if schedule is None else schedule
        self._record = record
        self._clock = clock or ServiceClock()
        self._leave = leave
        self._counter = TurnCounter() if self._schedule.counts_words else None
        self._opened = self._clock.monotonic()
        self._terminated = False  # the client has sent Terminate
        self.why_ended = ""
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[Close | None] = self._loop.create_future()
        self._finishing: asyncio.Task[None] | None = None
        self._looking: asyncio.TimerHandle | None = None  # when to look at the clock
        self._sender = OutboxSender(client, self._end_with)

    async def run(self, before_begin: Iterable[ToClient] = ()) -> Close | None:
        """Run the session until either side closes; then its engine and slot are released.

        Returns:
            The close to send to the client; None if it has gone.
        """
        self._clock.watchers.add(self.look_at_clock)
        try:
            self._begin(before_begin)
            return await self._over
        finally:
            self._clock.watchers.discard(self.look_at_clock)
            self._sender.close()
            if self._looking is not None:
                self._looking.cancel()
            if self._finishing is not None:
                await asyncio.gather(self._finishing, return_exceptions=True)
            await self._let_go()

    @_guarded
    def _begin(self, before_begin: Iterable[ToClient]) -> None:
        self._perform(before_begin)
        self._go_wrong(self._schedule.reached(Trigger.BEGIN))
        if not self._session.closing:
            self._perform(self._session.begin(self._clock.unix()))
        self._engine.begin(self)
        # A script may send messages before any audio.
        self._engine.order(Hear(b""))
        self.look_at_clock()
        self._client.hand_to(self)

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

    def stop(self, reason: str) -> None:
        """End from outside: close after what is queued."""
        self._session.closing = True
        self._sender.end_with(Close(1001, reason))

    def break_off(self, error: Exception) -> None:
        """End for a fault of the service itself."""
        self._perform(self._session.failed())
        report_fault(error)

    async def _let_go(self) -> None:
        """Release engine and slot. May be called twice."""
        await self._engine.close()
        self._leave()

    # What the client sends. After our close it is read too, so that its own close frame is seen.

    @property
    def is_ready(self) -> bool:
        """Whether the client's next message can be dealt with."""
        sender = self._sender
        return self._engine.is_ready and not sender.is_stalled and not sender.is_full

    @_guarded
    def take(self, message: str | bytes) -> None:
        """Deal with one message."""
        now = self._clock.monotonic()
        if self._record is not None:
            self._record.frame(message, round((now - self._opened) * 1000))
        if isinstance(message, bytes):
            self._perform(self._session.audio(message, now))
            if self._schedule:
                self._go_wrong(self._schedule.reached(Trigger.AUDIO, self._session.audio_s))
            return
        if self._logbook.is_kept:
            self._log("message", text=message_without_secrets(message))
        actions = self._session.text(message, now)
        if self._record is not None:
            self._record.without_effect |= self._session.unused
        self._terminated |= self._session.terminating
        if self._session.terminating:
            self._go_wrong(self._schedule.reached(Trigger.TERMINATE))
        self._perform(actions)

    @_guarded
    def client_left(self, code: int, error: str) -> None:
        """The client has gone, after all that it has said."""
        self._sender.end_with(ClientLeft(code, error))

    @_guarded
    def has_room(self) -> None:
        """The client has made room for more."""
        self._sender.go_on()
        self._client.go_on()

    # What the engine answers.

    @_guarded
    def hear(self, answer: FromEngine) -> None:
        """Deal with one answer."""
        if isinstance(answer, Finished):
            self._finishing = self._loop.create_task(self._finish())
        elif self._counter is None or not isinstance(answer, Send):
            self._tell(answer)
        elif self._counter.count(answer.text):
            self._go_wrong(self._schedule.reached(Trigger.WORD, self._counter.words))
            self._tell(answer)
            self._go_wrong(self._schedule.reached(Trigger.TURN, self._counter.turns))
        else:
            self._tell(answer)

    async def _finish(self) -> None:
        """Say that it is over; before that the client's next session has its slot."""
        try:
            await self._let_go()
            self._perform(self._session.finished(self._clock.monotonic()))
        except Exception as e:
            self.break_off(e)

    @_guarded
    def engine_failed(self, error: Exception) -> None:
        """The engine has ended before the session."""
        if not isinstance(error, EngineFailed):
            raise error
        self._perform(self._session.failed(str(error)))

    @_guarded
    def engine_has_room(self) -> None:
        """The engine was too far behind, perhaps, and is so no longer."""
        self._client.go_on()

    # What is due by the clock.

    @_guarded
    def look_at_clock(self) -> None:
        """Do what is due, and see to it that this is called again."""
        if self._looking is not None:
            self._looking.cancel()
        if self._session.closing:
            return
        now = self._clock.monotonic()
        if not self.is_ready:
            self._session.was_held_up(now)
        self._go_wrong(self._schedule.reached(Trigger.TIME, now - self._opened))
        self._go_wrong(self._schedule.reached(Trigger.EXPIRY, self._session.age_s(now)))
        beat = self._session.is_beat_due(now)
        probability = self._engine.take_speech_probability() if beat else 0.0
        self._perform(self._session.tick(now, probability))
        due = self._session.next_tick()
        fault_s = self._schedule.next_time()
        if fault_s is not None:
            due = min(due, self._opened + fault_s)
        nap_s = min(max(due - now, 0.0), _LONGEST_NAP_S)
        self._looking = self._loop.call_later(nap_s, self.look_at_clock)

    # What follows.

    def _tell(self, action: ToClient) -> None:
        """Perform an engine's action, unless the session is closing."""
        if not self._session.closing:
            self._session.closing = isinstance(action, (Close, Drop))
            self._sender.take(action)

    def _go_wrong(self, faults: Sequence[DueFault]) -> None:
        """Cause faults that are due."""
        for spec, actions in faults:
            if self._session.closing:
                return
            self._log("fault", fault=spec)
            if self._record is not None:
                self._record.faults.append(spec)
            for action in actions:
                assert not isinstance(action, Answer)  # its moment is before the upgrade
                self._tell(action)

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Hear() | Configure() | EndTurn():
                    self._engine.order(action)
                case Finish():
                    self._log("terminate")
                    self._engine.order(action)
                case _:
                    self._sender.take(action)

    # How it ends.

    @_guarded
    def _end_with(self, last: Last) -> None:
        """The connection ends: nothing more can be sent but a close."""
        try:
            match last:
                case Close(code, _, error):
                    self._closed(code, error)
                case Drop(reset):
                    self._client.abort(reset)
                    self.why_ended = "cut on purpose"
                    self._end(LOST, "service")
                case ClientLeft(code, ""):
                    self.why_ended = f"the client left ({code})"
                    self._end(code, "client")
                case ClientLeft(code, error):
                    self._closed(code, error)
        finally:  # also where nothing can be logged any more
            if not self._over.done():  # cancelled, where the service has stopped meanwhile
                self._over.set_result(last if isinstance(last, Close) else None)

    def _closed(self, code: int, error: str | None) -> None:
        """The service has closed the session, perhaps for an error."""
        asked = self._terminated and code == 1000
        self.why_ended = "Terminate" if asked else f"closed with {code}"
        if error is not None:
            self.why_ended += f": {error}"
        self._end(code, "service", error)

    def _end(self, code: int, by: str, error: str | None = None) -> None:
        told: dict[str, object] = {} if error is None else {"error": error}
        if self._session.unused:
            told["without_effect"] = sorted(self._session.unused)
        if (record := self._record) is not None:
            record.end(code, by, error)
            if self._logbook.is_kept:
                told["chunk_bytes"] = list(record.chunk_bytes)
                told["chunk_ms"] = list(record.chunk_ms)
        self._log("close", code=code, by=by, **told)

    def _log(self, event: str, **fields: object) -> None:
        if self._record is not None:
            fields = {"connection": self._record.number, **fields}
        audio_ms = round(self._session.audio_s * 1000)
        self._logbook.write(event, session=self._session.id, audio_ms=audio_ms, **fields)
