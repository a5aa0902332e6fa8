"""Runs engines in processes of their own: one for a session, or one for all of an engine."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections import deque
from contextlib import suppress

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
from transcribe_cli.emulator.engine_runners import AnswerTaker, EngineFailed
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.registry import ChosenEngine
from transcribe_cli.system.child_process import detached, module_command, module_environment

MAX_LAG_S = 4.0  # of audio that an engine was sent and has not processed
_MOST_UNWRITTEN_BYTES = 64 * 1024  # of orders that a process has no room for


class EngineProcesses:
    """The worker processes of one service."""

    def __init__(self) -> None:
        self._shared: dict[str, EngineProcess] = {}
        self._starting = asyncio.Lock()
        self._is_closed = False

    async def run(self, engine: ChosenEngine, settings: EngineSettings) -> "ProcessRunner":
        """Run a session's engine, which loads its model while the session begins.

        Raises:
            OSError: no more processes, files or memory; or the service ends.
        """
        if not engine.info.shares_process:
            process = await EngineProcess.start()
            return process.run(engine, settings, alone=True)
        async with self._starting:
            if self._is_closed:
                raise OSError("the service ends")
            shared = self._shared.get(engine.asked)
            if shared is None or shared.has_ended:
                shared = self._shared[engine.asked] = await EngineProcess.start()
        return shared.run(engine, settings, alone=False)

    async def prepare(self, engine: ChosenEngine) -> None:
        """Load what the sessions of an engine share before there is one."""
        if engine.info.shares_process:
            runner = await self.run(engine, EngineSettings())
            await runner.close()

    async def close(self) -> None:
        """End those that sessions share."""
        async with self._starting:
            self._is_closed = True
            for process in self._shared.values():
                await process.kill()


class EngineProcess:
    """One worker process; create it by `start`.

    Attributes:
        has_ended: no more sessions can run in it.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None and process.stdout is not None  # both are pipes
        self.has_ended = False
        self._process = process
        self._orders = process.stdin
        self._answers = process.stdout
        self._runners: dict[int, ProcessRunner] = {}
        self._count = 0  # sessions so far
        self._draining: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> "EngineProcess":
        """Start the process."""
        return cls(
            await asyncio.create_subprocess_exec(
                *module_command("transcribe_cli.emulator.engine_worker"),
                stdin=PIPE,
                stdout=PIPE,
                env=module_environment(),
                **detached(),
            )
        )

    def run(
        self, engine: ChosenEngine, settings: EngineSettings, *, alone: bool
    ) -> "ProcessRunner":
        """Run an engine in it; `alone`: the process ends with this session."""
        number, self._count = self._count, self._count + 1
        runner = self._runners[number] = ProcessRunner(self, number, settings, alone)
        start = engine_worker.WorkerStart(engine.asked, settings)
        self.write(engine_worker.START, number, msgspec.json.encode(start))
        if self.has_ended:
            runner.fail()
        return runner

    @property
    def is_full(self) -> bool:
        """Whether it reads nothing of what it is given; its sessions look again when it does."""
        return self._draining is not None

    def write(self, kind: bytes, session: int, body: bytes = b"") -> None:
        """Give an order; one to a process that has ended is dropped."""
        if self.has_ended or self._orders.is_closing():
            return
        self._orders.write(engine_worker.pack(kind, session, body))
        transport = self._orders.transport
        if not self.is_full and transport.get_write_buffer_size() > _MOST_UNWRITTEN_BYTES:
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        with suppress(OSError):
            await self._orders.drain()
        self._draining = None
        for runner in tuple(self._runners.values()):
            runner.look()

    def close_session(self, number: int) -> None:
        """Forget a session, whatever its engine is doing."""
        if self._runners.pop(number, None) is not None:
            self.write(engine_worker.CLOSE, number)

    async def kill(self) -> None:
        """End the process: it has nothing to save, and may be seconds of audio behind."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._orders.close()
        await self._reading
        await self._process.wait()

    async def _read(self) -> None:
        """Hand answers to their sessions until the process ends."""
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                header = await self._answers.readexactly(engine_worker.HEADER_BYTES)
                kind, number, length = engine_worker.unpack_header(header)
                body = await self._answers.readexactly(length)
                if runner := self._runners.get(number):  # it may be closed
                    runner.take(kind, body)
        self.has_ended = True
        for runner in tuple(self._runners.values()):
            runner.fail()


class ProcessRunner:
    """Runs the engine of one session in a worker process."""

    def __init__(
        self, process: EngineProcess, number: int, settings: EngineSettings, alone: bool
    ) -> None:
        self._process = process
        self._number = number
        self._alone = alone
        self._lengths: deque[int] = deque()  # bytes of each audio order not processed yet
        self._lag_bytes = 0  # their sum
        self._max_lag_bytes = int(MAX_LAG_S * settings.bytes_per_second)
        self._failure: Exception | None = None
        self._taker: AnswerTaker | None = None
        self._loudest = 0.0

    @property
    def is_ready(self) -> bool:
        if self._failure is not None:
            return True  # nothing waits for it any more
        return self._lag_bytes <= self._max_lag_bytes and not self._process.is_full

    def begin(self, taker: AnswerTaker) -> None:
        self._taker = taker
        if self._failure is not None:
            taker.engine_failed(self._failure)

    def order(self, order: ToEngine) -> None:
        match order:
            case Hear(data):
                self._lengths.append(len(data))
                self._lag_bytes += len(data)
                self._write(engine_worker.AUDIO, data)
            case Configure(settings):
                self._write(engine_worker.CONFIGURE, msgspec.json.encode(settings))
            case EndTurn():
                self._write(engine_worker.END_TURN)
            case Finish():
                self._write(engine_worker.FINISH)

    def take_speech_probability(self) -> float:
        loudest, self._loudest = self._loudest, 0.0
        return loudest

    async def close(self) -> None:
        self._process.close_session(self._number)
        if self._alone:
            await self._process.kill()

    def take(self, kind: bytes, body: bytes) -> None:
        """Take what the worker answered; a fault in that ends this session and no other."""
        try:
            self._take(kind, body)
        except Exception as e:
            self._fail_with(e)

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == engine_worker.MESSAGE:
            self._hear(Send(body.decode()))
        elif kind == engine_worker.DONE:
            self._hear(Finished())
        elif kind == engine_worker.FAILED:
            self.fail(body.decode())
        else:
            self._loudest = max(self._loudest, int(body) / 1_000_000)
            self._lag_bytes -= self._lengths.popleft()
            self.look()

    def fail(self, why: str = "") -> None:
        """The engine, or its process, has ended."""
        self._fail_with(EngineFailed(why))

    def _fail_with(self, error: Exception) -> None:
        self._failure = error
        if self._taker is not None:
            self._taker.engine_failed(error)
        self.look()

    def look(self) -> None:
        """Say so if more may be sent."""
        if self._taker is not None and self.is_ready:
            self._taker.engine_has_room()

    def _hear(self, answer: FromEngine) -> None:
        if self._taker is not None:
            self._taker.hear(answer)

    def _write(self, kind: bytes, body: bytes = b"") -> None:
        self._process.write(kind, self._number, body)
