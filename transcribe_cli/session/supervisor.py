"""Decides when a session opens, is given up, is followed by another, and when the run is over.

A pure state machine: events and the time go in, commands come out, so every fault has a test
without a socket or a sleep. `run` carries the commands out.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Retry, Verdict, explain_close, explain_handshake
from transcribe_cli.protocol.messages import Begin, Turn
from transcribe_cli.session.backoff import Arrivals, Backoff
from transcribe_cli.session.commands import (
    AbandonSession,
    Command,
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
from transcribe_cli.session.events import (
    Closed,
    Event,
    Received,
    SourceEnded,
    StopRequested,
    TerminateSent,
    WorkerFailed,
)
from transcribe_cli.session.patience import SERVICE, Patience

SHORT_DEADLINE_S = 2.0  # after a second Ctrl+C
FORCING = ("SIGINT", "SIGBREAK")  # causes of a stop that, coming after another, shorten the wait
CONNECT_GRACE_S = 5.0  # stopped before the session began: how long it may still take
LONGEST_SESSION_S = 10_800.0  # page "Streaming API": sessions are closed after 3 hours
ROLL_FROM = 0.9  # of a session's life: from here on the next end of a turn is where another follows
ROLL_BY = 0.97  # of its life: at the latest
PARK_AFTER_S = 60.0  # of pause: the session is ended, because it is billed
_NORMAL = 1000  # the close code of a session that ended as asked
_SLOW_TRIES = 6  # 4 s, 8 s, 16 s ...: a slot has been seen to take 28 s
_MOST_POLITE = 3  # closes without Termination, where one was asked for
_SOUND_AFTER_S = 10.0  # a session that was open so long was no failure
_NEVER = float("inf")


class State(StrEnum):
    """Where the run stands, in the word that the live view shows."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    OFFLINE = "offline"  # between two sessions
    PAUSED = "paused"
    STOPPING = "stopping"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Policy:
    """How stubborn a run is.

    Attributes:
        live: the source cannot wait (a microphone), so it is recorded whatever the network does.
        drops_backlog: a stop ends a session where it is, not at the end of what was captured,
            because audio may have been captured long before its time (a file, a pipe).
        first_tries: how often a source that can wait tries for its first session.
        later_tries: how often in a row it tries for another one.
        patience: with the service, before a session is taken for stuck.
    """

    live: bool
    drops_backlog: bool
    first_tries: int = 3
    later_tries: int = 12
    patience: Patience = SERVICE


class Supervisor:
    """The rules of one run. Every method takes `now`, seconds on the monotonic clock.

    Args:
        arrivals: the sessions opened of late; shared by the runs of one account.
        first_session: the number of the first one.
        wall: the time as the service counts it, seconds since 1970.
    """

    def __init__(
        self,
        policy: Policy,
        arrivals: Arrivals,
        chance: random.Random | None = None,
        *,
        first_session: int = 0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.state = State.CONNECTING
        self._policy = policy
        self._patience_s = policy.patience.last_words_s
        self._chance = chance or random.Random()
        self._arrivals = arrivals
        self._backoff = Backoff(arrivals)
        self._wall = wall
        self._number = first_session - 1
        self._open: int | None = None  # the session that transcribes, or is to
        self._begun = False  # that session's Begin has come
        self._asked: TerminateSent | None = None  # what that session was told at its end
        self._roll_from = self._roll_by = _NEVER
        self._next: int | None = None  # opened ahead, to follow that one
        self._next_begun = False
        self._next_life = LONGEST_SESSION_S
        self._handing: int | None = None  # that one has been told to end at a pause, for the next
        self._last_words: int | None = None  # the session before, which has not ended yet
        self._its_words_count = False  # the session before had an open turn
        self._done: int | None = None  # the session that has ended as asked, before that one
        self._others: set[int] = set()  # ended sessions that have not said so yet
        self._ever_begun = False
        self._failures = 0
        self._retry_at: float | None = None
        self._drain_deadline: float | None = None
        self._drained_ms = 0  # up to here, on its own clock, a session that is to end has spoken
        self._drain_given_up = False
        self._paused_at: float | None = None
        self._parked = False  # paused so long that the session was ended
        self._parked_whole = False  # and all that was captured before is final
        self._source_ended = False
        self._stopped = False
        self._forced = False  # told a second time
        self._forced_by = _NEVER  # so everything is over by then
        self._left_politely = 0  # sessions closed as if they had ended, without Termination
        self._cut = False  # stopped before the source's own end
        self._problem: StreamError | None = None
        self._finish: Finish | None = None  # all but the other sessions' ends is settled

    def start(self, now: float) -> list[Command]:
        """Open the first session, or wait until the account's limit lets us."""
        return self._open_next(now)

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        due = [self._retry_at, self._drain_deadline]
        if self._may_roll and self._next is None:
            due.append(self._roll_from)
        elif self._may_roll and self._next_begun:
            due.append(self._roll_by)
        if self._may_park:
            assert self._paused_at is not None
            due.append(self._paused_at + PARK_AFTER_S)
        return min((at for at in due if at is not None and at < _NEVER), default=None)

    def tick(self, now: float) -> list[Command]:
        """Time has passed."""
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            return self._open_next(now)
        if self._drain_deadline is not None and now >= self._drain_deadline:
            self._drain_deadline = None
            return self._give_up_draining()
        if self._may_park and self._paused_at is not None:
            if now >= self._paused_at + PARK_AFTER_S:
                return self._park()
        elif self._may_roll and self._next is None and now >= self._roll_from:
            return self._open_ahead(now)
        elif self._may_roll and self._next_begun and now >= self._roll_by:
            return self._force_hand_over()
        return []

    def handle(self, event: Event, now: float) -> list[Command]:
        """Something happened."""
        if self.state is State.OVER:
            return []
        match event:
            case Received():
                return self._receive(event, now)
            case TerminateSent():
                return self._terminate_sent(event, now)
            case Closed(session=session):
                if session == self._open:
                    return self._close(event, now)
                return self._close_other(event, now)
            case SourceEnded(problem=problem):
                self._source_ended = True
                self._problem = self._problem or problem
            case StopRequested(cause=cause):
                return self._stop(cause, now)
            case WorkerFailed(problem=problem):
                return self._end_with(problem, now)
        return []

    def pause(self, now: float) -> None:
        """No audio comes for a while, because the user wants it so."""
        if self._paused_at is None and not self._stopped:
            self._paused_at = now
            self.state = State.PAUSED

    def resume(self, now: float) -> list[Command]:
        """Audio comes again."""
        if self._paused_at is None:
            return []
        self._paused_at = None
        if self._parked and self._open is None:
            self._parked = False
            return self._open_next(now)
        if self._parked:
            self.state = State.OFFLINE  # the session that is being ended is followed by another
        elif self._begun:
            self._settle_state()
        else:
            self.state = State.OFFLINE if self._ever_begun else State.CONNECTING
        return []

    # Beginning.

    def _open_next(self, now: float) -> list[Command]:
        self.state = State.OFFLINE if self._ever_begun else State.CONNECTING
        free_at = self._arrivals.free_at(now)
        if free_at > now:
            self._retry_at = free_at
            return []
        self._arrivals.opened(now)
        self._number += 1
        self._take_up(self._number, begun=False)
        return [OpenSession(self._number)]

    def _take_up(self, session: int, *, begun: bool) -> None:
        """From now on it is this session that counts."""
        self._open = session
        self._begun = begun
        self._asked = self._next = None
        self._next_begun = False
        self._handing = None

    def _receive(self, event: Received, now: float) -> list[Command]:
        session, message = event.session, event.decoded.message
        if isinstance(message, Begin):
            if session == self._open and not self._begun:
                return self._begin(session, message, now)
            if session == self._next and not self._next_begun:
                self._next_begun = True
                self._next_life = self._life(message)
        elif isinstance(message, Turn) and message.words:
            if self._drain_deadline is not None:
                self._wait_on(session, message, now)
            if message.end_of_turn and session == self._open:
                self._succeed()  # however soon it breaks off, the run has come further
                if self._next_begun and self._handing is None and self._may_roll:
                    return self._hand_over(now)
        return []

    def _wait_on(self, session: int, turn: Turn, now: float) -> None:
        """A session that was asked to end and says new words is slow, and not stuck."""
        asked = session == self._last_words or (session == self._open and self._asked is not None)
        said_ms = turn.words[-1].end
        if asked and said_ms > self._drained_ms:
            self._drained_ms = said_ms
            self._drain_deadline = min(now + self._patience_s, self._forced_by)

    def _succeed(self) -> None:
        self._failures = self._left_politely = 0
        self._backoff.succeeded()

    def _begin(self, session: int, message: Begin, now: float) -> list[Command]:
        again = self._ever_begun
        self._begun = self._ever_begun = True
        self._set_life(self._life(message), now)
        if self._stopped and not self._forced:
            # The grace for connecting is over; draining gets a deadline when Terminate is out.
            self._drain_deadline = None
        self._settle_state()
        return [TellReconnected(session)] if again else []

    def _settle_state(self) -> None:
        self.state = State.PAUSED if self._paused_at is not None else State.LISTENING
        if self._stopped:
            self.state = State.STOPPING

    # A session's time is running out: another one follows it.

    def _life(self, message: Begin) -> float:
        """How long a session has; this machine's clock may be wrong, or the message odd."""
        left = (message.expires_at or 0) - self._wall()
        return min(left, LONGEST_SESSION_S) if left > 0 else LONGEST_SESSION_S

    def _set_life(self, life_s: float, now: float) -> None:
        self._roll_from = now + ROLL_FROM * life_s
        self._roll_by = now + ROLL_BY * life_s

    @property
    def _may_roll(self) -> bool:
        return (
            self._open is not None
            and self._begun
            and self._handing is None
            and self._asked is None
            and self._paused_at is None
            and self._last_words is None
            and not self._stopped  # a source that has ended may have hours left to be sent
        )

    def _open_ahead(self, now: float) -> list[Command]:
        free_at = self._arrivals.free_at(now)
        if free_at > now:
            self._roll_from = free_at  # where that is too late, it becomes a reconnect
            return []
        self._arrivals.opened(now)
        self._number += 1
        self._next = self._number
        self._next_begun = False
        return [OpenSession(self._number, ahead=True)]

    def _force_hand_over(self) -> list[Command]:
        assert self._open is not None
        self._handing = self._open
        return [FinishAtPause(self._open)]

    def _hand_over(self, now: float) -> list[Command]:
        old, new = self._open, self._next
        assert old is not None
        assert new is not None
        self._leave(old, now, words_count=False)
        return [HandOver(old, new)]

    def _leave(self, old: int, now: float, *, words_count: bool) -> None:
        """The next session is the one that counts; the old one drains."""
        assert self._next is not None
        self._take_up(self._next, begun=True)
        self._set_life(self._next_life, now)
        self._last_words = old
        self._its_words_count = words_count
        self._drain_deadline = now + self._patience_s

    def _close_other(self, closed: Closed, now: float) -> list[Command]:
        """A session has ended that is not the one that counts."""
        session = closed.session
        self._others.discard(session)
        if session == self._next:
            # It was to follow and came to nothing: there may be time for another try.
            self._next = None
            self._next_begun = False
            self._forget_arrival(closed)
            chance = self._chance.random()
            self._roll_from = self._backoff.next_try(Retry.BACK_OFF, now, chance)
        elif session == self._last_words:
            self._last_words = None
            self._drain_deadline = None
            new = self._open if self._open is not None else self._done
            if self._its_words_count and not closed.terminated and new is not None:
                return self._start_again(closed, new, now)
        return self._conclude(now)

    def _start_again(self, closed: Closed, new: int, now: float) -> list[Command]:
        """The old session broke off and owes us words: the new one began behind them."""
        commands: list[Command] = [DropSession(new)]
        if self._open is not None:
            self._others.add(self._open)
        self._open = self._done = self._finish = self._asked = None
        verdict = self._as_saved(_verdict(closed))
        if self._stopped or not self._may_retry(verdict):
            self._problem = self._problem or _as_error(verdict)
            return commands + self._give_up(ExitStatus.INCOMPLETE, now)
        self._drain_deadline = None
        return commands + self._retry(closed.session, verdict, now)

    # Ending.

    def _terminate_sent(self, event: TerminateSent, now: float) -> list[Command]:
        session = event.session
        self._drained_ms = 0
        if session == self._handing:
            new = self._next
            if new is None or not self._next_begun:  # it has gone in the meantime
                self._asked = event
                self._drain_deadline = now + self._patience_s
                return []
            self._leave(session, now, words_count=True)
            return [HandOver(session, new, event.position)]
        if session == self._open:
            self._asked = event
            if not self._parked:
                self.state = State.STOPPING
            if self._drain_deadline is None:
                self._drain_deadline = now + self._patience_s
        return []

    @property
    def _may_park(self) -> bool:
        paused = self._paused_at is not None and not (self._parked or self._stopped)
        return paused and (self._open is None or (self._begun and self._asked is None))

    def _park(self) -> list[Command]:
        """Paused for long: a session is billed for as long as it is open."""
        self._parked = self._parked_whole = True
        self._retry_at = None
        if self._open is None:
            self._parked_whole = False
            return self._drop_next()
        return [*self._drop_next(), FinishHere(self._open)]

    def _stop(self, cause: str, now: float) -> list[Command]:
        again, self._stopped = self._stopped, True
        self._paused_at = None
        self.state = State.STOPPING
        if self._finish is not None:
            if again and cause in FORCING:
                self._forced_by = min(self._forced_by, now + SHORT_DEADLINE_S)
                self._drain_deadline = min(self._drain_deadline or now, self._forced_by)
            return []
        if self._open is None:
            # Between two sessions: what was captured is saved, and can be resumed.
            whole = self._parked and self._parked_whole
            status = ExitStatus.OK if whole else ExitStatus.INCOMPLETE
            return [StopSource(), *self._give_up(status, now, complete=whole)]
        if again:
            if cause not in FORCING:
                return []  # a terminal that goes away says so several times
            return self._hurry(self._open, now)
        commands: list[Command] = [StopSource()]
        if self._handing is None or self._policy.drops_backlog:
            commands += self._drop_next()  # otherwise it says the rest
        if not self._begun:
            self._drain_deadline = now + CONNECT_GRACE_S
        if self._policy.drops_backlog:
            self._cut = self._asked is None and not self._source_ended
            commands.append(FinishHere(self._open))
        return commands

    def _end_with(self, problem: StreamError, now: float) -> list[Command]:
        """A fault of ours: the session is still told that it is over, so that it is not billed."""
        self._problem = self._problem or problem
        self._stopped = True
        self.state = State.STOPPING
        self._forced_by = min(self._forced_by, now + SHORT_DEADLINE_S)
        self._drain_deadline = min(self._drain_deadline or self._forced_by, self._forced_by)
        if self._open is None or not self._begun:
            return [StopSource(), *self._give_up(ExitStatus.FAULT, now)]
        return self._hurry(self._open, now)

    def _hurry(self, session: int, now: float) -> list[Command]:
        """End a session where it is, and wait for that only shortly."""
        self._forced = True
        due = self._forced_by = min(self._forced_by, now + SHORT_DEADLINE_S)
        self._drain_deadline = min(self._drain_deadline or due, due)
        return [StopSource(), *self._drop_next(), FinishHere(session)]

    def _give_up_draining(self) -> list[Command]:
        """What was asked to end has not, in all the time it had."""
        others = [s for s in (*sorted(self._others), self._last_words) if s is not None]
        if self._finish is not None:
            commands: list[Command] = [AbandonSession(session) for session in others]
            if self._last_words is not None and self._its_words_count and self._done is not None:
                commands.append(DropSession(self._done))
                self._finish = Finish(ExitStatus.INCOMPLETE, self._finish.problem, False)
            self._others.clear()
            self._last_words = None
            self.state = State.OVER
            return [*commands, self._finish]
        if self._last_words is not None:
            return [AbandonSession(self._last_words)]
        self._drain_given_up = True
        if self._open is not None and self._begun:
            return [AbandonSession(self._open)]
        # Nothing can come of it any more, and connecting may take much longer to fail.
        return self._give_up(ExitStatus.INCOMPLETE, 0.0)

    def _close(self, closed: Closed, now: float) -> list[Command]:
        """The session that counts has ended."""
        session, self._open = closed.session, None
        self._drain_deadline = None
        never_terminates = self._never_terminates(closed)
        if self._asked is not None and closed.terminated and not self._parked:
            # As asked. A source that was stopped may not have said yet that it has ended.
            whole = self._asked.whole and not self._cut
            if self._handing == session and not (self._stopped or (whole and self._source_ended)):
                return self._open_next(now)  # who was to follow has gone in the meantime
            if self._last_words is not None:
                self._done = session
            return self._give_up(ExitStatus.OK, now, complete=whole)
        if self._drain_given_up or self._forced:
            return self._give_up(ExitStatus.INCOMPLETE, now)
        verdict = self._as_saved(self._verdict(closed))
        # Once nothing more is captured, only words count: what breaks off before it has said any
        # may do so again and again.
        sound = self._begun and closed.open_s > _SOUND_AFTER_S
        if sound and self._asked is None and not self._source_ended:
            self._succeed()
        self._forget_arrival(closed)
        if self._parked or self._paused_at is not None:
            return self._close_paused(closed.terminated, verdict, now)
        if verdict.retry is Retry.NO or never_terminates or not self._may_retry(verdict):
            self._problem = self._problem or _as_error(verdict)
            return [StopSource(), *self._give_up(verdict.exit_status, now)]
        if self._stopped:
            # Stopped by the user and cut off before the end: no new session is begun.
            self._problem = self._problem or _as_error(verdict)
            return self._give_up(ExitStatus.INCOMPLETE, now)
        if self._next is not None:
            return self._replace(session, verdict, now)
        commands: list[Command] = []
        if self._last_words is not None:
            # Its words are said again by the session that comes: both cannot be had in order.
            self._others.add(self._last_words)
            if closed.terminated:
                commands.append(DropSession(session))
            commands.append(DropSession(self._last_words))
            self._last_words = None
        return commands + self._retry(session, verdict, now)

    def _never_terminates(self, closed: Closed) -> bool:
        """Whether it is the service's way to close sessions as if they had ended, and no more.

        Without Termination words may be missing, so another session asks for them. Where several
        end like that and say nothing new, nobody can know whether all has been said.
        """
        if self._asked is None or closed.terminated or closed.code != _NORMAL or closed.owes_words:
            return False
        if self._last_words is not None:
            return False  # what it said last has not been heard yet
        self._left_politely += 1
        return self._left_politely >= _MOST_POLITE

    def _forget_arrival(self, closed: Closed) -> None:
        """What never reached the service does not count there."""
        if closed.failure is not None and closed.open_s == 0 and closed.failure.http_status is None:
            self._arrivals.unopened()

    def _close_paused(self, as_asked: bool, verdict: Verdict, now: float) -> list[Command]:
        """Nothing is to be heard, so no session is needed, whyever this one ended."""
        if verdict.retry is Retry.NO and not as_asked:
            self._problem = self._problem or _as_error(verdict)
            return [StopSource(), *self._give_up(verdict.exit_status, now)]
        self._parked_whole = as_asked and self._asked is not None and self._asked.whole
        if self._stopped:
            status = ExitStatus.OK if self._parked_whole else ExitStatus.INCOMPLETE
            return self._give_up(status, now, complete=self._parked_whole)
        if self._paused_at is None:  # it goes on already
            self._parked = False
            return self._open_next(now)
        self._parked = True
        return []

    def _replace(self, old: int, verdict: Verdict, now: float) -> list[Command]:
        """The session broke off, but the one that was to follow it is there already."""
        new, begun = self._next, self._next_begun
        assert new is not None
        self._failures += 1
        self._take_up(new, begun=begun)
        commands: list[Command] = [TellDisconnected(old, verdict, 0.0), StartSession(new)]
        if begun:
            self._set_life(self._next_life, now)
            self._settle_state()
            return [*commands, TellReconnected(new)]
        self.state = State.OFFLINE
        return commands

    def _drop_next(self) -> list[Command]:
        if self._next is None:
            return []
        dropped, self._next = self._next, None
        self._others.add(dropped)
        return [DropSession(dropped)]

    def _retry(self, session: int, verdict: Verdict, now: float) -> list[Command]:
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

    def _as_saved(self, verdict: Verdict) -> Verdict:
        """What is spoken now is kept, and can be taken up again when the service is back."""
        if not self._policy.live or verdict.retry is Retry.NO:
            return verdict
        return verdict._replace(exit_status=ExitStatus.INCOMPLETE)

    def _may_retry(self, verdict: Verdict) -> bool:
        if self._policy.live and not self._source_ended:
            return True
        tries = self._policy.later_tries if self._ever_begun else self._policy.first_tries
        if verdict.retry is Retry.SLOWLY:
            tries = max(tries, _SLOW_TRIES)
        return self._failures + 1 < tries

    def _give_up(self, status: ExitStatus, now: float, *, complete: bool = False) -> list[Command]:
        """The run is over, as soon as every session is."""
        commands = self._drop_next()
        if self._open is not None:
            commands.append(AbandonSession(self._open))
        self._retry_at = None
        if self._problem is not None and status in (ExitStatus.OK, ExitStatus.INCOMPLETE):
            status = self._problem.exit_status
        self._finish = Finish(status, self._problem, complete and self._problem is None)
        self._open = None
        return [*commands, *self._conclude(now)]

    def _conclude(self, now: float) -> list[Command]:
        """Finish, where everything is settled; sessions that are still ending are waited for."""
        if self._finish is None:
            return []
        if self._others or self._last_words is not None:
            self.state = State.STOPPING
            due = min(now + self._patience_s, max(now, self._forced_by))
            self._drain_deadline = self._drain_deadline or due
            return []
        self.state = State.OVER
        self._drain_deadline = None
        return [self._finish]


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
