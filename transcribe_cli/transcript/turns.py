"""Turns Turn messages into numbered turns on the recording's clock, each final exactly once.

Pure: it takes messages and the time, and returns updates. The rules come from page "Message
sequence": `turn_order` counts from 0 in each session; the Pro models send one final a turn; the
Universal-Streaming models with `format_turns` may send a raw final and then a formatted one of the
same `turn_order`, or only one. So a raw final is held back for at most `FORMATTED_WAIT_S`, and only
if a formatted one may follow.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.recording_clock import to_recording_clock
from transcribe_cli.transcript.turn_text import Utterances, formatted_utterance

FORMATTED_WAIT_S = 1.0
MOST_OPEN = 100
"""Most open turns of a session. A sound service has one; beyond this the earliest is ended."""

_NEVER = float("inf")


class TurnChannel(NamedTuple):
    """The channel of a whole turn, if channels are kept apart: its number, from 0, and name."""

    number: int
    name: str


class TurnUpdate(Struct):  # not frozen: many a second are made, and none is changed
    """One Turn message in its place in the recording.

    Attributes:
        session, session_offset_ms: the session that said it, and where that session's clock starts.
        turn: number of the turn over all sessions, from 0.
        final: this is the version that counts; true exactly once for each turn.
        held: the turn has ended, but a formatted version may still replace this one.
        start_ms, end_ms: the turn's place on the recording's clock.
        decoded: the message, with its times on the recording's clock.
        formatted: the text that replaced `transcript` in `message`, if the service formats it in
            another field; else "".
        channel: the channel of the whole turn; None if it may be of several.
    """

    session: int
    session_offset_ms: int
    turn: int
    final: bool
    held: bool
    start_ms: int
    end_ms: int
    decoded: Decoded
    formatted: str = ""
    channel: TurnChannel | None = None

    @property
    def message(self) -> Turn:
        """The typed message."""
        message = self.decoded.message
        assert isinstance(message, Turn)
        return message

    @property
    def raw(self) -> Mapping[str, Any]:
        """Every field of the message."""
        return self.decoded.raw

    def parts(self) -> "list[TurnUpdate]":
        """In a call, the stretches that one side said, with its name; else the turn itself."""
        words, whole = self.message.words, self.channel
        if whole is None and (not words or words[0].channel is None):
            return [self]
        from transcribe_cli.transcript.turns_by_channel import cut_by_channel, named

        return cut_by_channel(self) if whole is None else [named(self, whole.name)]


@dataclass(slots=True)
class _HeldTurn:
    """A turn that has ended and is not final yet.

    A raw final waits for its formatted version until `due`. A turn that is `ready` waits only for
    the turns before it, so that finals come in order.
    """

    decoded: Decoded
    due: float
    ready: bool


@dataclass(slots=True)
class _SessionTurns:
    number: int
    offset_ms: int
    expects_formatted: bool
    utterances: Utterances
    sent_ms: int = sys.maxsize  # on the recording's clock
    numbers: dict[int, int] = field(default_factory=dict)  # turn_order -> turn
    open: dict[int, Decoded] = field(default_factory=dict)  # turn_order -> its last partial
    waiting: dict[int, _HeldTurn] = field(default_factory=dict)  # turn_order -> in order
    finished: set[int] = field(default_factory=set)


class TurnNumbers:
    """Gives a recording's turns their numbers; several transcripts may share it.

    Args:
        first: the first number.
    """

    def __init__(self, first: int = 0) -> None:
        self._next = first

    def take(self) -> int:
        """The next number."""
        self._next += 1
        return self._next - 1

    def give_back(self, numbers: Iterable[int]) -> None:
        """Take back the numbers of dropped turns; the highest ones are given again."""
        for number in sorted(numbers, reverse=True):
            if number == self._next - 1:
                self._next = number


class Transcript:
    """The turns of one recording so far, or of one channel of it.

    Args:
        numbers: gives the turns their numbers.

    Attributes:
        finished_ms: end of the last final word, on the recording's clock; 0 before the first.
        due: when `release_due` has something to return; never, while no final waits.
    """

    def __init__(self, numbers: TurnNumbers | None = None, finished_ms: int = 0) -> None:
        self.finished_ms = finished_ms
        self.due = _NEVER
        self._numbers = numbers or TurnNumbers()
        self._sessions: dict[int, _SessionTurns] = {}

    def begin_session(
        self,
        session: int,
        offset_ms: int,
        *,
        expects_formatted: bool,
        utterances: Utterances = Utterances.UNREAD,
    ) -> None:
        """Begin a session whose first sample lies `offset_ms` into the recording.

        Args:
            expects_formatted: its model may send a formatted final after a raw one.
            utterances: how to read the `utterance` of its raw finals.
        """
        self._sessions[session] = _SessionTurns(session, offset_ms, expects_formatted, utterances)

    def is_open(self, session: int) -> bool:
        """Whether a session has begun here and has not ended."""
        return session in self._sessions

    def receive(
        self, session: int, decoded: Decoded, now: float, sent_ms: int = sys.maxsize
    ) -> list[TurnUpdate]:
        """Take one Turn of a session, decoded and still on the session's clock.

        `now` is any clock in seconds that never goes backwards. The session had been sent `sent_ms`
        of audio: no audio behind that counts as final, whatever the words' times say.
        """
        state = self._sessions[session]
        state.sent_ms = state.offset_ms + sent_ms
        decoded = to_recording_clock(decoded, state.offset_ms)
        turn = decoded.message
        assert isinstance(turn, Turn)
        order = turn.turn_order
        if not turn.end_of_turn or order in state.finished:
            if turn.words and order not in state.finished and order not in state.waiting:
                state.open[order] = decoded
            ended = []
            if len(state.open) > MOST_OPEN:
                ended = [self._finish(state, next(iter(state.open.values())))]
            return [*ended, self._update(state, decoded)]
        state.open.pop(order, None)
        raw = state.waiting.get(order)
        waits = state.expects_formatted and not turn.turn_is_formatted
        waits = waits and raw is None and bool(turn.transcript.strip())
        if raw is None and not waits and not state.waiting:
            return [self._finish(state, decoded)]
        self._number(state, order)  # before the next turn's partials, so that numbers stay in order
        due = now + FORMATTED_WAIT_S if raw is None else raw.due
        state.waiting[order] = _HeldTurn(decoded, due, ready=not waits)
        # The replaced raw final is reported too, as a version that is not final.
        replaced = [self._update(state, raw.decoded)] if raw is not None else []
        return replaced + self._release(state, now)

    def release_due(self, now: float) -> list[TurnUpdate]:
        """Returns raw finals whose formatted version did not arrive in time."""
        return [update for state in self._sessions.values() for update in self._release(state, now)]

    def held_updates(self, session: int) -> list[TurnUpdate]:
        """Returns the ended turns that still wait, for a view that shows them at once."""
        state = self._sessions[session]
        return [self._update(state, turn.decoded, held=True) for turn in state.waiting.values()]

    def open_since_ms(self, session: int) -> int | None:
        """The start in ms of a session's first word that is not final; None without one."""
        return min(
            (_words(turn)[0].start for turn in self._sessions[session].open.values()), default=None
        )

    def end_session(self, session: int, *, complete: bool = False) -> list[TurnUpdate]:
        """End a session; turns that wait become final as they are.

        Open turns are dropped, since the next session transcribes them again, and their numbers are
        used again. `complete`: there is no next session, so open turns become final too.
        """
        state = self._sessions[session]
        updates = self._release(state, _NEVER)
        if complete:
            updates += [self._finish(state, turn) for turn in list(state.open.values())]
        self._numbers.give_back(
            number for order, number in state.numbers.items() if order not in state.finished
        )
        del self._sessions[session]
        return updates

    def _release(self, state: _SessionTurns, now: float) -> list[TurnUpdate]:
        """Finish the first waiting turns that need not wait any longer."""
        updates = []
        for order, turn in list(state.waiting.items()):
            if not turn.ready and turn.due > now:
                break
            del state.waiting[order]
            updates.append(self._finish(state, turn.decoded))
        waiting = (next(iter(other.waiting.values()), None) for other in self._sessions.values())
        self.due = min((first.due for first in waiting if first is not None), default=_NEVER)
        return updates

    def _finish(self, state: _SessionTurns, decoded: Decoded) -> TurnUpdate:
        turn = decoded.message
        assert isinstance(turn, Turn)
        update = self._update(state, decoded, final=True)
        state.finished.add(turn.turn_order)
        state.open.pop(turn.turn_order, None)
        if turn.words:
            self.finished_ms = max(self.finished_ms, min(update.end_ms, state.sent_ms))
        return update

    def _update(
        self, state: _SessionTurns, decoded: Decoded, *, final: bool = False, held: bool = False
    ) -> TurnUpdate:
        turn = decoded.message
        assert isinstance(turn, Turn)
        formatted = formatted_utterance(turn, state.utterances)
        if formatted:
            decoded = with_transcript(decoded, formatted)
        number = self._number(state, turn.turn_order)
        # An empty turn has no time of its own: it starts where the words before it ended.
        words = turn.words
        start_ms = words[0].start if words else max(self.finished_ms, state.offset_ms)
        end_ms = words[-1].end if words and words[-1].end > start_ms else start_ms
        return TurnUpdate(
            session=state.number,
            session_offset_ms=state.offset_ms,
            turn=number,
            final=final,
            held=held,
            start_ms=start_ms,
            end_ms=end_ms,
            decoded=decoded,
            formatted=formatted,
        )

    def _number(self, state: _SessionTurns, order: int) -> int:
        """A turn's number over all sessions; a new turn gets the next one."""
        number = state.numbers.get(order)
        if number is None:
            number = state.numbers[order] = self._numbers.take()
        return number


def with_transcript(decoded: Decoded, text: str) -> Decoded:
    """A Turn with another `transcript` in its typed message; `raw` stays as it was sent."""
    assert isinstance(decoded.message, Turn)
    return Decoded(replace(decoded.message, transcript=text), decoded.fields, decoded.problems)


def _words(decoded: Decoded) -> list[Word]:
    assert isinstance(decoded.message, Turn)
    return decoded.message.words
