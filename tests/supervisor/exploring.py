"""Every event in every situation that can be reached, breadth first, and what must hold of each.

A situation is the facts, with their times seen from now. Time itself moves only to what is due
next, so the times that matter are few; what lies so far back that no rule asks for it is
forgotten, and sessions are numbered from 0 again.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from transcribe_cli.errors import AudioError, ConnectionFailed, StreamError
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Begin, Turn, Word
from transcribe_cli.session.events import (
    Closed,
    Event,
    Received,
    SourceEnded,
    StopRequested,
    TerminateSent,
    WorkerFailed,
)
from transcribe_cli.supervisor import apply_event
from transcribe_cli.supervisor.actions import (
    AbandonSession,
    DropSession,
    FinishAtPause,
    FinishHere,
    HandOver,
    OpenSession,
    RunAction,
    StartSession,
    TellDisconnected,
)
from transcribe_cli.supervisor.facts import ALREADY, Facts, Moment, Policy, Tries
from transcribe_cli.supervisor.lease import NEVER, Lease, LeaseState
from transcribe_cli.supervisor.rule_table import decide, next_due
from transcribe_cli.supervisor.rules_ending import CONNECT_GRACE_S, LONG_PAUSE_S
from transcribe_cli.supervisor.stop_requests import SHORT_DEADLINE_S

LIFE_S = 1000.0
_SLOT_S = 61.0
_REFUSED = 4001
_NOW = Moment(0.0, wall=0.0, luck=0.0)
_PAUSE, _RESUME, _TICK, _NO_SLOT, _SLOT = "pause", "resume", "time passes", "no slot", "a slot"
_FAULT = StreamError("A fault of ours.")
_TORN = AudioError("The tape is torn.")
_UNREACHABLE = ConnectionFailed("No network.")
_FORBIDDEN = ConnectionFailed("Forbidden.", http_status=403)

Happening = Event | str

# Few tries, so that their end is near.
MIC = Policy(live=True, drops_backlog=False, first_tries=2, later_tries=2)
FILE = Policy(live=False, drops_backlog=True, first_tries=2, later_tries=2)


class Wrong(AssertionError):
    """What must hold does not; the way there is told with it."""


def _turn(end_ms: int, *, ended: bool) -> Decoded:
    words = [Word(start=0, end=end_ms, text="w")]
    return Decoded(Turn(end_of_turn=ended, transcript="w", words=words), b"")


_BEGIN = Decoded(Begin("b", int(LIFE_S)), b"")
_PARTIAL, _FINAL = _turn(2, ended=False), _turn(1, ended=True)


def start(policy: Policy) -> Facts:
    """The situation in which a run begins."""
    return settle(Facts(policy))[0]


def settle(facts: Facts) -> tuple[Facts, list[RunAction]]:
    """Apply the rules, and see the times from now."""
    wanted = facts.wants_session(_NOW.now)
    facts, actions = decide(facts, _NOW)
    opens = any(isinstance(action, OpenSession) for action in actions)
    _must(wanted or not opens, "a session is opened without asking whether the account has one")
    return replace(facts, turn_ended=False), actions


def happenings(facts: Facts) -> Iterator[Happening]:
    """All that may happen next."""
    if facts.over:
        return
    yield from (_PAUSE, _RESUME, _NO_SLOT, _SLOT)
    if next_due(facts) < NEVER:
        yield _TICK
    yield from (SourceEnded(), SourceEnded(_TORN), WorkerFailed(_FAULT))
    yield from (StopRequested("SIGINT"), StopRequested("SIGTERM"))
    for lease in facts.leases:
        yield from _of_session(lease)


def _of_session(lease: Lease) -> Iterator[Event]:
    number = lease.number
    yield Received(number, _BEGIN, 0.0)
    yield Received(number, _PARTIAL, 0.0)
    yield Received(number, _FINAL, 0.0)
    yield TerminateSent(number, 0, whole=True)
    yield TerminateSent(number, 0, whole=False)
    if lease.begun:
        yield Closed(number, terminated=True, open_s=5.0)
        yield Closed(number, code=1000, open_s=5.0)
    else:
        yield Closed(number, failure=_UNREACHABLE)
        yield Closed(number, failure=_FORBIDDEN)
    yield Closed(number, code=1011, open_s=20.0)
    yield Closed(number, code=3008, open_s=5.0)
    yield Closed(number, code=_REFUSED, open_s=5.0)


def after(facts: Facts, happening: Happening) -> tuple[Facts, list[RunAction]]:
    """The situation that follows, and the actions on the way."""
    match happening:
        case "pause":
            facts = apply_event.pause(facts, 0.0)
        case "resume":
            facts = apply_event.resume(facts)
        case "no slot":
            facts = replace(facts, free_from=_SLOT_S)
        case "a slot":
            facts = replace(facts, free_from=ALREADY)
        case "time passes":
            facts = _later(facts, next_due(facts))
        case _:
            assert not isinstance(happening, str)
            facts = apply_event.apply_event(facts, happening, _NOW)
    return settle(facts)


def _later(facts: Facts, seconds: float) -> Facts:
    """The same so much later, seen from then."""
    if seconds <= 0:
        return facts
    stop, paused_at = facts.stop, facts.paused_at
    last_words_s = facts.policy.timeouts.last_words_s
    leases = []
    for lease in facts.leases:
        drain = lease.drain
        if drain is not None:
            drain = drain._replace(since=max(drain.since - seconds, -last_words_s))
        leases.append(
            replace(
                lease,
                drain=drain,
                roll_from=_past(lease.roll_from - seconds),
                roll_by=_past(lease.roll_by - seconds),
            )
        )
    if stop is not None:
        at = max(stop.at - seconds, -CONNECT_GRACE_S)
        stop = stop._replace(at=at, by=max(stop.by - seconds, 0.0))
    if paused_at is not None:
        paused_at = max(paused_at - seconds, -LONG_PAUSE_S)
    return replace(
        facts,
        leases=tuple(leases),
        open_from=_past(facts.open_from - seconds),
        free_from=_past(facts.free_from - seconds),
        stop=stop,
        paused_at=paused_at,
    )


def _past(moment: float) -> float:
    """When a time has come, it does not matter how long ago."""
    return moment if moment > 0 else ALREADY


def situation(facts: Facts) -> Facts:
    """What the rules can tell apart: sessions are numbered from 0, and long failures are alike."""
    first = min((lease.number for lease in facts.leases), default=facts.next_number)
    leases = tuple(replace(lease, number=lease.number - first) for lease in facts.leases)
    failures, clean_closes, backoff = facts.tries
    few = backoff._replace(failures=min(backoff.failures, 2))
    tries = Tries(min(failures, 2), min(clean_closes, 2), few)
    return replace(facts, leases=leases, next_number=facts.next_number - first, tries=tries)


# What must hold.


def check(before: Facts, happening: Happening, facts: Facts, actions: list[RunAction]) -> None:
    """All that must hold of a step."""
    states = [lease.state for lease in facts.leases]
    reading = [lease for lease in facts.leases if lease.counts and not lease.handed]
    earlier = [lease for lease in facts.leases if lease.counts and lease.handed]
    followers = [state for state in states if state in (LeaseState.AHEAD, LeaseState.READY)]
    _must(len(reading) <= 1, "two sessions read the log")
    _must(len(earlier) <= 1, "two sessions were handed over")
    _must(len(followers) <= 1, "two sessions follow")
    _must(not followers or bool(reading), "a follower of nobody")
    _must(LeaseState.BROKEN not in states, "a broken session is left")
    _must(not (facts.over and facts.leases), "over, with sessions")
    _must(facts.stop is None or facts.stop.source_told, "stopped, and the source flows on")
    reader = before.reader
    if isinstance(happening, Closed) and reader is not None and happening.code == _REFUSED:
        ends = facts.outcome is not None or happening.session != reader.number
        _must(ends or reader.end is not None, "refused, and it goes on")
    opens = [action for action in actions if isinstance(action, OpenSession)]
    if facts.paused_at is not None:
        begins = [a for a in actions if isinstance(a, OpenSession | StartSession)]
        _must(not begins, "a session is opened, or started, in a pause")
        told = [a for a in actions if isinstance(a, TellDisconnected)]
        _must(not told, "nothing is missed in a pause, and it is told")
    _must(not opens or facts.going_on, "a session is opened for a run that ends")
    _must(not opens or before.free_from <= 0 or happening in (_SLOT, _TICK), "there is no slot")
    _check_actions(before, happening, facts, actions)


def _check_actions(
    before: Facts, happening: Happening, facts: Facts, actions: list[RunAction]
) -> None:
    known = {lease.number for lease in before.leases}
    known |= {action.number for action in actions if isinstance(action, OpenSession)}
    closed = happening.session if isinstance(happening, Closed) else None
    for action in actions:
        if isinstance(action, DropSession | FinishHere | FinishAtPause | AbandonSession):
            _must(action.session in known, f"{action} of a session that is over")
            _must(action.session != closed, f"{action} of a session that has closed")
    if isinstance(handed := next((a for a in actions if isinstance(a, HandOver)), None), HandOver):
        _must(handed.new in {lease.number for lease in facts.leases}, "handed over to nobody")
    left = {lease.number for lease in facts.leases}
    closing = {action.session for action in actions if isinstance(action, AbandonSession)}
    for lease in before.leases:
        over = lease.end is not None or lease.number in closing or lease.number == closed
        _must(over or lease.number in left, f"session {lease.number} is forgotten, and open")


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


def hurry(facts: Facts) -> float:
    """How long it takes until all is over, in seconds, when nothing happens but what we do."""
    took_s = 0.0
    while not facts.over:
        closing = [lease.number for lease in facts.leases if lease.abandoned]
        if closing:  # its socket is closed, and says so
            facts, _ = after(facts, Closed(closing[0]))
            continue
        due = next_due(facts)
        _must(due < NEVER, "nothing is due, and the run is not over")
        took_s += max(due, 0.0)
        facts, _ = after(facts, _TICK)
    return took_s


# The search.


@dataclass
class Found:
    """What came of a search.

    Attributes:
        steps: events tried; situations: different ones met; depth: events after the start.
        hurried: situations that were followed to their end.
        shapes: of the list of leases, by their states.
    """

    steps: int = 0
    situations: int = 0
    depth: int = 0
    hurried: int = 0
    shapes: frozenset[tuple[str, ...]] = frozenset()


class _Way(NamedTuple):
    facts: Facts
    depth: int
    before: "_Way | None"
    happening: Happening | None

    def told(self) -> str:
        way, words = self, []
        while way.before is not None:
            words.append(str(way.happening))
            way = way.before
        return "\n".join(reversed(words))


def explore(policy: Policy, most_steps: int) -> Found:
    """Breadth first from the start, until so many events were tried.

    Raises:
        Wrong: something does not hold; says after which events.
    """
    first = situation(start(policy))
    found = Found()
    met, shapes = {first}, set[tuple[str, ...]]()
    waiting = deque([_Way(first, 0, None, None)])
    while waiting and found.steps < most_steps:
        way = waiting.popleft()
        for happening in happenings(way.facts):
            found.steps += 1
            try:
                facts = _step(way.facts, happening, found)
            except AssertionError as e:
                raise Wrong(f"{e}, after:\n{way.told()}\n{happening}") from e
            shapes.add(tuple(str(lease.state) for lease in facts.leases))
            facts = situation(facts)
            if facts not in met:
                met.add(facts)
                found.depth = way.depth + 1
                waiting.append(_Way(facts, way.depth + 1, way, happening))
    found.situations, found.shapes = len(met), frozenset(shapes)
    return found


def _step(before: Facts, happening: Happening, found: Found) -> Facts:
    facts, actions = after(before, happening)
    check(before, happening, facts, actions)
    if facts.hurried and not before.hurried:
        found.hurried += 1
        took_s = hurry(facts)
        _must(took_s <= SHORT_DEADLINE_S + 1e-6, f"a hurried end took {took_s:.1f} s")
    return facts
