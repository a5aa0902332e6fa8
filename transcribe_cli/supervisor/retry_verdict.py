"""Why a session broke off, and whether to open another one; `backoff.py` says when. Pure."""

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Retry, Verdict, explain_close, explain_handshake
from transcribe_cli.session.events import Closed
from transcribe_cli.supervisor.facts import Contact, Facts
from transcribe_cli.supervisor.lease import Lease

_NORMAL = 1000  # the close code of a session that ended as requested
_SLOW_TRIES = 6  # waits of 4 s, 8 s, 16 s ...; freeing a session slot was seen to take 28 s
_REFUSED = (401, 402)  # by the service, for the key or its account; something between answers 403
_MAX_CLEAN_CLOSES = 3  # normal closes without the requested Termination


def verdict_on(facts: Facts, lease: Lease) -> Verdict:
    """The meaning of a session's end for this run: sentence, hint, exit status, retry."""
    assert lease.end is not None
    verdict = _explain(lease.end)
    if verdict.retry is Retry.NO and _was_good_before(facts, lease):
        verdict = verdict._replace(retry=Retry.BACK_OFF)
    if facts.policy.live and verdict.retry is not Retry.NO:
        # The audio is recorded, and the recording can be resumed when the service is back.
        verdict = verdict._replace(exit_status=ExitStatus.INCOMPLETE)
    return verdict


def is_clean_close(lease: Lease) -> bool:
    """Whether it had a normal close (1000) after Terminate, but no Termination."""
    end = lease.end
    assert end is not None
    return (
        lease.drain is not None
        and not end.terminated
        and end.code == _NORMAL
        and not end.owes_words
    )


def should_give_up(facts: Facts, lease: Lease, verdict: Verdict) -> bool:
    """Whether to open no further session.

    Without Termination words may be missing, so another session transcribes the rest. If several
    sessions close normally without new words, nobody can know whether words are missing. While an
    earlier session still owes words, it is too early to decide.
    """
    tries, policy = facts.tries, facts.policy
    if (
        is_clean_close(lease)
        and facts.earlier is None
        and tries.clean_closes + 1 >= _MAX_CLEAN_CLOSES
    ):
        return True
    if policy.live and not facts.source_ended:
        return False
    most = policy.first_tries if facts.contact is Contact.NEVER else policy.later_tries
    if verdict.retry is Retry.SLOWLY:
        most = max(most, _SLOW_TRIES)
    return tries.failures + 1 >= most


def as_error(verdict: Verdict) -> StreamError:
    """The error for the user, when the run ends with this verdict."""
    return StreamError(verdict.sentence, verdict.hint, exit_status=verdict.exit_status)


def never_reached(end: Closed) -> bool:
    """Whether the session failed before it reached the service."""
    return end.failure is not None and end.open_s == 0 and end.failure.http_status is None


def _was_good_before(facts: Facts, lease: Lease) -> bool:
    """Whether address, certificate and key are known to be right.

    If a session has begun before, a refused handshake came from something in between, such as the
    log-in page of a network. If this session was handed over, its follower was accepted.
    """
    assert lease.end is not None
    failure = lease.end.failure
    if failure is not None and (failure.wants_credentials or failure.http_status in _REFUSED):
        return False  # the service itself refuses, and waiting does not change that
    handshake = failure is not None and lease.end.open_s == 0
    return lease.owes or (handshake and facts.contact is not Contact.NEVER)


def _explain(end: Closed) -> Verdict:
    """Explain the end: by the Error's text, else the close code, else the network failure."""
    if end.error_text or end.error_code is not None:
        return explain_close(end.error_code or end.code, end.error_text, end.reason)
    failure = end.failure
    if end.code is not None:
        return explain_close(end.code, "", end.reason)
    if failure is None:
        return explain_close(_NORMAL if end.terminated else None)
    if failure.http_status is not None:
        return explain_handshake(failure.http_status)
    retry = Retry.BACK_OFF if failure.retry else Retry.NO
    return Verdict(failure.message, failure.hint, ExitStatus.SERVICE, retry)
