"""Chooses what hears a session, and what is done to what it says."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from transcribe_cli.emulator.compressed_audio import COMPRESSED
from transcribe_cli.emulator.emulated_session import CANCELLED
from transcribe_cli.emulator.engine_runners import (
    EngineRunner,
    InProcessRunner,
    RunnerWithEffects,
)
from transcribe_cli.emulator.engine_settings import SPEAKERS, EngineSettings
from transcribe_cli.emulator.engines.counting import CountingEngine
from transcribe_cli.emulator.engines.registry import choose_engine
from transcribe_cli.emulator.engines.scripted import ScriptedEngine
from transcribe_cli.emulator.family_rules import sends_two_finals
from transcribe_cli.emulator.llm_gateway import Answers, RunnerWithGateway
from transcribe_cli.emulator.parameter_effects import (
    GATEWAY,
    OF_ENDS,
    OF_SPEECH,
    OF_TURNS,
    WITHOUT_EFFECT,
    TurnEffects,
    without_effect,
)
from transcribe_cli.emulator.script import Script
from transcribe_cli.emulator.service_options import STAND_INS, ServiceOptions
from transcribe_cli.emulator.session_refused import SessionRefused
from transcribe_cli.emulator.webhook import Webhook

if TYPE_CHECKING:
    from transcribe_cli.emulator.engine_processes import EngineProcesses


_NOT_COUNTED = (
    "The local service counts exact samples here, and {} has none: send pcm_s16le, have it play a "
    "scenario, or start it with an engine that recognises speech"
)


class SessionEngine(NamedTuple):
    """What runs one session.

    Attributes:
        webhook: where its turns are posted afterwards; None: nowhere.
        unused: the parameters that the client asked for and that have no effect.
        idle: those that change nothing in such a session, whatever its model.
        gateway: what has its turns answered; None: nothing.
    """

    runner: EngineRunner
    webhook: Webhook | None
    unused: list[str]
    idle: frozenset[str] = WITHOUT_EFFECT
    gateway: RunnerWithGateway | None = None


class SessionEngines:
    """The engines of one service.

    Attributes:
        llm_answers: what answers `llm_gateway`.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self._options = options
        self.reset()

    def reset(self) -> None:
        """Have what was there at the start."""
        self.llm_answers = Answers(command=self._options.llm_command)

    async def open(
        self, parameters: Mapping[str, Any], settings: EngineSettings, script: Script | None
    ) -> SessionEngine:
        """The engine of a session that has these parameters, and plays a script if there is one.

        Raises:
            SessionRefused: there is no room for it.
        """
        effects: TurnEffects | None = TurnEffects(parameters, settings)
        idle = WITHOUT_EFFECT
        runner: EngineRunner
        if script:
            runner = InProcessRunner(ScriptedEngine(script, settings, effects))
            effects = None  # what else it says is sent as it stands
            idle |= OF_SPEECH | OF_ENDS
            if not script.says:
                idle |= OF_TURNS
        elif self._options.engine == "counting":
            if (encoding := parameters.get("encoding")) in COMPRESSED:
                raise SessionRefused(3006, _NOT_COUNTED.format(encoding))
            idle |= OF_SPEECH
            runner = InProcessRunner(CountingEngine(settings, self._options.turn_words))
        else:
            idle |= SPEAKERS  # no recogniser tells voices apart
            chosen = choose_engine(self._options.engine, settings.is_multilingual)
            try:
                runner = await self._processes.run(chosen, settings)
            except OSError as e:  # no more processes, files or memory
                raise SessionRefused(3005, CANCELLED) from e
        webhook = Webhook(parameters) if "webhook_url" in parameters else None
        runner = RunnerWithEffects(runner, effects, webhook)
        answering: RunnerWithGateway | None = None
        if not self.llm_answers:
            idle |= GATEWAY
        elif gateway := parameters.get("llm_gateway"):
            twice = sends_two_finals(settings)
            runner = answering = RunnerWithGateway(runner, self.llm_answers, gateway, twice)
        unused = without_effect(parameters, settings, idle)
        return SessionEngine(runner, webhook, unused, idle, answering)

    async def prepare(self) -> None:
        """Load the engine that was asked for, so that the first session need not wait for it."""
        asked = self._options.engine
        if asked is not None and asked not in STAND_INS:
            with suppress(OSError):  # the session will tell
                await self._processes.prepare(choose_engine(asked))

    async def close(self) -> None:
        """Release what sessions shared, when they are over."""
        if "_processes" in vars(self):
            await self._processes.close()

    @cached_property
    def _processes(self) -> "EngineProcesses":
        """The processes of engines, which not every service has."""
        from transcribe_cli.emulator.engine_processes import EngineProcesses

        return EngineProcesses()
