"""Decides when a session opens, is given up, is followed by another, and when the run is over.

A pure state machine: events and the time go in, commands come out, so every fault has a test
without a socket or a sleep. `run` carries the commands out.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Retry, Verdict, explain_close, explain_handshake
from transcribe_cli.protocol.messages import Begin
from transcribe_cli.session.backoff import Backoff
from transcribe_cli.session.events import (
    Closed,
    Event,
    Received,
    SourceEnded,
    StopRequested,
    TerminateSent,
    WorkerFailed,
)

DRAIN_DEADLINE_S = 15.0
SHORT_DEADLINE_S = 2.0  # after a second Ctrl+C
FORCING = ("SIGINT", "SIGBREAK")  # causes of a stop that, coming after another, shorten the wait
CONNECT_GRACE_S = 5.0  # stopped before the session began: how long it may still take
_NORMAL = 1000  # the close code of a session that ended as asked
_SLOW_TRIES = 6  # 4 s, 8 s, 16 s ...: a slot has been seen to take 28 s
_SOUND_AFTER_S = 10.0  # a session that was open so long was no failure


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Open session `number`, reading from the first sample whose words are not final yet."""

    number: int


@dataclass(frozen=True, slots=True)
class StopSource:
    """Take no more audio; what was captured is still sent."""


@dataclass(frozen=True, slots=True)
class FinishHere:
    """Send Terminate to the session now, whatever audio is left."""

    session: int


@dataclass(frozen=True, slots=True)
class AbandonSession:
    """Close the session's socket: it did not end in time."""

    session: int


@dataclass(frozen=True, slots=True)
class TellDisconnected:
    """The session broke off; the next try is in `retry_in_s`."""

    session: int
    verdict: Verdict
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class TellReconnected:
    """A later session has begun."""

    session: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over.

    Attributes:
        exit_status: of the run, before it is known whether it was interrupted.
        problem: what to tell the user, if anything went wrong.
        complete: everything captured went to the service and came back.
    """

    exit_status: ExitStatus
    problem: StreamError | None = None
    complete: bool = True


Command = (
    OpenSession
    | StopSource
    | FinishHere
    | AbandonSession
    | TellDisconnected
    | TellReconnected
    | Finish
)


class State(StrEnum):
    """Where the run stands, in the word that the live view shows."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    OFFLINE = "offline"  # between two sessions
    STOPPING = "stopping"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Policy:
    """How stubborn a run is.

    Attributes:
        live: the source cannot wait (a microphone), so it is recorded whatever the network does.
        drops_backlog: a stop ends a session where it is, not at the end of what was captured,
            because audio may have been captured long before its time (a file, a pipe).
        new_sessions_per_minute: the account's limit; None for none.
        first_tries: how often a source that can wait tries for its first session.
        later_tries: how often in a row it tries for another one.
    """

    live: bool
    drops_backlog: bool
    new_sessions_per_minute: int | None
    first_tries: int = 3
    later_tries: int = 12


class Supervisor:
    """The rules of one run. Every method takes `now`, seconds on the monotonic clock."""

    def __init__(
        self, policy: Policy, chance: random.Random | None = None, *, first_session: int = 0
    ) -> None:
        self.state = State.CONNECTING
        self._policy = policy
        self._chance = chance or random.Random()
        self._backoff = Backoff(policy.new_sessions_per_minute)
        self._number = first_session - 1
        self._open: int | None = None  # the session that has a socket, or tries to
        self._begun = False  # that session's Begin has come
        self._asked: TerminateSent | None = None  # what that session was told at its end
        self._ever_begun = False
        self._failures = 0
        self._retry_at: float | None = None
        self._drain_deadline: float | None = None
        self._drain_given_up = False
        self._source_ended = False
        self._stopped = False
        self._forced = False  # told a second time
        self._cut = False  # stopped before the source's own end
        self._problem: StreamError | None = None

    def start(self, now: float) -> list[Command]:
        """Open the first session."""
        return self._open_next(now)

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        due = [at for at in (self._retry_at, self._drain_deadline) if at is not None]
        return min(due, default=None)

    def tick(self, now: float) -> list[Command]:
        """Time has passed."""
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            return self._open_next(now)
        if self._drain_deadline is not None and now >= self._drain_deadline:
            self._drain_deadline = None
            self._drain_given_up = True
            if self._open is not None and self._begun:
                return [AbandonSession(self._open)]
            # Nothing can come of it any more, and connecting may take much longer to fail.
            return self._give_up(ExitStatus.INCOMPLETE)
        return []

    def handle(self, event: Event, now: float) -> list[Command]:
        """Something happened."""
        if self.state is State.OVER:
            return []
        match event:
            case Received(session=session, decoded=decoded):
                first = session == self._open and not self._begun
                if first and isinstance(decoded.message, Begin):
                    return self._begin(session)
            case TerminateSent(session=session):
                if session == self._open:
                    self._asked = event
                    self.state = State.STOPPING
                    if self._drain_deadline is None:
                        self._drain_deadline = now + DRAIN_DEADLINE_S
            case Closed():
                if event.session == self._open:
                    return self._close(event, now)
            case SourceEnded(problem=problem):
                return self._end_source(problem)
            case StopRequested(cause=cause):
                return self._stop(cause, now)
            case WorkerFailed(problem=problem):
                return self._end_with(problem, now)
        return []

    def _open_next(self, now: float) -> list[Command]:
        self._number += 1
        self._open = self._number
        self._begun = False
        self._asked = None
        self._backoff.opened(now)
        self.state = State.OFFLINE if self._ever_begun else State.CONNECTING
        return [OpenSession(self._number)]

    def _begin(self, session: int) -> list[Command]:
        again = self._ever_begun
        self._begun = self._ever_begun = True
        if self._stopped and not self._forced:
            # The grace for connecting is over; draining gets a deadline when Terminate is out.
            self._drain_deadline = None
        self.state = State.STOPPING if self._stopped else State.LISTENING
        return [TellReconnected(session)] if again else []

    def _end_source(self, problem: StreamError | None) -> list[Command]:
        self._source_ended = True
        self._problem = self._problem or problem
        return []

    def _stop(self, cause: str, now: float) -> list[Command]:
        again, self._stopped = self._stopped, True
        self.state = State.STOPPING
        if self._open is None:
            # Between two sessions: what was captured is saved, and can be resumed.
            return [StopSource(), *self._give_up(ExitStatus.INCOMPLETE)]
        if again:
            if cause not in FORCING:
                return []  # a terminal that goes away says so several times
            return self._hurry(self._open, now)
        if not self._begun:
            self._drain_deadline = now + CONNECT_GRACE_S
        if self._policy.drops_backlog:
            self._cut = self._asked is None
            return [StopSource(), FinishHere(self._open)]
        return [StopSource()]

    def _end_with(self, problem: StreamError, now: float) -> list[Command]:
        """A fault of ours: the session is still told that it is over, so that it is not billed."""
        self._problem = self._problem or problem
        self._stopped = True
        self.state = State.STOPPING
        if self._open is None or not self._begun:
            return [StopSource(), *self._give_up(ExitStatus.FAULT)]
        return self._hurry(self._open, now)

    def _hurry(self, session: int, now: float) -> list[Command]:
        """End a session where it is, and wait for that only shortly."""
        self._forced = True
        due = now + SHORT_DEADLINE_S
        self._drain_deadline = min(self._drain_deadline or due, due)
        return [StopSource(), FinishHere(session)]

    def _close(self, closed: Closed, now: float) -> list[Command]:
        session, self._open = closed.session, None
        self._drain_deadline = None
        if self._asked is not None and (closed.terminated or closed.code == _NORMAL):
            # As asked. A source that was stopped may not have said yet that it has ended.
            return self._give_up(ExitStatus.OK, complete=self._asked.whole and not self._cut)
        if self._drain_given_up or self._forced:
            return self._give_up(ExitStatus.INCOMPLETE)
        verdict = self._verdict(closed)
        if self._begun and closed.open_s > _SOUND_AFTER_S:
            self._failures = 0
            self._backoff.succeeded()
        if closed.failure is not None and closed.open_s == 0 and closed.failure.http_status is None:
            self._backoff.unopened()
        if verdict.retry is Retry.NO or not self._may_retry(verdict):
            self._problem = self._problem or _as_error(verdict)
            return [StopSource(), *self._give_up(verdict.exit_status)]
        if self._stopped:
            # Stopped by the user and cut off before the end: no new session is begun.
            self._problem = self._problem or _as_error(verdict)
            return self._give_up(ExitStatus.INCOMPLETE)
        self._failures += 1
        self._retry_at = self._backoff.next_try(verdict.retry, now, self._chance.random())
        self.state = State.OFFLINE
        return [TellDisconnected(session, verdict, self._retry_at - now)]

    def _verdict(self, closed: Closed) -> Verdict:
        verdict = _verdict(closed)
        handshake = closed.failure is not None and closed.open_s == 0
        if handshake and self._ever_begun and verdict.retry is Retry.NO:
            # Address, certificate and key have been good before: something in between answered,
            # such as the log-in page of a network. That must not end a recording.
            return verdict._replace(retry=Retry.BACK_OFF)
        return verdict

    def _may_retry(self, verdict: Verdict) -> bool:
        if self._policy.live and not self._source_ended:
            return True
        tries = self._policy.later_tries if self._ever_begun else self._policy.first_tries
        if verdict.retry is Retry.SLOWLY:
            tries = max(tries, _SLOW_TRIES)
        return self._failures + 1 < tries

    def _give_up(self, status: ExitStatus, *, complete: bool = False) -> list[Command]:
        commands: list[Command] = [] if self._open is None else [AbandonSession(self._open)]
        self.state = State.OVER
        self._retry_at = self._drain_deadline = None
        if self._problem is not None and status in (ExitStatus.OK, ExitStatus.INCOMPLETE):
            status = self._problem.exit_status
        return [*commands, Finish(status, self._problem, complete and self._problem is None)]


def _verdict(closed: Closed) -> Verdict:
    """Why a session ended before its time: the service's text, then its code, then the network."""
    if closed.error_text or closed.error_code is not None:
        return explain_close(closed.error_code or closed.code, closed.error_text, closed.reason)
    failure = closed.failure
    if closed.code is not None:
        return explain_close(closed.code, "", closed.reason)
    if failure is None:
        return explain_close(1000 if closed.terminated else None)
    if failure.http_status is not None:
        return explain_handshake(failure.http_status)
    retry = Retry.BACK_OFF if failure.retry else Retry.NO
    return Verdict(failure.message, failure.hint, ExitStatus.SERVICE, retry)


def _as_error(verdict: Verdict) -> StreamError:
    return StreamError(verdict.sentence, verdict.hint, exit_status=verdict.exit_status)
