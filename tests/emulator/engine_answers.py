"""What an engine answers, one after another."""

import asyncio

from transcribe_cli.emulator.actions import FromEngine
from transcribe_cli.emulator.engine_runners import EngineRunner


class EngineAnswers:
    """Takes an engine's answers, and keeps them until they are asked for.

    Attributes:
        has_room: set when the engine has said that it takes more again.
    """

    def __init__(self, runner: EngineRunner) -> None:
        self.has_room = asyncio.Event()
        self._told: asyncio.Queue[FromEngine | Exception] = asyncio.Queue()
        runner.begin(self)

    def hear(self, answer: FromEngine) -> None:
        self._told.put_nowait(answer)

    def engine_failed(self, error: Exception) -> None:
        self._told.put_nowait(error)

    def engine_has_room(self) -> None:
        self.has_room.set()

    async def next(self) -> FromEngine:
        """The next answer; raises what ended the engine."""
        told = await self._told.get()
        if isinstance(told, Exception):
            raise told
        return told
