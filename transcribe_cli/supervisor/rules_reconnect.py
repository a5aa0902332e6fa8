"""Rules for sessions that break off: retry, replace, or end the run. Pure."""

from dataclasses import replace

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Retry
from transcribe_cli.supervisor.actions import RunAction, StopSource, TellDisconnected
from transcribe_cli.supervisor.facts import ALREADY, Facts, Moment, Tries
from transcribe_cli.supervisor.lease import NEVER, EndRequest, Lease, LeaseState
from transcribe_cli.supervisor.retry_verdict import (
    as_error,
    is_clean_close,
    should_give_up,
    verdict_on,
)
from transcribe_cli.supervisor.rule_steps import Step, at_once_if, drop, end, is_in, lose

_S = LeaseState


def earlier_owes_words(facts: Facts) -> float:
    """The earlier session broke off inside a turn, and the next one began after that turn."""
    earlier = facts.earlier
    return at_once_if(is_in(earlier, _S.BROKEN) and earlier.owes and facts.outcome is None)


def restart_at_earlier(facts: Facts, moment: Moment) -> Step:
    """Later sessions are dropped; the earlier one counts as a reader that broke off."""
    earlier = facts.earlier
    assert earlier is not None
    facts, actions = drop(facts, moment, *(lease for lease in facts.leases if lease != earlier))
    return facts.with_lease(replace(earlier, handed=False)), actions


def earlier_has_ended(facts: Facts) -> float:
    """The earlier session has ended, and owes no words that can still arrive."""
    return at_once_if(is_in(facts.earlier, _S.SETTLED, _S.BROKEN))


def forget_earlier(facts: Facts, moment: Moment) -> Step:
    """The reader is now the first session whose words are told."""
    assert facts.earlier is not None
    return facts.without(facts.earlier), []


def follower_broke(facts: Facts) -> float:
    """The follower ended before it could follow."""
    return at_once_if(_broken_follower(facts) is not None)


def _broken_follower(facts: Facts) -> Lease | None:
    reader = facts.reader
    unread = (lease for lease in facts.leases if lease.counts and not lease.handed)
    return next((lease for lease in unread if lease != reader), None)


def forget_follower(facts: Facts, moment: Moment) -> Step:
    """Another follower is opened after a wait, if there is time."""
    follower, reader = _broken_follower(facts), facts.reader
    assert follower is not None
    assert reader is not None
    backoff = facts.tries.backoff.failed(Retry.BACK_OFF)
    facts = replace(facts.without(follower), tries=facts.tries._replace(backoff=backoff))
    again = moment.now + backoff.wait_s(moment.luck)
    return facts.with_lease(replace(reader, roll_from=again)), []


def loss_is_accepted(facts: Facts) -> float:
    """The session broke off after it was abandoned, or while the run hurries to its end."""
    broken = facts.broken
    return at_once_if(broken is not None and (broken.abandoned or facts.hurried))


def accept_missing(facts: Facts, moment: Moment) -> Step:
    """The run ends without those words, once every session has ended."""
    assert facts.broken is not None
    return end(facts.without(facts.broken), ExitStatus.INCOMPLETE), []


def is_refused(facts: Facts) -> float:
    """Another session would be refused too, or there were enough tries."""
    broken = facts.broken
    if broken is None:
        return NEVER
    verdict = verdict_on(facts, broken)
    if verdict.retry is Retry.NO:
        return ALREADY
    is_paused = facts.paused_at is not None  # then no session is needed, however this one ended
    return at_once_if(not is_paused and should_give_up(facts, broken, verdict))


def end_with_verdict(facts: Facts, moment: Moment) -> Step:
    """The run ends with that error, once every session has ended."""
    broken = facts.broken
    assert broken is not None
    verdict = verdict_on(facts, broken)
    actions: list[RunAction] = [] if facts.stop is not None else [StopSource()]
    facts = replace(facts.without(broken), problem=facts.problem or as_error(verdict))
    return end(facts, verdict.exit_status), actions


def pause_needs_none(facts: Facts) -> float:
    """The session broke off during a pause, or ended because of one."""
    reader = facts.reader
    if is_in(reader, _S.BROKEN):
        return at_once_if(facts.paused_at is not None)
    return at_once_if(
        is_in(reader, _S.SETTLED)
        and reader.request is EndRequest.LONG_PAUSE
        and facts.earlier is None
    )


def forget_reader(facts: Facts, moment: Moment) -> Step:
    """Its follower is dropped; a new session is opened when the run resumes."""
    reader = facts.reader
    assert reader is not None
    drain = reader.drain
    whole = reader.state is _S.SETTLED and drain is not None and drain.whole
    facts = replace(lose(facts, reader), all_said=whole, open_from=ALREADY)
    return drop(facts, moment, facts.follower)


def broke_while_stopping(facts: Facts) -> float:
    """The run is stopped, and the session broke off before its end."""
    return at_once_if(facts.broken is not None and facts.stop is not None)


def is_replaced(facts: Facts) -> float:
    """The session broke off, and its follower is already open or connecting."""
    return at_once_if(facts.broken is not None and facts.follower is not None)


def replace_broken(facts: Facts, moment: Moment) -> Step:
    """The loss is told, and only the follower is left."""
    broken = facts.broken
    assert broken is not None
    disconnected = TellDisconnected(broken.number, verdict_on(facts, broken), 0.0)
    tries = facts.tries._replace(failures=facts.tries.failures + 1)
    return replace(lose(facts, broken), tries=tries), [disconnected]


def session_broke(facts: Facts) -> float:
    """The session broke off."""
    return at_once_if(facts.broken is not None)


def try_again(facts: Facts, moment: Moment) -> Step:
    """The loss is told, a session is opened after a wait, and an earlier one is dropped."""
    broken = facts.broken
    assert broken is not None
    verdict = verdict_on(facts, broken)
    failures, clean_closes, backoff = facts.tries
    clean_closes += is_clean_close(broken) and facts.earlier is None
    backoff = backoff.failed(verdict.retry)
    again = max(moment.now + backoff.wait_s(moment.luck), facts.free_from)
    # The next session transcribes the earlier one's last words again, so those must not count.
    facts, actions = drop(facts, moment, facts.earlier)
    facts = replace(
        lose(facts, broken), tries=Tries(failures + 1, clean_closes, backoff), open_from=again
    )
    return facts, [*actions, TellDisconnected(broken.number, verdict, again - moment.now)]
