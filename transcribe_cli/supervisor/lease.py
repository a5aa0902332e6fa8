"""A lease: one session's claim on a stretch of the audio log, and what may become of it. Pure.

It begins at a frame, and is responsible for every word from there. It ends settled (everything up
to its end is final), broken (what is not final must be transcribed again) or dropped (nothing of it
counts).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from transcribe_cli.session.events import Closed

NEVER = float("inf")


class LeaseState(StrEnum):
    """The state of a session."""

    AHEAD = "ahead"  # connecting, to follow another one
    READY = "ready"  # has begun, and waits to follow another one
    CONNECTING = "connecting"  # connecting; reads the log from its Begin on
    OPEN = "open"  # reads the log
    DRAINING = "draining"  # reads no more audio; its last words arrive
    SETTLED = "settled"  # has ended as requested
    BROKEN = "broken"  # has broken off
    DROPPED = "dropped"  # is ending; nothing it says counts


LONGEST_SESSION_S = 10_800.0  # page "Streaming API": sessions are closed after 3 hours
ROLL_FROM = 0.9  # share of its life: from here on, a follower takes over after a turn
ROLL_BY = 0.97  # share of its life: from here on, at the next pause

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
"""The allowed transitions."""

AHEAD = frozenset({_S.AHEAD, _S.READY})
READING = frozenset({_S.CONNECTING, _S.OPEN})


class IllegalStep(AssertionError):
    """A transition that `NEXT` does not allow: a bug in a rule."""


class EndRequest(IntEnum):
    """How a session was asked to end; a greater value is more urgent."""

    NOTHING = 0  # it ends with the log
    PAUSE = 1  # at the next pause in speech, for its follower
    LONG_PAUSE = 2  # now, because the user has paused for long
    STOP = 3  # now, even if audio is left to send
    HURRY = 4  # now, with a deadline


class Drain(NamedTuple):
    """A session that reads no more audio.

    Attributes:
        since: when it last said something new, or was sent its last audio; monotonic, in s.
        said_ms: the end of its last word, on its own clock.
        offset: the first frame that it was not sent.
        whole: everything captured was sent.
    """

    since: float
    said_ms: int = 0
    offset: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """One session, as the rules see it.

    Attributes:
        number: the number of the session.
        roll_from: when a follower should take over; never, before its Begin.
        roll_by: when a follower must take over.
        request: how it was asked to end.
        drain: set once it is draining or dropped.
        handed: another session has taken over from it.
        owes: it was handed over inside a turn, so its last words count.
        abandoned: its socket was closed because it did not end in time.
        end: how it ended; None while it has not.
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
        """Whether its Begin has arrived."""
        return self.roll_by < NEVER

    @property
    def counts(self) -> bool:
        """Whether it reads or has read audio whose words count."""
        return self.state is not _S.DROPPED and self.state not in AHEAD

    def to(self, state: LeaseState, **changes: Any) -> "Lease":
        """The same lease in another state.

        Raises:
            IllegalStep: `NEXT` does not allow this transition.
        """
        if state not in NEXT[self.state]:
            raise IllegalStep(f"session {self.number}: {self.state} -> {state}")
        return replace(self, state=state, **changes)


Leases = tuple[Lease, ...]
"""In the order in which their words are reported: earlier, reader, follower. Dropped ones too."""


def find(leases: Leases, session: int) -> Lease | None:
    """The lease of a session that is not over."""
    for lease in leases:
        if lease.number == session:
            return lease
    return None


def comes_first(leases: Leases, session: int) -> bool:
    """Whether no session before this one still has words that count."""
    return not any(lease.number < session and lease.counts for lease in leases)
