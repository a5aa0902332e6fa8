"""Rules for opening sessions, and for rollover from one session to the next. Pure."""

from dataclasses import replace

from transcribe_cli.supervisor.actions import (
    FinishAtPause,
    HandOver,
    OpenSession,
    StartSession,
    TellReconnected,
)
from transcribe_cli.supervisor.facts import Contact, Facts, Moment
from transcribe_cli.supervisor.lease import NEVER, Drain, EndRequest, Lease, LeaseState
from transcribe_cli.supervisor.rule_steps import Step, at_once_if, is_in

_S = LeaseState


def _may_roll(facts: Facts) -> bool:
    """Whether another session may follow. The source may have ended: hours may be left to send."""
    reader = facts.reader
    reads = is_in(reader, _S.OPEN) and reader.request is EndRequest.NOTHING
    return reads and facts.earlier is None and facts.paused_at is None and facts.going_on


def turn_ended(facts: Facts) -> float:
    """A turn has just ended, and the follower is ready."""
    return at_once_if(facts.turn_ended and _may_roll(facts) and is_in(facts.follower, _S.READY))


def hand_over_after_turn(facts: Facts, moment: Moment) -> Step:
    """The follower reads from the end of that turn; later words of the old session are ignored."""
    return _hand_over(facts, Drain(moment.now), owes=False)


def pause_found(facts: Facts) -> float:
    """The session was asked to end at a pause and did, and the follower is ready."""
    reader = facts.reader
    found = is_in(reader, _S.DRAINING) and reader.request is EndRequest.PAUSE
    return at_once_if(found and is_in(facts.follower, _S.READY))


def hand_over_at_pause(facts: Facts, moment: Moment) -> Step:
    """The follower reads from there; the last words of the old session count."""
    assert facts.reader is not None
    assert facts.reader.drain is not None
    return _hand_over(facts, facts.reader.drain, owes=True)


def _hand_over(facts: Facts, drain: Drain, *, owes: bool) -> Step:
    old, new = facts.reader, facts.follower
    assert old is not None
    assert new is not None
    draining = old if old.state is _S.DRAINING else old.to(_S.DRAINING, drain=drain)
    facts = facts.with_lease(replace(draining, handed=True, owes=owes))
    facts = facts.with_lease(new.to(_S.OPEN))
    return facts, [HandOver(old.number, new.number, drain.offset if owes else None)]


def time_is_nearly_up(facts: Facts) -> float:
    """No turn ended before 97 % of the session's life, and the follower is ready."""
    if not _may_roll(facts) or not is_in(facts.follower, _S.READY):
        return NEVER
    assert facts.reader is not None
    return facts.reader.roll_by


def finish_at_pause(facts: Facts, moment: Moment) -> Step:
    """It is sent Terminate at the next short pause in speech."""
    reader = facts.reader
    assert reader is not None
    facts = facts.with_lease(replace(reader, request=EndRequest.PAUSE))
    return facts, [FinishAtPause(reader.number)]


def time_runs_out(facts: Facts) -> float:
    """Nine tenths of the session's life are over, and there is no follower yet."""
    if not _may_roll(facts) or facts.follower is not None:
        return NEVER
    assert facts.reader is not None
    return max(facts.reader.roll_from, facts.free_from)


def open_ahead(facts: Facts, moment: Moment) -> Step:
    """A follower connects; it reads nothing yet."""
    return _open(facts, _S.AHEAD)


def follower_is_alone(facts: Facts) -> float:
    """There is a follower, but no reader any more."""
    return at_once_if(facts.reader is None and facts.follower is not None)


def start_follower(facts: Facts, moment: Moment) -> Step:
    """The follower becomes the reader."""
    new = facts.follower
    assert new is not None
    started = new.to(_S.OPEN if new.begun else _S.CONNECTING)
    return facts.with_lease(started), [StartSession(new.number)]


def session_is_needed(facts: Facts) -> float:
    """There is no session and no pause, and backoff and quota allow one."""
    if any(lease.counts for lease in facts.leases) or facts.follower is not None:
        return NEVER
    if facts.paused_at is not None or not facts.going_on:
        return NEVER
    return max(facts.open_from, facts.free_from)


def open_session(facts: Facts, moment: Moment) -> Step:
    """A session is opened; it reads from the first word that is not final."""
    return _open(facts, _S.CONNECTING)


def _open(facts: Facts, state: LeaseState) -> Step:
    number = facts.next_number
    leases = (*facts.leases, Lease(number, state))
    following = number + facts.policy.number_step
    facts = replace(facts, leases=leases, next_number=following, all_said=False)
    return facts, [OpenSession(number, ahead=state is _S.AHEAD)]


def listens_again(facts: Facts) -> float:
    """A session has begun after one was lost."""
    return at_once_if(facts.contact is Contact.LOST and is_in(facts.reader, _S.OPEN))


def tell_reconnected(facts: Facts, moment: Moment) -> Step:
    """That is told to the user."""
    assert facts.reader is not None
    return replace(facts, contact=Contact.MADE), [TellReconnected(facts.reader.number)]
