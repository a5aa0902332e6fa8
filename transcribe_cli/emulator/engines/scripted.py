"""An engine that plays a script instead of recognising speech. Pure."""

from typing import Any, NamedTuple

import msgspec

from transcribe_cli.emulator.actions import Close, Drop, Send, Stall, ToClient
from transcribe_cli.emulator.bare_turns import WORD_MS, UnnumberedTurn
from transcribe_cli.emulator.end_of_turn import turn_silence_ms
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.told_turns import ToldTurns, ToldWord
from transcribe_cli.emulator.parameter_effects import TurnEffects
from transcribe_cli.emulator.script import Say, Script, ScriptStep
from transcribe_cli.emulator.text_formatting import unwritten
from transcribe_cli.protocol.messages import SpeechStarted, Turn


class _SaidWord(NamedTuple):
    """A word of a line that is said; `is_last` of it."""

    word: ToldWord
    line: Say
    is_last: bool


_Happening = ToClient | UnnumberedTurn | _SaidWord


class _Cue(NamedTuple):
    """What happens once so much audio has come.

    Attributes:
        told: what a message tells of a turn; None of any other one, and of what is no message.
    """

    at_ms: int
    action: _Happening
    told: "_Told | None" = None


class ScriptedEngine:
    """Plays one script along the audio it receives.

    A turn that is said ends with its line; in the mode `manual`, where the client ends turns, the
    lines that follow belong to it too.

    Args:
        effects: what is done to the turns that are said.
    """

    def __init__(
        self, script: Script, settings: EngineSettings, effects: TurnEffects | None = None
    ) -> None:
        self._settings = settings
        self._effects = effects or TurnEffects({}, settings)
        self._heard_bytes = 0
        self._cues = [cue for step in script.steps for cue in _cues(step)]
        self._next = 0  # the first that has not been played
        self._turns = ToldTurns(settings)
        self._said: list[_SaidWord] = []  # of the open turn
        self._says = script.says
        self._on_terminate = list(script.on_terminate)

    def hear(self, data: bytes, more_waiting: bool = False) -> list[ToClient]:
        self._heard_bytes += len(data)
        now_ms = self._now_ms()
        played: list[ToClient] = []
        while self._next < len(self._cues) and self._cues[self._next].at_ms <= now_ms:
            played += self._play_next()
        if self._said and self._ends_turn(self._silence_ms(now_ms)):
            played += self._end_said()
        return played

    def configure(self, settings: EngineSettings) -> list[ToClient]:
        self._settings = settings
        self._turns.configure(settings)
        self._effects.configure(settings)
        return []

    def end_turn(self) -> list[ToClient]:
        """End the open turn, if one is open.

        One that is said ends with the words heard so far, and the rest of its line is another. Of
        bare messages all are played up to its end, and its second version.
        """
        if self._said:
            return self._end_said()
        end = self._end_of_bare_turn()
        return [action for _ in range(end - self._next) for action in self._play_next()]

    def finish(self) -> list[ToClient]:
        count = len(self._cues) - self._next
        played = [action for _ in range(count) for action in self._play_next()]
        if self._said:
            played += self._end_said()
        if self._says:
            self._says = False
            played += self._made(self._turns.finish())
        left, self._on_terminate = self._on_terminate, []
        return [*played, *left]

    def take_speech_probability(self) -> float:
        return 0.0

    def _now_ms(self) -> int:
        return self._heard_bytes * 1000 // self._settings.bytes_per_second

    def _play_next(self) -> list[ToClient]:
        _, action, told = self._cues[self._next]
        self._next += 1
        return self._say(action) if isinstance(action, _SaidWord) else self._bare(action, told)

    def _bare(self, action: ToClient | UnnumberedTurn, told: "_Told | None") -> list[ToClient]:
        """What is no word: a message that tells of a turn comes after the one that is said."""
        if told is None:
            assert not isinstance(action, UnnumberedTurn)
            return [action]
        ended = self._end_said() if self._said else []
        order = told.turn_order
        if isinstance(action, UnnumberedTurn):
            order, action = action.numbered(self._turns.next_order)
        if order is not None:
            self._turns.next_order = max(self._turns.next_order, round(order) + told.ends)
        return [*ended, action]

    def _say(self, said: _SaidWord) -> list[ToClient]:
        """Add a word to the open turn; the newest word of a partial is not final yet."""
        played: list[ToClient] = []
        if self._said and self._ends_turn(said.word.start_ms - self._said[-1].word.end_ms):
            played += self._end_said()
        self._said.append(said)
        if said.is_last and not self._settings.manual:
            return played + self._end_said()
        *before, newest = self._words()
        return played + self._made(self._turns.partial(before, newest))

    def _end_said(self) -> list[ToClient]:
        words, line = self._words(), self._said[-1].line
        self._said = []
        return self._made(self._turns.final(words, line.language_code, line.revised_speaker))

    def _words(self) -> list[ToldWord]:
        return [said.word for said in self._said]

    def _made(self, sends: list[Send]) -> list[ToClient]:
        """What is said, as the client asked for it."""
        return [Send(self._effects.applied(send.text)) for send in sends]

    def _ends_turn(self, silence_ms: int) -> bool:
        return silence_ms > 0 and silence_ms >= turn_silence_ms(self._settings)

    def _silence_ms(self, now_ms: int) -> int:
        """Silence since the last word of the open turn; 0 while the next one sounds."""
        for cue in self._cues[self._next : self._next + 1]:
            if isinstance(cue.action, _SaidWord) and cue.action.word.start_ms <= now_ms:
                return 0
        return now_ms - self._said[-1].word.end_ms

    def _end_of_bare_turn(self) -> int:
        """The cue that follows the end of the turn that is open; the next one if none is.

        A turn is open once a message of it has been played, or its first word has begun; one
        without times begins right after the line before it. What closes, cuts or stalls the
        connection before its end is not played ahead of its time, so there is none to force.
        """
        is_open = self._is_bare_turn_open()
        now_ms = self._now_ms()
        for at in range(self._next, len(self._cues)):
            at_ms, action, told = self._cues[at]
            if isinstance(action, _SaidWord):
                break
            if isinstance(action, Close | Drop | Stall) and at_ms > now_ms:
                break
            if told is None:
                continue
            begins_ms = told.begins_ms
            if begins_ms is None:
                begins_ms = self._cues[at - 1].at_ms if at else 0
            if not is_open and begins_ms >= now_ms:
                break
            is_open = True
            if told.ends:
                order, end = told.turn_order, at + 1
                while end < len(self._cues) and _ends(self._cues[end], order):
                    end += 1
                return end
        return self._next

    def _is_bare_turn_open(self) -> bool:
        """Whether the last message that told of speech ended no turn."""
        for cue in reversed(self._cues[: self._next]):
            if isinstance(cue.action, _SaidWord):
                return False
            if cue.told is not None:
                return not cue.told.ends
        return False


def _cues(step: ScriptStep) -> list[_Cue]:
    """What a step has happen, and when; a line that is said word by word."""
    say, at_ms = step.action, step.at_ms
    if not isinstance(say, Say):
        return [_Cue(at_ms, say, _told_by(say))]
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
    return [_Cue(word.end_ms, _SaidWord(word, say, word is words[-1])) for word in words]


class _Word(msgspec.Struct):
    start: float | None = 0


class _Told(msgspec.Struct):
    """What a message tells of a turn."""

    type: str = ""
    turn_order: float | None = None
    end_of_turn: bool | None = None
    words: list[_Word] | None = None
    timestamp: Any = None

    @property
    def begins_ms(self) -> float | None:
        begins_ms = self.words[0].start if self.words else self.timestamp
        return begins_ms if isinstance(begins_ms, int | float) else None

    @property
    def ends(self) -> bool:
        return self.end_of_turn is True


def _told_by(action: ToClient | UnnumberedTurn) -> _Told | None:
    try:
        match action:
            case UnnumberedTurn():
                told = msgspec.convert(action.fields, type=_Told)
            case Send():
                told = msgspec.json.decode(action.text, type=_Told)
            case _:
                return None
    except (msgspec.DecodeError, RecursionError):
        return None
    return told if told.type in (Turn.type, SpeechStarted.type) else None


def _ends(cue: _Cue, turn_order: float | None) -> bool:
    """Whether it is another version of a turn's end."""
    if isinstance(cue.action, UnnumberedTurn):
        return cue.action.again
    told = cue.told
    return told is not None and told.ends and told.turn_order == turn_order
