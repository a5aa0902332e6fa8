"""Fold Turn messages into numbered turns on the recording's clock, each final exactly once.

Pure: messages and the time go in, updates come out. The rules come from page "Message sequence":
`turn_order` counts from 0 in each session; the Pro models send one final a turn; the
Universal-Streaming models with `format_turns` may send a raw final and then a formatted one of the
same `turn_order`, or only one. So a raw final is held back for at most `FORMATTED_WAIT_S`, and only
where a formatted one may follow.
"""

from dataclasses import dataclass, field
from typing import Any

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.transcript.clock import on_recording_clock

FORMATTED_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class TurnUpdate:
    """One Turn message in its place in the recording.

    Attributes:
        session, session_offset_ms: which session said it, and where that session's clock starts.
        turn: number of the turn over all sessions, from 0.
        final: this is the version that counts; true exactly once for each turn.
        held: the turn has ended, but a formatted version may still replace this one.
        start_ms, end_ms: the turn's place on the recording's clock.
        message, raw: the message, its times on the recording's clock.
    """

    session: int
    session_offset_ms: int
    turn: int
    final: bool
    held: bool
    start_ms: int
    end_ms: int
    message: Turn
    raw: dict[str, Any]


@dataclass(slots=True)
class _Held:
    """A raw final that waits for its formatted version."""

    order: int
    decoded: Decoded
    due: float


@dataclass(slots=True)
class _Session:
    number: int
    offset_ms: int
    expects_formatted: bool
    numbers: dict[int, int] = field(default_factory=dict)  # turn_order -> turn
    open_starts: dict[int, int] = field(default_factory=dict)  # turn_order -> ms, not final yet
    finished: set[int] = field(default_factory=set)
    held: _Held | None = None


class Transcript:
    """All turns of one recording so far.

    Attributes:
        finals: how many turns are final.
        finished_ms: end of the last final word, on the recording's clock; 0 before the first.
    """

    def __init__(self, first_turn: int = 0, finished_ms: int = 0) -> None:
        self.finals = first_turn
        self.finished_ms = finished_ms
        self._next_turn = first_turn
        self._last_final = first_turn - 1
        self._sessions: dict[int, _Session] = {}

    def begin_session(self, session: int, offset_ms: int, *, expects_formatted: bool) -> None:
        """A session whose first sample lies `offset_ms` into the recording.

        `expects_formatted`: its model may follow a raw final with a formatted one.
        """
        self._sessions[session] = _Session(session, offset_ms, expects_formatted)

    def receive(self, session: int, decoded: Decoded, now: float) -> list[TurnUpdate]:
        """Take one Turn of a session, decoded and still on the session's clock.

        `now` is any clock in seconds that only goes forward.
        """
        state = self._sessions[session]
        decoded = on_recording_clock(decoded, state.offset_ms)
        turn = decoded.message
        assert isinstance(turn, Turn)
        order = turn.turn_order
        updates: list[TurnUpdate] = []
        if state.held is not None:
            if order == state.held.order and turn.end_of_turn:
                # The raw final is followed by its formatted version, which counts.
                updates.append(self._update(state, state.held.decoded))
                state.held = None
                return [*updates, self._finish(state, decoded)]
            if order > state.held.order and turn.end_of_turn:
                updates += self._release(state)
        if not turn.end_of_turn and turn.words and order not in state.finished:
            state.open_starts[order] = turn.words[0].start
        if not turn.end_of_turn or order in state.finished:
            return [*updates, self._update(state, decoded)]
        if state.expects_formatted and not turn.turn_is_formatted and turn.transcript.strip():
            self._number(state, order)  # before the next turn's partials take it
            state.held = _Held(order, decoded, now + FORMATTED_WAIT_S)
            return updates
        return [*updates, self._finish(state, decoded)]

    def release_due(self, now: float) -> list[TurnUpdate]:
        """Finals whose formatted version did not come in time."""
        return [
            update
            for state in self._sessions.values()
            if state.held is not None and state.held.due <= now
            for update in self._release(state)
        ]

    def next_due(self) -> float | None:
        """When `release_due` has something to say; None while nothing is held."""
        due = [state.held.due for state in self._sessions.values() if state.held is not None]
        return min(due, default=None)

    def held_update(self, session: int) -> TurnUpdate | None:
        """The final that is held back, for a view that wants to show it at once."""
        state = self._sessions[session]
        if state.held is None:
            return None
        return self._update(state, state.held.decoded, held=True)

    def open_since_ms(self, session: int) -> int | None:
        """Where the first word begins that was heard in a session and is not final."""
        return min(self._sessions[session].open_starts.values(), default=None)

    def end_session(self, session: int) -> list[TurnUpdate]:
        """Nothing more comes: what is held counts as it is; an open turn will be said again.

        The number of a turn that never became final is free for the next session.
        """
        state = self._sessions[session]
        updates = self._release(state)
        if not any(other.number > session for other in self._sessions.values()):
            self._next_turn = self._last_final + 1
        del self._sessions[session]
        return updates

    def _release(self, state: _Session) -> list[TurnUpdate]:
        if state.held is None:
            return []
        decoded, state.held = state.held.decoded, None
        return [self._finish(state, decoded)]

    def _finish(self, state: _Session, decoded: Decoded) -> TurnUpdate:
        turn = decoded.message
        assert isinstance(turn, Turn)
        update = self._update(state, decoded, final=True)
        state.finished.add(turn.turn_order)
        state.open_starts.pop(turn.turn_order, None)
        self.finals += 1
        self._last_final = max(self._last_final, update.turn)
        if turn.words:
            self.finished_ms = max(self.finished_ms, update.end_ms)
        return update

    def _update(
        self, state: _Session, decoded: Decoded, *, final: bool = False, held: bool = False
    ) -> TurnUpdate:
        turn = decoded.message
        assert isinstance(turn, Turn)
        number = self._number(state, turn.turn_order)
        # An empty turn has no place of its own: it lies where the words before it ended.
        start_ms = turn.words[0].start if turn.words else max(self.finished_ms, state.offset_ms)
        end_ms = turn.words[-1].end if turn.words else start_ms
        return TurnUpdate(
            session=state.number,
            session_offset_ms=state.offset_ms,
            turn=number,
            final=final,
            held=held,
            start_ms=start_ms,
            end_ms=end_ms,
            message=turn,
            raw=decoded.raw,
        )

    def _number(self, state: _Session, order: int) -> int:
        """A turn's number over all sessions, given when it is first met."""
        if order not in state.numbers:
            state.numbers[order] = self._next_turn
            self._next_turn += 1
        return state.numbers[order]
