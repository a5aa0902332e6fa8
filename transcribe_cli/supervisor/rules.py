"""What a run decides, as one ordered table of rules. Pure.

A rule's condition returns the time from which it holds, so what is due next is the smallest of the
same conditions. The first rule that holds is applied, again and again, until none does.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeGuard

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Retry
from transcribe_cli.supervisor.actions import (
    AbandonSession,
    Action,
    DropSession,
    Finish,
    FinishAtPause,
    FinishHere,
    HandOver,
    OpenSession,
    StartSession,
    StopSource,
    TellDisconnected,
    TellReconnected,
)
from transcribe_cli.supervisor.facts import ALREADY, Contact, Facts, Moment, Outcome, Tries
from transcribe_cli.supervisor.lease import NEVER, READING, Drain, Lease, LeaseState, Told
from transcribe_cli.supervisor.verdicts import as_error, is_hopeless, is_polite, verdict_on

CONNECT_GRACE_S = 5.0  # stopped before the session began: how long it may still take
PARK_AFTER_S = 60.0  # of pause: the session is ended, because it is billed
_MOST_AT_ONCE = 50  # rules that are applied one after the other; a handful is usual

_S = LeaseState

Step = tuple[Facts, list[Action]]
When = Callable[[Facts], float]
Then = Callable[[Facts, Moment], Step]


class Rule(NamedTuple):
    """One decision.

    Attributes:
        name: what is done.
        when: the time from which that holds, given these facts; `ALREADY` and `NEVER` are times.
        then: the facts after it, and the actions that it wants.
        rests: what it makes possible waits for the next tick.
    """

    name: str
    when: When
    then: Then
    rests: bool = False


def next_due(facts: Facts) -> float:
    """When a rule holds next."""
    return min(rule.when(facts) for rule in RULES)


def decide(facts: Facts, moment: Moment) -> Step:
    """Apply what holds, until nothing does."""
    actions: list[Action] = []
    for _ in range(_MOST_AT_ONCE):
        rule = next((rule for rule in RULES if rule.when(facts) <= moment.now), None)
        if rule is None:
            return facts, actions
        facts, more = rule.then(facts, moment)
        actions += more
        if rule.rests:
            return facts, actions
    raise AssertionError("the rules do not come to rest")  # rather than to hang, and be billed


def _if(holds: bool) -> float:
    return ALREADY if holds else NEVER


def _is(lease: Lease | None, *states: LeaseState) -> TypeGuard[Lease]:
    return lease is not None and lease.state in states


# Stopping, and giving up.


def _source_flows_on(facts: Facts) -> float:
    """A stop is asked for, once more or for the first time."""
    return _if(facts.stop is not None and not facts.stop.told)


def _stop_source(facts: Facts, moment: Moment) -> Step:
    assert facts.stop is not None
    return replace(facts, stop=facts.stop._replace(told=True)), [StopSource()]


def _is_stuck(facts: Facts) -> float:
    """It is ending, and has said nothing new for all the patience; or all is to be over."""
    return min((_stuck_at(facts, lease) for lease in facts.leases), default=NEVER)


def _stuck_at(facts: Facts, lease: Lease) -> float:
    by = NEVER if facts.stop is None else facts.stop.by
    if lease.abandoned or lease.end is not None:
        return NEVER
    if lease.state is _S.OPEN:
        return by
    if lease.drain is None:
        return NEVER
    return min(lease.drain.since + facts.policy.patience.last_words_s, by)


def _abandon(facts: Facts, moment: Moment) -> Step:
    lease = min(facts.leases, key=lambda lease: _stuck_at(facts, lease))
    given_up = [AbandonSession(lease.number)]
    if lease.state is _S.DROPPED:
        return facts.without(lease), [*given_up]  # nobody waits to hear how it ended
    return facts.with_lease(replace(lease, abandoned=True)), [*given_up]


def _connects_too_long(facts: Facts) -> float:
    """Stopped, and the session has not begun: after a grace, or at once after a fault of ours."""
    if facts.stop is None or not _is(facts.reader, _S.CONNECTING):
        return NEVER
    return ALREADY if facts.stop.fault else min(facts.stop.at + CONNECT_GRACE_S, facts.stop.by)


def _give_up_connecting(facts: Facts, moment: Moment) -> Step:
    reader = facts.reader
    assert reader is not None
    facts = facts.without(reader)
    return _end(facts, ExitStatus.INCOMPLETE), [AbandonSession(reader.number)]


# A session that was handed over.


def _owes_words(facts: Facts) -> float:
    """The earlier session has broken off in the midst of a turn; the next began behind it."""
    earlier = facts.earlier
    return _if(_is(earlier, _S.BROKEN) and earlier.owes and facts.outcome is None)


def _begin_again(facts: Facts, moment: Moment) -> Step:
    earlier = facts.earlier
    assert earlier is not None
    facts, actions = _drop(facts, moment, *(lease for lease in facts.leases if lease != earlier))
    return facts.with_lease(replace(earlier, handed=False)), actions


def _has_ended(facts: Facts) -> float:
    """The earlier session has ended, and owes nothing that can still be had."""
    return _if(_is(facts.earlier, _S.SETTLED, _S.BROKEN))


def _forget_earlier(facts: Facts, moment: Moment) -> Step:
    assert facts.earlier is not None
    return facts.without(facts.earlier), []


# A follower that came to nothing.


def _follower_broke(facts: Facts) -> float:
    """The session that was to follow has ended before it did."""
    return _if(_broken_follower(facts) is not None)


def _broken_follower(facts: Facts) -> Lease | None:
    reader = facts.reader
    unread = (lease for lease in facts.leases if lease.counts and not lease.handed)
    return next((lease for lease in unread if lease != reader), None)


def _forget_follower(facts: Facts, moment: Moment) -> Step:
    follower, reader = _broken_follower(facts), facts.reader
    assert follower is not None
    assert reader is not None
    # There may be time for another try.
    backoff = facts.tries.backoff.failed(Retry.BACK_OFF)
    facts = replace(facts.without(follower), tries=facts.tries._replace(backoff=backoff))
    again = moment.now + backoff.wait_s(moment.luck)
    return facts.with_lease(replace(reader, roll_from=again)), []


# The reader has broken off.


def _nobody_waits(facts: Facts) -> float:
    """The session broke off when it had been given up, or everything is to be over soon."""
    broken = facts.broken
    return _if(broken is not None and (broken.abandoned or facts.hurried))


def _accept_missing(facts: Facts, moment: Moment) -> Step:
    assert facts.broken is not None
    return _end(facts.without(facts.broken), ExitStatus.INCOMPLETE), []


def _is_refused(facts: Facts) -> float:
    """Another session would be refused too, or has been tried for often enough."""
    broken = facts.broken
    if broken is None:
        return NEVER
    verdict = verdict_on(facts, broken)
    if verdict.retry is Retry.NO:
        return ALREADY
    return _if(not _may_rest(facts, broken) and is_hopeless(facts, broken, verdict))


def _end_with_verdict(facts: Facts, moment: Moment) -> Step:
    broken = facts.broken
    assert broken is not None
    verdict = verdict_on(facts, broken)
    actions: list[Action] = [] if facts.stop is not None else [StopSource()]
    facts = replace(facts.without(broken), problem=facts.problem or as_error(verdict))
    return _end(facts, verdict.exit_status), actions


def _may_rest(facts: Facts, lease: Lease) -> bool:
    """Whether nothing is to be heard just now: no session is needed, whyever this one ended."""
    return facts.paused_at is not None or lease.told is Told.PARK


def _is_not_needed(facts: Facts) -> float:
    """The session has ended in a pause, or was ended because of one."""
    reader = facts.reader
    if _is(reader, _S.BROKEN):
        return _if(_may_rest(facts, reader))
    return _if(_is(reader, _S.SETTLED) and reader.told is Told.PARK and facts.earlier is None)


def _rest(facts: Facts, moment: Moment) -> Step:
    reader = facts.reader
    assert reader is not None
    drain = reader.drain
    whole = reader.state is _S.SETTLED and drain is not None and drain.whole
    facts = replace(_lose(facts, reader), all_said=whole, open_from=ALREADY)
    return _drop(facts, moment, facts.follower)


def _broke_while_stopping(facts: Facts) -> float:
    """Stopped, and the session broke off before the end: no new one is begun."""
    return _if(facts.broken is not None and facts.stop is not None)


def _is_replaced(facts: Facts) -> float:
    """The session broke off, and the one that was to follow is there already."""
    return _if(facts.broken is not None and facts.follower is not None)


def _replace_broken(facts: Facts, moment: Moment) -> Step:
    broken = facts.broken
    assert broken is not None
    told = TellDisconnected(broken.number, verdict_on(facts, broken), 0.0)
    tries = facts.tries._replace(failures=facts.tries.failures + 1)
    return replace(_lose(facts, broken), tries=tries), [told]


def _broke(facts: Facts) -> float:
    """The session broke off."""
    return _if(facts.broken is not None)


def _try_again(facts: Facts, moment: Moment) -> Step:
    broken = facts.broken
    assert broken is not None
    verdict = verdict_on(facts, broken)
    failures, polite, backoff = facts.tries
    polite += is_polite(broken) and facts.earlier is None
    backoff = backoff.failed(verdict.retry)
    again = max(moment.now + backoff.wait_s(moment.luck), facts.free_from)
    # An earlier one's words are said again by the session that comes: both cannot be had in order.
    facts, actions = _drop(facts, moment, facts.earlier)
    facts = replace(
        _lose(facts, broken), tries=Tries(failures + 1, polite, backoff), open_from=again
    )
    return facts, [*actions, TellDisconnected(broken.number, verdict, again - moment.now)]


# The reader is to end.


def _follower_is_in_vain(facts: Facts) -> float:
    """The run ends, or a long pause begins; not where the follower is to say the rest."""
    reader, follower = facts.reader, facts.follower
    if follower is None:
        return NEVER
    says_rest = reader is not None and reader.told is Told.PAUSE and not facts.policy.drops_backlog
    ends = facts.stop is not None and (facts.hurried or not says_rest)
    parks = reader is not None and reader.told is Told.PARK
    return _if(ends or parks or facts.outcome is not None)


def _drop_follower(facts: Facts, moment: Moment) -> Step:
    return _drop(facts, moment, facts.follower)


def _is_to_end_here(facts: Facts) -> float:
    """Stopped, where a backlog is not sent; or a stop is asked for again."""
    reader = facts.reader
    if reader is None or reader.state not in READING or facts.stop is None:
        return NEVER
    if facts.hurried:
        return _if(reader.told < Told.HURRY)
    return _if(facts.policy.drops_backlog and reader.told < Told.PARK)


def _finish_here(facts: Facts, moment: Moment) -> Step:
    return _tell(facts, Told.HURRY if facts.hurried else Told.STOP)


def _pause_is_long(facts: Facts) -> float:
    """A minute of pause: a session is billed for as long as it is open."""
    reader = facts.reader
    if not _is(reader, _S.OPEN) or reader.told >= Told.PARK or facts.paused_at is None:
        return NEVER
    return facts.paused_at + PARK_AFTER_S


def _park(facts: Facts, moment: Moment) -> Step:
    return _tell(facts, Told.PARK)


def _tell(facts: Facts, told: Told) -> Step:
    reader = facts.reader
    assert reader is not None
    return facts.with_lease(replace(reader, told=told)), [FinishHere(reader.number)]


def _has_said_all(facts: Facts) -> float:
    """The session has ended as asked, and so have those before it."""
    return _if(_is(facts.reader, _S.SETTLED) and facts.earlier is None)


def _settle(facts: Facts, moment: Moment) -> Step:
    reader = facts.reader
    assert reader is not None
    assert reader.drain is not None
    whole = reader.drain.whole
    if reader.told is Told.PAUSE and facts.stop is None and not (whole and facts.source_ended):
        # It ended for another one, which has gone in the meantime.
        return replace(_lose(facts, reader), open_from=ALREADY), []
    cut = facts.stop is not None and facts.stop.cut
    return _end(facts.without(reader), ExitStatus.OK, complete=whole and not cut), []


def _has_no_session(facts: Facts) -> float:
    """Stopped between two sessions: what was captured is saved, and can be resumed."""
    between = facts.reader is None and facts.follower is None
    return _if(between and facts.stop is not None and facts.outcome is None)


def _end_between(facts: Facts, moment: Moment) -> Step:
    said = facts.all_said
    return _end(facts, ExitStatus.OK if said else ExitStatus.INCOMPLETE, complete=said), []


# One session follows another.


def _may_roll(facts: Facts) -> bool:
    """Whether another may follow; also after the source's end there may be hours left to send."""
    reader = facts.reader
    reads = _is(reader, _S.OPEN) and reader.told is Told.NOTHING
    return reads and facts.earlier is None and facts.paused_at is None and facts.going_on


def _turn_ended(facts: Facts) -> float:
    """A turn has just ended, and the follower has begun."""
    return _if(facts.turn_ended and _may_roll(facts) and _is(facts.follower, _S.READY))


def _hand_over_after_turn(facts: Facts, moment: Moment) -> Step:
    return _hand_over(facts, Drain(moment.now), owes=False)


def _pause_found(facts: Facts) -> float:
    """The session was told to end at a pause, and has; the follower has begun."""
    reader = facts.reader
    found = _is(reader, _S.DRAINING) and reader.told is Told.PAUSE
    return _if(found and _is(facts.follower, _S.READY))


def _hand_over_at_pause(facts: Facts, moment: Moment) -> Step:
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
    return facts, [HandOver(old.number, new.number, drain.position if owes else None)]


def _time_is_nearly_up(facts: Facts) -> float:
    """No turn ends, and 97 % of the session's life are over; the follower has begun."""
    if not _may_roll(facts) or not _is(facts.follower, _S.READY):
        return NEVER
    assert facts.reader is not None
    return facts.reader.roll_by


def _finish_at_pause(facts: Facts, moment: Moment) -> Step:
    reader = facts.reader
    assert reader is not None
    facts = facts.with_lease(replace(reader, told=Told.PAUSE))
    return facts, [FinishAtPause(reader.number)]


def _time_runs_out(facts: Facts) -> float:
    """Nine tenths of the session's life are over, and nobody follows it yet."""
    if not _may_roll(facts) or facts.follower is not None:
        return NEVER
    assert facts.reader is not None
    return max(facts.reader.roll_from, facts.free_from)


def _open_ahead(facts: Facts, moment: Moment) -> Step:
    return _open(facts, _S.AHEAD)


def _follower_is_alone(facts: Facts) -> float:
    """There is no reader, but the session that was to follow it."""
    return _if(facts.reader is None and facts.follower is not None)


def _start_follower(facts: Facts, moment: Moment) -> Step:
    new = facts.follower
    assert new is not None
    started = new.to(_S.OPEN if new.begun else _S.CONNECTING)
    return facts.with_lease(started), [StartSession(new.number)]


# Beginning, and the end.


def _session_is_needed(facts: Facts) -> float:
    """There is none, there is no pause, the last failure is long enough ago, a slot is free."""
    if any(lease.counts for lease in facts.leases) or facts.follower is not None:
        return NEVER
    if facts.paused_at is not None or not facts.going_on:
        return NEVER
    return max(facts.open_from, facts.free_from)


def _open_session(facts: Facts, moment: Moment) -> Step:
    return _open(facts, _S.CONNECTING)


def _open(facts: Facts, state: LeaseState) -> Step:
    number = facts.next_number
    leases = (*facts.leases, Lease(number, state))
    facts = replace(facts, leases=leases, next_number=number + 1, all_said=False)
    return facts, [OpenSession(number, ahead=state is _S.AHEAD)]


def _listens_again(facts: Facts) -> float:
    """A session has begun after one was lost."""
    return _if(facts.contact is Contact.LOST and _is(facts.reader, _S.OPEN))


def _tell_reconnected(facts: Facts, moment: Moment) -> Step:
    assert facts.reader is not None
    return replace(facts, contact=Contact.MADE), [TellReconnected(facts.reader.number)]


def _all_is_over(facts: Facts) -> float:
    """How the run ends is settled, and every session has ended."""
    return _if(facts.outcome is not None and not facts.leases and not facts.over)


def _finish(facts: Facts, moment: Moment) -> Step:
    assert facts.outcome is not None
    status, complete = facts.outcome
    problem = facts.problem
    if problem is not None:
        status, complete = problem.exit_status, False
    return replace(facts, over=True), [Finish(status, problem, complete)]


# What several rules do.


def _end(facts: Facts, exit_status: ExitStatus, *, complete: bool = False) -> Facts:
    """The run is over, as soon as every session is."""
    return replace(facts, outcome=Outcome(exit_status, complete))


def _lose(facts: Facts, reader: Lease) -> Facts:
    """There is no reader any more, and another one is needed some time."""
    contact = Contact.LOST if facts.contact is Contact.MADE else facts.contact
    return replace(facts.without(reader), contact=contact)


def _drop(facts: Facts, moment: Moment, *leases: Lease | None) -> Step:
    """Nothing that these say counts any more; those that have ended are over."""
    actions: list[Action] = []
    for lease in leases:
        if lease is None or lease.state is _S.DROPPED:
            continue
        actions.append(DropSession(lease.number))
        dropped = lease.to(_S.DROPPED, drain=Drain(moment.now))
        facts = facts.with_lease(dropped) if lease.end is None else facts.without(dropped)
    return facts, actions


RULES: tuple[Rule, ...] = (
    Rule("stop the source", _source_flows_on, _stop_source),
    Rule("close a session that does not end", _is_stuck, _abandon),
    Rule("give up connecting", _connects_too_long, _give_up_connecting),
    Rule("begin again behind a session that owes words", _owes_words, _begin_again),
    Rule("forget an earlier session", _has_ended, _forget_earlier),
    Rule("forget a follower", _follower_broke, _forget_follower),
    Rule("accept that words are missing", _nobody_waits, _accept_missing),
    Rule("end with what went wrong", _is_refused, _end_with_verdict),
    Rule("need no session in a pause", _is_not_needed, _rest),
    Rule("end where it broke off", _broke_while_stopping, _end_with_verdict),
    Rule("let the follower step in", _is_replaced, _replace_broken),
    Rule("try again", _broke, _try_again, rests=True),
    Rule("drop the follower", _follower_is_in_vain, _drop_follower),
    Rule("end the session where it is", _is_to_end_here, _finish_here),
    Rule("end the session in a long pause", _pause_is_long, _park),
    Rule("settle", _has_said_all, _settle),
    Rule("end between two sessions", _has_no_session, _end_between),
    Rule("hand over after a turn", _turn_ended, _hand_over_after_turn),
    Rule("hand over at a pause", _pause_found, _hand_over_at_pause),
    Rule("look for a pause", _time_is_nearly_up, _finish_at_pause),
    Rule("open a session ahead", _time_runs_out, _open_ahead),
    Rule("start the follower", _follower_is_alone, _start_follower),
    Rule("open a session", _session_is_needed, _open_session),
    Rule("tell that it listens again", _listens_again, _tell_reconnected),
    Rule("finish", _all_is_over, _finish),
)
"""In their order: the first that holds is applied."""
