"""What a run knows of itself, as one immutable value. Pure."""

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
"""A time that has come, whenever it is asked."""


class RunState(StrEnum):
    """Where the run stands, in the word that the live view shows."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    OFFLINE = "offline"  # between two sessions
    PAUSED = "paused"
    STOPPING = "stopping"
    OVER = "over"


class Contact(StrEnum):
    """Whether a session listens, as far as the user was told."""

    NEVER = "never"  # none has begun yet
    MADE = "made"
    LOST = "lost"  # and the next one's Begin is told


@dataclass(frozen=True, slots=True)
class Policy:
    """How stubborn a run is.

    Attributes:
        live: the source cannot wait (a microphone), so it is recorded whatever the network does.
        drops_backlog: a stop ends a session where it is, not at the end of what was captured,
            because audio may have been captured long before its time (a file, a pipe).
        first_tries: how often a source that can wait tries for its first session.
        later_tries: how often in a row it tries for another one.
        timeouts: how long to wait for the service before a session is taken for stuck.
    """

    live: bool
    drops_backlog: bool
    first_tries: int = 3
    later_tries: int = 12
    timeouts: Timeouts = SERVICE


class Stop(NamedTuple):
    """Someone, or a fault of ours, wants the run to end. Times are monotonic, in seconds.

    Attributes:
        at: when.
        by: so everything is over by then; never, while one Ctrl+C was enough.
        cut: the source had more to say.
        fault: something of ours broke, so what has not begun is not waited for.
        source_told: the source was told to stop.
    """

    at: float
    by: float = NEVER
    cut: bool = False
    fault: bool = False
    source_told: bool = False

    @property
    def hurried(self) -> bool:
        """It is wanted soon."""
        return self.by < NEVER


class Tries(NamedTuple):
    """What has gone wrong since words last came.

    Attributes:
        failures: sessions that broke.
        polite: those of them that were closed as if they had ended, without Termination.
    """

    failures: int = 0
    clean_closes: int = 0
    backoff: Backoff = Backoff()


class Outcome(NamedTuple):
    """How the run ends, once every session has.

    Attributes:
        exit_status: where no problem has one of its own.
        complete: everything captured went to the service and came back.
    """

    exit_status: ExitStatus
    complete: bool = False


class Moment(NamedTuple):
    """When something happens; `wall` is the service's time, `luck` from 0 to 1."""

    now: float
    wall: float
    luck: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the rules decide by. Times are on the monotonic clock, in seconds.

    Attributes:
        policy: how stubborn the run is.
        leases: the sessions that are not over.
        next_number: of the session that is opened next.
        contact: whether one listens, as far as the user was told.
        tries: what has gone wrong since words last came.
        open_from: when the next one may be opened, after what went wrong.
        free_from: when the account may open one.
        all_said: the last session has left nothing to say.
        source_ended: the last block is in the log.
        paused_at: since when the user wants nothing to be heard.
        turn_ended: a turn has just ended, while a session is ready to follow.
        stop: someone, or a fault of ours, wants the run to end.
        problem: what went wrong first; it is told, and its exit status is the run's.
        outcome: all but the sessions' ends is settled.
        over: nothing more is wanted of this run.
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
        """The session that was handed over and has not ended yet."""
        return next((lease for lease in self.leases if lease.handed and lease.counts), None)

    @property
    def reader(self) -> Lease | None:
        """The session that reads the log, is to, or did last."""
        return next((lease for lease in self.leases if lease.counts and not lease.handed), None)

    @property
    def follower(self) -> Lease | None:
        """The session that was opened ahead, to follow the reader."""
        return next((lease for lease in self.leases if lease.state in AHEAD), None)

    @property
    def broken(self) -> Lease | None:
        """The reader, where it has ended before its time."""
        reader = self.reader
        return reader if reader is not None and reader.state is LeaseState.BROKEN else None

    @property
    def hurried(self) -> bool:
        """Everything is to be over soon."""
        return self.stop is not None and self.stop.hurried

    @property
    def going_on(self) -> bool:
        """Nobody wants the run to end, and nothing has ended it."""
        return self.stop is None and self.outcome is None

    @property
    def state(self) -> RunState:
        """The word that the live view shows."""
        if self.over:
            return RunState.OVER
        reader = self.reader
        state = LeaseState.BROKEN if reader is None else reader.state
        request = EndRequest.NOTHING if reader is None else reader.request
        draining = state in (LeaseState.DRAINING, LeaseState.SETTLED)
        if not self.going_on or (draining and request not in (EndRequest.PAUSE, EndRequest.PARK)):
            return RunState.STOPPING
        if self.paused_at is not None:
            return RunState.PAUSED
        if state is LeaseState.OPEN or (draining and request is EndRequest.PAUSE):
            return RunState.LISTENING
        tried = reader is None and self.tries.failures
        never = self.contact is Contact.NEVER and not tried
        return RunState.CONNECTING if never else RunState.OFFLINE

    def lease(self, session: int) -> Lease | None:
        """The lease of a session that is not over."""
        return find(self.leases, session)

    def with_lease(self, changed: Lease) -> "Facts":
        """The same with another state of one lease, found by its number."""
        leases = (changed if lease.number == changed.number else lease for lease in self.leases)
        return replace(self, leases=tuple(leases))

    def without(self, gone: Lease) -> "Facts":
        """The same without a lease that is over."""
        leases = (lease for lease in self.leases if lease.number != gone.number)
        return replace(self, leases=tuple(leases))
