"""Rules for ending: the source, a session, the run; and for sessions that do not end. Pure."""

from dataclasses import replace

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.supervisor.actions import AbandonSession, FinishHere, FinishRun, StopSource
from transcribe_cli.supervisor.facts import ALREADY, Facts, Moment
from transcribe_cli.supervisor.lease import NEVER, READING, EndRequest, Lease, LeaseState
from transcribe_cli.supervisor.rule_steps import Step, at_once_if, drop, end, is_in, lose

_S = LeaseState

CONNECT_GRACE_S = 1.0  # stopped before the session began: how long it may still take
LONG_PAUSE_S = 60.0  # of pause: the session is ended, because it is billed


def source_flows_on(facts: Facts) -> float:
    """A stop was requested, for the first time or again."""
    return at_once_if(facts.stop is not None and not facts.stop.source_told)


def stop_source(facts: Facts, moment: Moment) -> Step:
    """No more audio is captured; captured audio is still sent."""
    assert facts.stop is not None
    return replace(facts, stop=facts.stop._replace(source_told=True)), [StopSource()]


def session_is_stuck(facts: Facts) -> float:
    """A session is ending and has said nothing new for too long, or the run's deadline has come."""
    return min((_stuck_at(facts, lease) for lease in facts.leases), default=NEVER)


def _stuck_at(facts: Facts, lease: Lease) -> float:
    by = NEVER if facts.stop is None else facts.stop.by
    if lease.abandoned or lease.end is not None:
        return NEVER
    if lease.state is _S.OPEN:
        return by
    if lease.drain is None:
        return NEVER
    return min(lease.drain.since + facts.policy.timeouts.last_words_s, by)


def abandon_stuck(facts: Facts, moment: Moment) -> Step:
    """Its socket is closed; a dropped session is not waited for."""
    lease = min(facts.leases, key=lambda lease: _stuck_at(facts, lease))
    if lease.state is _S.DROPPED:  # how it ended does not matter
        facts = facts.without(lease)
    else:
        facts = facts.with_lease(replace(lease, abandoned=True))
    return facts, [AbandonSession(lease.number)]


def connects_too_long(facts: Facts) -> float:
    """Stopped, and the session has not begun in the grace time; none after an internal error."""
    if facts.stop is None or not is_in(facts.reader, _S.CONNECTING):
        return NEVER
    return ALREADY if facts.stop.fault else min(facts.stop.at + CONNECT_GRACE_S, facts.stop.by)


def give_up_connecting(facts: Facts, moment: Moment) -> Step:
    """The session is abandoned: connecting might take much longer to fail."""
    reader = facts.reader
    assert reader is not None
    facts = facts.without(reader)
    return end(facts, ExitStatus.INCOMPLETE), [AbandonSession(reader.number)]


def follower_is_in_vain(facts: Facts) -> float:
    """The run ends or a long pause begins, and the follower is not needed for remaining audio."""
    reader, follower = facts.reader, facts.follower
    if follower is None:
        return NEVER
    says_rest = (
        reader is not None and reader.request is EndRequest.PAUSE and not facts.policy.drops_backlog
    )
    ends = facts.stop is not None and (facts.hurried or not says_rest)
    long_pause = reader is not None and reader.request is EndRequest.LONG_PAUSE
    return at_once_if(ends or long_pause or facts.outcome is not None)


def drop_follower(facts: Facts, moment: Moment) -> Step:
    """It is ended, and nothing it says counts."""
    return drop(facts, moment, facts.follower)


def is_to_end_here(facts: Facts) -> float:
    """Stopped, and unsent audio is dropped; or a stop was requested again."""
    reader = facts.reader
    if reader is None or reader.state not in READING or facts.stop is None:
        return NEVER
    if facts.hurried:
        return at_once_if(reader.request < EndRequest.HURRY)
    return at_once_if(facts.policy.drops_backlog and reader.request < EndRequest.LONG_PAUSE)


def finish_here(facts: Facts, moment: Moment) -> Step:
    """It is sent Terminate, even if audio is left to send."""
    return _finish_here(facts, EndRequest.HURRY if facts.hurried else EndRequest.STOP)


def pause_is_long(facts: Facts) -> float:
    """A pause has lasted a minute: an open session is billed."""
    reader = facts.reader
    if (
        not is_in(reader, _S.OPEN)
        or reader.request >= EndRequest.LONG_PAUSE
        or facts.paused_at is None
    ):
        return NEVER
    return facts.paused_at + LONG_PAUSE_S


def end_for_pause(facts: Facts, moment: Moment) -> Step:
    """It is sent Terminate; a new session is opened when the run resumes."""
    return _finish_here(facts, EndRequest.LONG_PAUSE)


def _finish_here(facts: Facts, request: EndRequest) -> Step:
    reader = facts.reader
    assert reader is not None
    return facts.with_lease(replace(reader, request=request)), [FinishHere(reader.number)]


def has_said_all(facts: Facts) -> float:
    """The session has ended as requested, and so have earlier ones."""
    return at_once_if(is_in(facts.reader, _S.SETTLED) and facts.earlier is None)


def settle(facts: Facts, moment: Moment) -> Step:
    """The run ends well. If it ended for a follower that is gone, a new session is opened."""
    reader = facts.reader
    assert reader is not None
    assert reader.drain is not None
    whole = reader.drain.whole
    if (
        reader.request is EndRequest.PAUSE
        and facts.stop is None
        and not (whole and facts.source_ended)
    ):
        # It ended for a follower, which is gone by now.
        return replace(lose(facts, reader), open_from=ALREADY), []
    cut = facts.stop is not None and facts.stop.cut
    return end(facts.without(reader), ExitStatus.OK, complete=whole and not cut), []


def has_no_session(facts: Facts) -> float:
    """Stopped while no session is open; the recording can be resumed."""
    between = facts.reader is None and facts.follower is None
    return at_once_if(between and facts.stop is not None and facts.outcome is None)


def end_without_session(facts: Facts, moment: Moment) -> Step:
    """The run ends: complete if the last session had said all before a pause."""
    said = facts.all_said
    return end(facts, ExitStatus.OK if said else ExitStatus.INCOMPLETE, complete=said), []


def all_is_over(facts: Facts) -> float:
    """The run's outcome is known, and every session has ended."""
    return at_once_if(facts.outcome is not None and not facts.leases and not facts.over)


def finish(facts: Facts, moment: Moment) -> Step:
    """The run is over; the first problem, if any, decides the exit status."""
    assert facts.outcome is not None
    status, complete = facts.outcome
    problem = facts.problem
    if problem is not None:
        status, complete = problem.exit_status, False
    return replace(facts, over=True), [FinishRun(status, problem, complete)]
