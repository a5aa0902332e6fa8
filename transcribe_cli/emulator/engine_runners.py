"""Runs a session's engine: in this process, or in a worker process of its own."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from transcribe_cli.emulator import engine_worker
from transcribe_cli.emulator.actions import (
    Configure,
    EndTurn,
    Finish,
    Finished,
    FromEngine,
    Hear,
    Send,
    ToEngine,
)
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.engine import Engine
from transcribe_cli.system.child_process import detached, module_command, module_environment

MAX_LAG_S = 4.0  # of audio that a worker was sent and has not processed


class EngineFailed(Exception):
    """The worker process ended before its session did."""


class EngineRunner(Protocol):
    """Runs the engine of one session: takes orders, gives answers."""

    async def order(self, order: ToEngine) -> None:
        """Send an order; waits while the engine is too far behind."""

    async def answer(self) -> FromEngine:
        """The next answer.

        Raises:
            EngineFailed: the engine has ended.
        """

    def take_speech_probability(self) -> float:
        """The greatest probability of speech, 0 to 1, since this was last asked."""

    async def close(self) -> None:
        """End the engine, whatever it is doing."""


def carry_out(engine: Engine, order: ToEngine) -> Sequence[FromEngine]:
    """Carry out one order on an engine."""
    match order:
        case Hear(data):
            return engine.hear(data)
        case Configure(settings):
            return engine.configure(settings)
        case EndTurn():
            return engine.end_turn()
        case Finish():
            return [*engine.finish(), Finished()]


class InProcessRunner:
    """Runs an engine without much computation in the service's own process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._answers: asyncio.Queue[FromEngine] = asyncio.Queue()

    async def order(self, order: ToEngine) -> None:
        for answer in carry_out(self._engine, order):
            self._answers.put_nowait(answer)

    async def answer(self) -> FromEngine:
        return await self._answers.get()

    def take_speech_probability(self) -> float:
        return self._engine.take_speech_probability()

    async def close(self) -> None:
        return


class WorkerRunner:
    """Runs an engine in a process of its own; create it by `start`."""

    def __init__(self, process: Process, settings: EngineSettings) -> None:
        assert process.stdin is not None and process.stdout is not None  # both are pipes
        self._process = process
        self._orders = process.stdin
        self._answers = process.stdout
        self._lengths: list[
            int
        ] = []  # bytes of each audio order that is not processed yet, oldest first
        self._max_lag_bytes = int(MAX_LAG_S * settings.bytes_per_second)
        self._caught_up = asyncio.Condition()
        self._failed = False
        self._loudest = 0.0

    @classmethod
    async def start(cls, engine: str, settings: EngineSettings) -> "WorkerRunner":
        """Start the process; it loads its model while the session begins."""
        process = await asyncio.create_subprocess_exec(
            *module_command("transcribe_cli.emulator.engine_worker"),
            stdin=PIPE,
            stdout=PIPE,
            env=module_environment(),
            **detached(),
        )
        port = cls(process, settings)
        start = engine_worker.WorkerStart(engine, settings)
        await port._write(engine_worker.START, msgspec.json.encode(start))
        return port

    async def order(self, order: ToEngine) -> None:
        match order:
            case Hear(data):
                self._lengths.append(len(data))
                await self._write(engine_worker.AUDIO, data)
                async with self._caught_up:
                    await self._caught_up.wait_for(
                        lambda: self._failed or sum(self._lengths) <= self._max_lag_bytes
                    )
            case Configure(settings):
                await self._write(engine_worker.CONFIGURE, msgspec.json.encode(settings))
            case EndTurn():
                await self._write(engine_worker.END_TURN)
            case Finish():
                await self._write(engine_worker.FINISH)

    async def answer(self) -> FromEngine:
        while True:
            try:
                header = await self._answers.readexactly(engine_worker.HEADER_BYTES)
                kind, length = engine_worker.unpack_header(header)
                body = await self._answers.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError) as e:
                async with self._caught_up:
                    self._failed = True
                    self._caught_up.notify_all()
                raise EngineFailed from e
            if kind == engine_worker.MESSAGE:
                return Send(body.decode())
            if kind == engine_worker.DONE:
                return Finished()
            self._loudest = max(self._loudest, int(body) / 1_000_000)
            async with self._caught_up:
                del self._lengths[0]
                self._caught_up.notify_all()

    def take_speech_probability(self) -> float:
        loudest, self._loudest = self._loudest, 0.0
        return loudest

    async def close(self) -> None:
        # Killed: it has nothing to save, and may be seconds of audio behind.
        with suppress(ProcessLookupError):
            self._process.kill()
        self._orders.close()
        with suppress(ConnectionError):
            while await self._answers.read(65536):
                pass
        await self._process.wait()

    async def _write(self, kind: bytes, body: bytes = b"") -> None:
        # If the worker has ended, `answer` raises EngineFailed.
        with suppress(ConnectionError):
            self._orders.write(engine_worker.pack(kind, body))
            await self._orders.drain()
