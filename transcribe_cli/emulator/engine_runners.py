"""What a session needs of its engine, wherever that runs; and one that runs in this process."""

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


class AnswerTaker(Protocol):
    """Takes what an engine answers: at once, while it is given an order, or later."""

    def hear(self, answer: FromEngine) -> None:
        """The next answer."""

    def engine_failed(self, error: Exception) -> None:
        """The engine has ended: an `EngineFailed`, or a fault of the service itself."""

    def engine_has_room(self) -> None:
        """It takes more audio again."""


class EngineRunner(Protocol):
    """Runs the engine of one session: takes orders, gives answers."""

    @property
    def is_ready(self) -> bool:
        """Whether it takes more; while it is too far behind it does not."""

    def begin(self, taker: AnswerTaker) -> None:
        """Have answers told; before that none is."""

    def order(self, order: ToEngine) -> None:
        """Give an order."""

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

    is_ready = True

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._taker: AnswerTaker

    def begin(self, taker: AnswerTaker) -> None:
        self._taker = taker

    def order(self, order: ToEngine) -> None:
        for answer in carry_out(self._engine, order):
            self._taker.hear(answer)

    def take_speech_probability(self) -> float:
        return self._engine.take_speech_probability()

    async def close(self) -> None:
        return


class RunnerAround:
    """Runs an engine by another runner, whose answers it takes first; here all is passed on."""

    def __init__(self, runner: EngineRunner) -> None:
        self._runner = runner
        self._taker: AnswerTaker

    @property
    def is_ready(self) -> bool:
        return self._runner.is_ready

    def begin(self, taker: AnswerTaker) -> None:
        self._taker = taker
        self._runner.begin(self)

    def order(self, order: ToEngine) -> None:
        self._runner.order(order)

    def hear(self, answer: FromEngine) -> None:
        self._taker.hear(answer)

    def engine_failed(self, error: Exception) -> None:
        self._taker.engine_failed(error)

    def engine_has_room(self) -> None:
        self._taker.engine_has_room()

    def take_speech_probability(self) -> float:
        return self._runner.take_speech_probability()

    async def close(self) -> None:
        await self._runner.close()


class RunnerWithEffects(RunnerAround):
    """Runs an engine whose messages are changed on their way, or collected for a webhook.

    Args:
        effects: None: they stay as they are.
    """

    def __init__(
        self, runner: EngineRunner, effects: TurnEffects | None, webhook: Webhook | None = None
    ) -> None:
        super().__init__(runner)
        self._effects = effects
        self._webhook = webhook

    def order(self, order: ToEngine) -> None:
        if isinstance(order, Configure) and self._effects is not None:
            self._effects.configure(order.settings)
        self._runner.order(order)

    def hear(self, answer: FromEngine) -> None:
        if isinstance(answer, Send):
            if self._effects:
                answer = Send(self._effects.applied(answer.text))
            if self._webhook is not None:
                self._webhook.heard(answer.text)
        self._taker.hear(answer)
