"""A lease: one session's claim on a stretch of the audio log, and what may become of it. Pure.

It begins at a frame, and answers for every word from there; it ends settled (all before its end is
final), broken (what is not final has to be said again) or dropped (nothing of it counts).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from transcribe_cli.session.events import Closed

NEVER = float("inf")


class LeaseState(StrEnum):
    """Where a session stands."""

    AHEAD = "ahead"  # connecting, to follow another one
    READY = "ready"  # begun, and follows when it is told to
    CONNECTING = "connecting"  # and reads the log from its Begin on
    OPEN = "open"  # reads the log
    DRAINING = "draining"  # reads no more, and says its last words
    SETTLED = "settled"  # has ended as asked
    BROKEN = "broken"  # has ended before its time
    DROPPED = "dropped"  # nothing that it says counts; it is ending


_S = LeaseState

NEXT: Mapping[LeaseState, frozenset[LeaseState]] = {
    _S.AHEAD: frozenset({_S.READY, _S.CONNECTING, _S.BROKEN, _S.DROPPED}),
    _S.READY: frozenset({_S.OPEN, _S.BROKEN, _S.DROPPED}),
    _S.CONNECTING: frozenset({_S.OPEN, _S.BROKEN, _S.DROPPED}),
    _S.OPEN: frozenset({_S.DRAINING, _S.BROKEN, _S.DROPPED}),
    _S.DRAINING: frozenset({_S.SETTLED, _S.BROKEN, _S.DROPPED}),
    _S.SETTLED: frozenset({_S.DROPPED}),  # the one before it owes words, and both are said again
    _S.BROKEN: frozenset(),
    _S.DROPPED: frozenset(),
}
"""What may follow what."""

AHEAD = frozenset({_S.AHEAD, _S.READY})
READING = frozenset({_S.CONNECTING, _S.OPEN})
CLOSED = frozenset({_S.SETTLED, _S.BROKEN})


class IllegalStep(AssertionError):
    """A rule of ours wants of a lease what its state does not allow."""


class EndRequest(IntEnum):
    """How a session was told to end, the more urgent the greater."""

    NOTHING = 0  # it ends with the log
    PAUSE = 1  # at the next pause of the speech, for another one
    PARK = 2  # where it is, because of a long pause
    STOP = 3  # where it is, whatever is left
    HURRY = 4  # and soon


class Drain(NamedTuple):
    """The end of a session's reading.

    Attributes:
        since: when it last said something new, or was sent the last audio; monotonic, in s.
        said_ms: up to here it has spoken since, on its own clock.
        offset: the first frame that it was not sent.
        whole: everything that was captured was sent.
    """

    since: float
    said_ms: int = 0
    offset: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """One session, as the rules see it.

    Attributes:
        number: of the session.
        roll_from, roll_by: when another one should, and must, follow it; never before its Begin.
        request: how it was asked to end.
        drain: set while it is draining or dropped, and after.
        handed: another one reads on behind it.
        owes: it was handed over in the midst of a turn, so its last words count.
        abandoned: its socket was closed, because it did not end in time.
        end: how it ended.
    """

    number: int
    state: LeaseState
    roll_from: float = NEVER
    roll_by: float = NEVER
    request: EndRequest = EndRequest.NOTHING
    drain: Drain | None = None
    handed: bool = False
    owes: bool = False
    abandoned: bool = False
    end: Closed | None = None

    @property
    def begun(self) -> bool:
        """Its Begin has come."""
        return self.roll_by < NEVER

    @property
    def counts(self) -> bool:
        """It reads, or has read, audio whose words are to be told."""
        return self.state is not _S.DROPPED and self.state not in AHEAD

    def to(self, state: LeaseState, **changes: Any) -> "Lease":
        """The same lease in another state.

        Raises:
            IllegalStep: that cannot follow.
        """
        if state not in NEXT[self.state]:
            raise IllegalStep(f"session {self.number}: {self.state} -> {state}")
        return replace(self, state=state, **changes)


Leases = tuple[Lease, ...]
"""In the order in which their words are told: earlier, reader, follower; and dropped ones."""


def find(leases: Leases, session: int) -> Lease | None:
    """The lease of a session that is not over."""
    for lease in leases:
        if lease.number == session:
            return lease
    return None


def comes_first(leases: Leases, session: int) -> bool:
    """Whether no session before that one still has words to tell."""
    return not any(lease.counts and lease.number < session for lease in leases)
