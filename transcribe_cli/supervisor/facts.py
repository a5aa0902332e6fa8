"""The facts that a run's rules decide by, as one immutable value. Pure."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.session.timeouts import SERVICE, Timeouts
from transcribe_cli.supervisor.backoff import Backoff
from transcribe_cli.supervisor.lease import (
    AHEAD,
    NEVER,
    EndRequest,
    Lease,
    Leases,
    LeaseState,
    find,
)

ALREADY = float("-inf")
"""A time in the past: something with this time is due now."""


class RunState(StrEnum):
    """The state of the run, as the live view shows it."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    RECONNECTING = "reconnecting"  # a session broke off, and nothing has failed since
    OFFLINE = "offline"  # between two sessions, and another try has failed
    PAUSED = "paused"
    DRAINING = "draining"  # nobody stopped it: all was sent, and the last words come
    STOPPING = "stopping"
    OVER = "over"


class Contact(StrEnum):
    """Whether a session is open, as far as the user was told."""

    NEVER = "never"  # none has begun yet
    MADE = "made"
    LOST = "lost"  # the next Begin is reported


@dataclass(frozen=True, slots=True)
class Policy:
    """How a run behaves when sessions fail and when it is stopped.

    Attributes:
        live: the source cannot wait (a microphone), so it is recorded even without a session.
        drops_backlog: a stop drops captured audio that was not sent, because a file or a pipe is
            read ahead of real time.
        first_tries: how many tries a source that can wait has for its first session.
        later_tries: how many tries in a row it has for later sessions.
        timeouts: how long the service may be silent before a session is taken for stuck.
        number_step: how far apart the numbers of its sessions are; others may take those between.
    """

    live: bool
    drops_backlog: bool
    first_tries: int = 3
    later_tries: int = 12
    timeouts: Timeouts = SERVICE
    number_step: int = 1


class Stop(NamedTuple):
    """A request to end the run, by the user or by an internal error. Times are monotonic, in s.

    Attributes:
        at: when it was requested.
        by: deadline for everything; never, after a single Ctrl+C.
        cut: the source had more audio.
        fault: it was an internal error, so a session that has not begun is not waited for.
        source_told: the source was told to stop.
    """

    at: float
    by: float = NEVER
    cut: bool = False
    fault: bool = False
    source_told: bool = False

    @property
    def hurried(self) -> bool:
        """Whether there is a deadline."""
        return self.by < NEVER


class Tries(NamedTuple):
    """Failures since words last arrived.

    Attributes:
        failures: number of sessions that broke off.
        clean_closes: those of them that were closed as if they had ended, without Termination.
        backoff: how long the next one waits.
    """

    failures: int = 0
    clean_closes: int = 0
    backoff: Backoff = Backoff()


class Outcome(NamedTuple):
    """How the run ends, once every session has ended.

    Attributes:
        exit_status: the exit status, unless a problem has its own.
        complete: everything captured was sent, and its words arrived.
    """

    exit_status: ExitStatus
    complete: bool = False


class Moment(NamedTuple):
    """The time: monotonic `now`, Unix time `wall`, and `luck`, a random number from 0 to 1."""

    now: float
    wall: float
    luck: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the rules decide by. Times are on the monotonic clock, in seconds.

    Attributes:
        policy: how the run behaves when sessions fail and when it is stopped.
        leases: the sessions that are not over.
        next_number: the number of the next session.
        contact: whether a session is open, as far as the user was told.
        tries: failures since words last arrived.
        open_from: when the next session may be opened, by the backoff.
        free_from: when the next session may be opened, by the account's quota.
        all_said: the last session has transcribed everything.
        source_ended: the last block is in the log.
        paused_at: since when no session is wanted, though the run goes on.
        turn_ended: a turn has just ended, and a session is ready to follow.
        stop: the request to end the run.
        problem: what went wrong first; it is told, and decides the exit status.
        outcome: how the run ends, once every session has ended.
        over: the run is over.
    """

    policy: Policy
    leases: Leases = ()
    next_number: int = 0
    contact: Contact = Contact.NEVER
    tries: Tries = field(default_factory=Tries)
    open_from: float = ALREADY
    free_from: float = ALREADY
    all_said: bool = False
    source_ended: bool = False
    paused_at: float | None = None
    turn_ended: bool = False
    stop: Stop | None = None
    problem: StreamError | None = None
    outcome: Outcome | None = None
    over: bool = False

    @property
    def earlier(self) -> Lease | None:
        """The session that has handed over to the reader and has not ended yet."""
        return next((lease for lease in self.leases if lease.handed and lease.counts), None)

    @property
    def reader(self) -> Lease | None:
        """The session that reads the log, will read it, or read it last."""
        return next((lease for lease in self.leases if lease.counts and not lease.handed), None)

    @property
    def follower(self) -> Lease | None:
        """The session that was opened ahead to follow the reader."""
        return next((lease for lease in self.leases if lease.state in AHEAD), None)

    @property
    def broken(self) -> Lease | None:
        """The reader, if it has broken off."""
        reader = self.reader
        return reader if reader is not None and reader.state is LeaseState.BROKEN else None

    @property
    def hurried(self) -> bool:
        """Whether the stop has a deadline."""
        return self.stop is not None and self.stop.hurried

    @property
    def going_on(self) -> bool:
        """Whether no stop was requested and no outcome is known."""
        return self.stop is None and self.outcome is None

    @property
    def state(self) -> RunState:
        """The state that the live view shows."""
        if self.over:
            return RunState.OVER
        reader = self.reader
        state = LeaseState.BROKEN if reader is None else reader.state
        request = EndRequest.NOTHING if reader is None else reader.request
        draining = state in (LeaseState.DRAINING, LeaseState.SETTLED)
        if not self.going_on:
            return RunState.STOPPING
        if draining and request not in (EndRequest.PAUSE, EndRequest.LONG_PAUSE):
            return RunState.DRAINING
        if self.paused_at is not None:
            return RunState.PAUSED
        if state is LeaseState.OPEN or (draining and request is EndRequest.PAUSE):
            return RunState.LISTENING
        tried = reader is None and self.tries.failures
        never = self.contact is Contact.NEVER and not tried
        if never:
            return RunState.CONNECTING
        once = self.contact is not Contact.NEVER and self.tries.failures <= 1
        return RunState.RECONNECTING if once else RunState.OFFLINE

    def wants_session(self, now: float) -> bool:
        """Whether a session is wanted, at once or after a wait; none is opened where it is not."""
        if not self.going_on or self.paused_at is not None:
            return False
        earlier, reader = self.earlier, self.reader
        if earlier is not None and earlier.state is LeaseState.BROKEN and earlier.owes:
            return True
        if self.follower is not None:
            return False
        if reader is None or reader.state is LeaseState.BROKEN:
            return True
        if reader.state is LeaseState.SETTLED:  # another one follows where it ended for a pause
            return reader.request in (EndRequest.PAUSE, EndRequest.LONG_PAUSE)
        return reader.state is LeaseState.OPEN and now >= reader.roll_from

    def lease(self, session: int) -> Lease | None:
        """The lease of a session that is not over."""
        return find(self.leases, session)

    def with_lease(self, changed: Lease) -> "Facts":
        """The facts with one lease replaced; it is found by its number."""
        leases = (changed if lease.number == changed.number else lease for lease in self.leases)
        return replace(self, leases=tuple(leases))

    def without(self, gone: Lease) -> "Facts":
        """The facts without a lease that is over."""
        leases = (lease for lease in self.leases if lease.number != gone.number)
        return replace(self, leases=tuple(leases))
