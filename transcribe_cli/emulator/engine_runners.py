"""What a session needs of its engine, wherever that runs; and one that runs in this process."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

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
from transcribe_cli.emulator.engines.engine import Engine
from transcribe_cli.emulator.parameter_effects import TurnEffects
from transcribe_cli.emulator.webhook import Webhook


class EngineFailed(Exception):
    """The engine, or its process, ended before its session did.

    Its text says why; it is "" where a process ended, which the next session may have whole.
    """


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


class RunnerWithEffects:
    """Runs an engine whose messages are changed on their way, or collected for a webhook.

    Args:
        effects: None: they stay as they are.
    """

    def __init__(
        self, runner: EngineRunner, effects: TurnEffects | None, webhook: Webhook | None = None
    ) -> None:
        self._runner = runner
        self._effects = effects
        self._webhook = webhook

    async def order(self, order: ToEngine) -> None:
        if isinstance(order, Configure) and self._effects is not None:
            self._effects.configure(order.settings)
        await self._runner.order(order)

    async def answer(self) -> FromEngine:
        answer = await self._runner.answer()
        if isinstance(answer, Send):
            if self._effects is not None:
                answer = Send(self._effects.applied(answer.text))
            if self._webhook is not None:
                self._webhook.heard(answer.text)
        return answer

    def take_speech_probability(self) -> float:
        return self._runner.take_speech_probability()

    async def close(self) -> None:
        await self._runner.close()
