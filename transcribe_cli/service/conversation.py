"""Moves frames between one client, its session's rules and its engine.

Three tasks bring something (the client's frames, the engine's answers, the clock) and one sends, so
that what the client gets has one order. Whatever is decided is decided by `Session`.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import NamedTuple, Protocol

from transcribe_cli.service.actions import (
    Action,
    Close,
    Configure,
    Drop,
    EndTurn,
    Finish,
    Finished,
    Hear,
    Send,
    Stall,
    ToClient,
)
from transcribe_cli.service.logbook import Logbook
from transcribe_cli.service.ports import EngineFailed, EnginePort
from transcribe_cli.service.session import Session

_LONGEST_NAP_S = 1.0  # between two looks at the clock: a heartbeat may be asked for at any time


class Gone(Exception):
    """The client has closed the connection, or it is lost; `code` is the close's (1006: none)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Wire(Protocol):
    """One client's connection, as a conversation sees it."""

    async def receive(self) -> str | bytes:
        """The next frame. Raises `Gone`."""

    async def send(self, text: str) -> None:
        """Send a text frame. Raises `Gone`."""

    async def close(self, code: int, reason: str) -> None:
        """Close with a close frame, and wait for the client's, not for long."""

    def abort(self) -> None:
        """Cut the TCP connection."""


class _ClientGone(NamedTuple):
    """In the outbox: there is no one left to send to."""

    code: int


class Conversation:
    """One connection, from `Begin` to its end."""

    def __init__(self, wire: Wire, session: Session, engine: EnginePort, logbook: Logbook) -> None:
        self._wire = wire
        self._session = session
        self._engine = engine
        self._logbook = logbook
        self._outbox: asyncio.Queue[ToClient | _ClientGone] = asyncio.Queue()
        self._moving = asyncio.Event()  # cleared while stalled
        self._moving.set()

    async def run(self, before_begin: Iterable[ToClient] = ()) -> None:
        """Talk until either side closes."""
        for action in (*before_begin, *self._session.begin(time.time())):
            await self._perform([action])
        # A script may have something to say before any audio.
        await self._engine.order(Hear(b""))
        tasks = [
            asyncio.create_task(self._guard(work))
            for work in (self._read(), self._relay(), self._watch())
        ]
        try:
            await self._write()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._engine.close()

    def stop(self) -> None:
        """The service is going away: close behind what is already on its way."""
        self._session.closing = True
        self._outbox.put_nowait(Close(1001, "The local service was stopped"))

    async def _guard(self, work: Awaitable[None]) -> None:
        """Run one of the three; a fault of ours ends the session, and is told on stderr."""
        try:
            await work
        except Exception as e:
            await self._perform(self._session.failed())
            fault = {"message": "a fault of the local service", "exception": e}
            asyncio.get_running_loop().call_exception_handler(fault)

    async def _read(self) -> None:
        """Take what the client sends; also after a close, or its own close frame is not seen."""
        while True:
            try:
                frame = await self._wire.receive()
            except Gone as e:
                self._outbox.put_nowait(_ClientGone(e.code))
                return
            await self._moving.wait()
            now = time.monotonic()
            if isinstance(frame, bytes):
                actions = self._session.audio(frame, now)
            else:
                actions = self._session.text(frame, now)
            await self._perform(actions)
            self._session.was_held_up(time.monotonic())

    async def _relay(self) -> None:
        """Take what the engine answers."""
        while True:
            try:
                answer = await self._engine.answer()
            except EngineFailed:
                await self._perform(self._session.failed())
                return
            if isinstance(answer, Finished):
                await self._perform(self._session.finished(time.monotonic()))
                return
            if not self._session.closing:
                self._session.closing = isinstance(answer, Close | Drop)
                await self._perform([answer])

    async def _watch(self) -> None:
        """Take what the clock brings."""
        while not self._session.closing:
            nap_s = self._session.next_tick() - time.monotonic()
            await asyncio.sleep(min(max(nap_s, 0.0), _LONGEST_NAP_S))
            now = time.monotonic()
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
                case _:
                    self._outbox.put_nowait(action)

    async def _write(self) -> None:
        """Send what is in the outbox, until something in it ends the connection."""
        while True:
            match await self._outbox.get():
                case Send(text):
                    # A client that is gone is reported by the reader, with its code.
                    with suppress(Gone):
                        await self._wire.send(text)
                case Stall(ms):
                    self._moving.clear()
                    await asyncio.sleep(ms / 1000)
                    self._moving.set()
                case Close(code, reason):
                    self._log("close", code=code, by="service")
                    await self._wire.close(code, reason)
                    return
                case Drop():
                    self._log("close", code=1006, by="service")
                    self._wire.abort()
                    return
                case _ClientGone(code):
                    self._log("close", code=code, by="client")
                    return

    def _log(self, event: str, **fields: object) -> None:
        audio_ms = round(self._session.audio_s * 1000)
        self._logbook.write(event, session=self._session.id, audio_ms=audio_ms, **fields)
