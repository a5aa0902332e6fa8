"""Draws the faults of each connection, and says which are due. Pure."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from transcribe_cli.emulator.actions import (
    Answer,
    Close,
    Delay,
    Drop,
    Repeat,
    Send,
    Shape,
    Stall,
    Swap,
    ToClient,
    send,
)
from transcribe_cli.emulator.emulated_session import NORMAL, Ending, refusal
from transcribe_cli.emulator.fault_specs import Fault, Trigger, parse_fault
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol import messages

_EXPIRED = "Session Expired: Maximum session duration exceeded"
_CROWDED = "Unauthorized Connection: Too many concurrent sessions"
# The service's own words; page "Common session errors and closures".
_ERROR_TEXTS = {
    1008: _CROWDED,
    3005: "Session Cancelled: An error occurred",
    3006: "User Input Validation Error: Invalid Message",
    3007: "Audio Transmission Rate Exceeded: Received 12.50 sec. audio in 10.00 sec",
    3008: _EXPIRED,
    3009: _CROWDED,
}


class DueFault(NamedTuple):
    """A fault that is due."""

    spec: str
    actions: tuple[ToClient | Answer, ...]


class _Drawn(NamedTuple):
    at: float
    moment: Trigger
    due: DueFault


def _of_terms(fault: Fault, moment: Trigger, at: float = 0) -> _Drawn:
    """A fault of the session's own terms, which bring it about."""
    return _Drawn(at, moment, DueFault(fault.spec, ()))


class FaultSchedule:
    """The faults of one connection; each happens once.

    Attributes:
        expires_in_s: how long the session may last; None: as long as the service lets it.
        redirects_to: the model that runs; None: the one that is asked for.
        ending: how the session says that it is over.
    """

    def __init__(self, faults: Sequence[Fault] = (), chance: random.Random | None = None) -> None:
        chance = chance or random.Random(0)  # nosec B311
        self.expires_in_s: float | None = None
        self.redirects_to: str | None = None
        self.ending = NORMAL
        self._waiting: list[_Drawn] = []
        terms: dict[str, _Drawn] = {}  # by kind, since one of each counts
        for fault in faults:
            if chance.random() >= fault.chance:
                continue
            at = fault.at.draw(chance)
            if fault.moment in (Trigger.WORD, Trigger.TURN):
                at = round(at)
            seconds = fault.seconds.draw(chance) if fault.seconds else None
            if fault.kind == "expire":
                if (seconds or 0) >= (self.expires_in_s or float("inf")):
                    continue
                self.expires_in_s = seconds or 0
                terms[fault.kind] = _of_terms(fault, Trigger.EXPIRY, seconds or 0)
            elif fault.kind == "redirect":
                self.redirects_to = fault.text
                terms[fault.kind] = _of_terms(fault, Trigger.BEGIN)
            elif fault.kind == "termination":
                self.ending = Ending(None if seconds is None else round(seconds * 1000))
                terms[fault.kind] = _of_terms(fault, Trigger.TERMINATE)
            else:
                due = DueFault(fault.spec, _actions(fault, seconds))
                self._waiting.append(_Drawn(at, fault.moment, due))
        self._waiting += terms.values()
        self._waiting.sort(key=lambda drawn: drawn.at)

    def __bool__(self) -> bool:
        """Whether any fault is still to come."""
        return bool(self._waiting)

    def reached(self, moment: Trigger, amount: float = 0) -> list[DueFault]:
        """The faults that are due at `amount` seconds, words or turns."""
        due = [
            drawn for drawn in self._waiting if (drawn.moment, True) == (moment, drawn.at <= amount)
        ]
        for drawn in due:
            self._waiting.remove(drawn)
        return [drawn.due for drawn in due]

    def next_time(self) -> float | None:
        """When the next timed fault is due, in seconds since the upgrade."""
        return next((drawn.at for drawn in self._waiting if drawn.moment is Trigger.TIME), None)

    @property
    def counts_words(self) -> bool:
        """Whether any fault waits for a word or a turn."""
        return any(drawn.moment in (Trigger.WORD, Trigger.TURN) for drawn in self._waiting)


class FaultPlan:
    """All faults of a service, and how many connections and requests for a token there were.

    Attributes:
        seed: the seed of random faults; the same seed draws the same faults.
        connections: so far, refused ones too: the number of the next one.
        token_requests: the same for requests for a token.
        token_faults: those that requests for a token have met.
    """

    def __init__(self, specs: Sequence[str] = (), seed: int | None = None) -> None:
        """Read and check the specifications.

        Raises:
            UsageError: one is wrong; it is named.
        """
        self._faults = self._at_start = [parse_fault(spec) for spec in specs]
        self.seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
        self.connections = self.token_requests = 0
        self.token_faults: list[str] = []

    @property
    def is_random(self) -> bool:
        return any(fault.is_random for fault in self._faults)

    @property
    def specs(self) -> list[str]:
        """The faults that may come yet, as they were given."""
        return [fault.spec for fault in self._to_come()]

    @property
    def left(self) -> list[int | None]:
        """For how many connections, or requests for a token, each of them is; None: for all."""
        return [
            None if fault.last is None else fault.last + 1 - max(fault.first, self._next(fault))
            for fault in self._to_come()
        ]

    def _to_come(self) -> list[Fault]:
        return [f for f in self._faults if f.last is None or f.last >= self._next(f)]

    def _next(self, fault: Fault) -> int:
        """The number of the next connection, or request for a token, whatever it is for."""
        return self.token_requests if fault.kind == "token" else self.connections

    def add(self, specs: Sequence[str], count: int | None = None) -> None:
        """Set more faults; with `count`, for the next so many connections, or requests for a token.

        Raises:
            UsageError: one is wrong; it is named. None is set then.
        """
        more = [parse_fault(spec) for spec in specs]
        if count is not None:
            more = [self._for_the_next(fault, count) for fault in more]
        self._faults = [*self._faults, *more]

    def _for_the_next(self, fault: Fault, count: int) -> Fault:
        if fault.picks_sessions:
            raise UsageError(
                f"'{fault.spec}' is for the next {count}, and names sessions itself.",
                "leave its session= out",
            )
        first = self._next(fault)
        return replace(fault, first=first, last=first + count - 1)

    def clear(self) -> None:
        """Set none."""
        self._faults = []

    def reset(self) -> None:
        """Set those of the start, and count from 0."""
        self._faults = self._at_start
        self.connections = self.token_requests = 0
        self.token_faults = []

    def __bool__(self) -> bool:
        return bool(self._faults)

    def draw_next(self) -> FaultSchedule:
        """The faults of the next connection, which is counted."""
        self.connections += 1
        return self.draw(self.connections - 1)

    def draw(self, connection: int) -> FaultSchedule:
        """The faults of a connection; connections are numbered from 0."""
        faults = [f for f in self._faults if f.kind != "token" and f.concerns(connection)]
        return FaultSchedule(faults, random.Random(f"{self.seed}/{connection}"))  # nosec B311

    def next_token_fault(self) -> Fault | None:
        """What the next request for a token fails with; None: it does not."""
        request, self.token_requests = self.token_requests, self.token_requests + 1
        chance = random.Random(f"{self.seed}/token/{request}")  # nosec B311
        for fault in self._faults:
            if fault.kind == "token" and fault.concerns(request) and chance.random() < fault.chance:
                self.token_faults.append(fault.spec)
                return fault
        return None


def _actions(fault: Fault, seconds: float | None) -> tuple[ToClient | Answer, ...]:
    """The actions of a fault, in order."""
    ms = None if seconds is None else round(seconds * 1000)
    code = fault.code
    match fault.kind:
        case "drop" | "reset":
            return (Drop(reset=fault.kind == "reset"),)
        case "close":
            return (Close(code, fault.text or (_EXPIRED if code == 3008 else "")),)
        case "error":
            text = fault.text or _ERROR_TEXTS.get(code, "Internal error")
            return tuple(refusal(code, text))
        case "stall":
            return (Stall(ms),)
        case "delay":
            return (Delay(ms or 0),)
        case "malformed":
            return (Send('{"turn_order":0,"transcript":"cut of'),)
        case "unknown":
            return (send(messages.UnknownMessage("TypeOfTomorrow")),)
        case "warning":
            return (send(messages.Warning(code, fault.text or "a warning on purpose")),)
        case "duplicate":
            return (Repeat(),)
        case "swap":
            return (Swap(),)
        case "join":
            return (Shape(join_ms=ms or 0),)
        case "split":
            return (Shape(piece_bytes=code),)
        case "location":
            return (Answer(307, fault.text),)
        case "refuse":
            return (Answer(code),)
    raise AssertionError(f"a fault that does nothing: {fault.kind}")


class _Told(msgspec.Struct):
    """The fields of a message that counting needs."""

    type: str = ""
    turn_order: int = 0
    end_of_turn: bool = False
    words: list[msgspec.Raw] = msgspec.field(default_factory=list)


class TurnCounter:
    """Counts words and turns in the messages of a session.

    Attributes:
        words: words of all turns, the open one included.
        turns: ended turns; a formatted final after a raw one counts once.
    """

    def __init__(self) -> None:
        self.words = self.turns = 0
        self._order = -1
        self._before = 0  # words of the turns before `_order`
        self._ended = -1

    def count(self, frame: str) -> bool:
        """Take one text frame; whether it is a Turn."""
        try:
            told = msgspec.json.decode(frame, type=_Told)
        except msgspec.DecodeError:
            return False  # a script may send anything
        if told.type != "Turn":
            return False
        if told.turn_order > self._order:
            self._order, self._before = told.turn_order, self.words
        self.words = max(self.words, self._before + len(told.words))
        if told.end_of_turn and told.turn_order > self._ended:
            self._ended = told.turn_order
            self.turns += 1
        return True
