"""Applies events to the facts. Pure; unchanged facts are returned as the same object."""

from dataclasses import replace

from transcribe_cli.protocol.messages import Begin, Turn
from transcribe_cli.session.events import (
    Closed,
    Event,
    Received,
    SourceEnded,
    StopRequested,
    TerminateSent,
    WorkerFailed,
)
from transcribe_cli.supervisor import stop_requests
from transcribe_cli.supervisor.facts import Contact, Facts, Moment, Tries
from transcribe_cli.supervisor.lease import (
    LONGEST_SESSION_S,
    ROLL_BY,
    ROLL_FROM,
    Drain,
    Lease,
    LeaseState,
)

_SOUND_AFTER_S = 10.0  # a session that was open so long does not count as a failure


def apply_event(facts: Facts, event: Event, moment: Moment) -> Facts:
    """Returns the facts after the event."""
    match event:
        case Received(decoded=decoded, session=session):
            message = decoded.message
            if isinstance(message, Turn) and message.words:
                return _hear(facts, session, message, event.sent_ms, moment)
            return _begin(facts, session, message, moment) if isinstance(message, Begin) else facts
        case TerminateSent():
            return _drain(facts, event, moment)
        case Closed():
            return _close(facts, event)
        case SourceEnded(problem=problem):
            return replace(facts, source_ended=True, problem=facts.problem or problem)
        case StopRequested(cause=cause):
            return stop_requests.stop(facts, cause, moment.now)
        case WorkerFailed(problem=problem):
            return stop_requests.fail(facts, problem, moment.now)
    return facts


def pause(facts: Facts, now: float) -> Facts:
    """No session is wanted from now on."""
    if facts.paused_at is not None or facts.stop is not None:
        return facts
    return replace(facts, paused_at=now)


def resume(facts: Facts) -> Facts:
    """Sessions are wanted again."""
    if facts.paused_at is None:
        return facts
    return replace(facts, paused_at=None, all_said=False)


def _begin(facts: Facts, session: int, begin: Begin, moment: Moment) -> Facts:
    lease = facts.lease(session)
    if lease is None or lease.state not in (LeaseState.AHEAD, LeaseState.CONNECTING):
        return facts
    life_s = _life(begin, moment.wall)
    rolls = {
        "roll_from": moment.now + ROLL_FROM * life_s,
        "roll_by": moment.now + ROLL_BY * life_s,
    }
    if lease.state is LeaseState.AHEAD:
        return facts.with_lease(lease.to(LeaseState.READY, **rolls))
    facts = facts.with_lease(lease.to(LeaseState.OPEN, **rolls))
    return replace(facts, contact=Contact.MADE) if facts.contact is Contact.NEVER else facts


def _life(begin: Begin, wall: float) -> float:
    """A session's life in seconds; the longest if this machine's clock or the message is wrong."""
    left = (begin.expires_at or 0) - wall
    return min(left, LONGEST_SESSION_S) if left > 0 else LONGEST_SESSION_S


def _hear(facts: Facts, session: int, turn: Turn, sent_ms: int, moment: Moment) -> Facts:
    lease = facts.lease(session)
    if lease is None or not lease.counts:
        return facts
    drain, said_ms = lease.drain, min(turn.words[-1].end, sent_ms)
    if drain is not None and said_ms > drain.said_ms:
        drain = drain._replace(since=moment.now, said_ms=said_ms)  # new words: it is not stuck
        facts = facts.with_lease(replace(lease, drain=drain))
    if not turn.end_of_turn or lease.handed:
        return facts
    # Words for audio that was sent are progress, however soon the session breaks off.
    if facts.tries != Tries() and turn.words[0].start < sent_ms:
        facts = replace(facts, tries=Tries())
    follower = facts.follower
    if follower is not None and follower.state is LeaseState.READY:
        facts = replace(facts, turn_ended=True)
    return facts


def _drain(facts: Facts, event: TerminateSent, moment: Moment) -> Facts:
    lease = facts.lease(event.session)
    if lease is None or lease.state is not LeaseState.OPEN:
        return facts  # a session that was handed over or dropped drains already
    drain = Drain(moment.now, offset=event.offset, whole=event.whole)
    return facts.with_lease(lease.to(LeaseState.DRAINING, drain=drain))


def _close(facts: Facts, event: Closed) -> Facts:
    lease = facts.lease(event.session)
    if lease is None or lease.end is not None:
        return facts
    if lease.state is LeaseState.DROPPED:
        return facts.without(lease)
    if _was_sound(facts, lease, event):
        facts = replace(facts, tries=Tries())
    as_asked = lease.state is LeaseState.DRAINING and event.terminated
    state = LeaseState.SETTLED if as_asked else LeaseState.BROKEN
    return facts.with_lease(lease.to(state, end=event))


def _was_sound(facts: Facts, lease: Lease, event: Closed) -> bool:
    """Whether a session that broke off was open long enough not to count as a failure.

    After the source's end only words count: a session that breaks off before it has said any may
    do so again and again.
    """
    reads = lease.state is LeaseState.OPEN and not facts.source_ended
    return reads and event.open_s > _SOUND_AFTER_S
