"""An engine that plays a script instead of recognising speech. Pure."""

from itertools import takewhile
from typing import NamedTuple

import msgspec

from transcribe_cli.emulator.actions import Send, ToClient
from transcribe_cli.emulator.bare_turns import WORD_MS
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.told_turns import ToldTurns, ToldWord
from transcribe_cli.emulator.parameter_effects import TurnEffects
from transcribe_cli.emulator.script import Say, Script, ScriptStep
from transcribe_cli.emulator.text_formatting import unwritten
from transcribe_cli.protocol.messages import Turn


class _Due(NamedTuple):
    """What is sent once so much audio has come; `said`: it was made here."""

    at_ms: int
    action: ToClient
    said: bool = False


class ScriptedEngine:
    """Plays one script along the audio it receives.

    Args:
        effects: what is done to the turns that are said.
    """

    def __init__(
        self, script: Script, settings: EngineSettings, effects: TurnEffects | None = None
    ) -> None:
        self._effects = effects or TurnEffects({}, settings)
        self._bytes_per_second = settings.bytes_per_second
        self._heard_bytes = 0
        turns = ToldTurns(settings)
        self._due = [due for step in script.steps for due in _dues(step, turns)]
        self._last = [_Due(0, action) for action in script.on_terminate]
        if any(due.said for due in self._due):
            self._last[:0] = [_Due(0, send, True) for send in turns.finish()]

    def hear(self, data: bytes, more_waiting: bool = False) -> list[ToClient]:
        self._heard_bytes += len(data)
        now_ms = self._heard_bytes * 1000 // self._bytes_per_second
        return self._play(sum(1 for _ in takewhile(lambda due: due.at_ms <= now_ms, self._due)))

    def configure(self, settings: EngineSettings) -> list[ToClient]:
        self._effects.configure(settings)
        return []

    def end_turn(self) -> list[ToClient]:
        """Play on to the next end of a turn, and its second version; nothing without one."""
        ends = [_ended_turn(due.action) for due in self._due]
        at = next((place for place, order in enumerate(ends) if order is not None), None)
        if at is None:
            return []
        count = at + 1
        while count < len(ends) and ends[count] == ends[at]:
            count += 1
        return self._play(count)

    def finish(self) -> list[ToClient]:
        left, self._last = self._last, []
        return [*self._play(len(self._due)), *map(self._made, left)]

    def take_speech_probability(self) -> float:
        return 0.0

    def _play(self, count: int) -> list[ToClient]:
        """Play the next so many."""
        played, self._due = self._due[:count], self._due[count:]
        return [self._made(due) for due in played]

    def _made(self, due: _Due) -> ToClient:
        if due.said and isinstance(due.action, Send):
            return Send(self._effects.applied(due.action.text))
        return due.action


def _dues(step: ScriptStep, turns: ToldTurns) -> list[_Due]:
    """What a step sends, and when; a turn that is said word by word."""
    say, at_ms = step.action, step.at_ms
    if not isinstance(say, Say):
        return [_Due(at_ms, say)]
    words = [
        ToldWord(
            text=unwritten(text),
            start_ms=at_ms + number * WORD_MS,
            end_ms=at_ms + (number + 1) * WORD_MS,
            formatted=text,
            speaker=say.speaker,
        )
        for number, text in enumerate(say.text.split())
    ]
    dues = [
        _Due(word.end_ms, send, True)
        for number, word in enumerate(words[:-1], 1)
        for send in turns.partial(words[:number])
    ]
    finals = turns.final(words, say.language_code, say.revised_speaker)
    return [*dues, *(_Due(words[-1].end_ms, send, True) for send in finals)]


def _ended_turn(action: ToClient) -> int | None:
    """The number of the turn that a step ends; None for any other step."""
    if not isinstance(action, Send):
        return None
    try:
        turn = msgspec.json.decode(action.text, type=_Ended)
    except msgspec.DecodeError:
        return None
    return turn.turn_order if turn.end_of_turn and turn.type == Turn.type else None


class _Ended(msgspec.Struct):
    """What tells the end of a turn."""

    type: str = ""
    turn_order: int = 0
    end_of_turn: bool = False
