"""Time that jumps to whatever happens next, and the program's own main loop in it.

What other threads, the network and the service do are events of the world. Main waits in
`poll`, as it does in real life; there the world moves on, until main has something to do.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any, Protocol

from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import StopRequested
from transcribe_cli.system.poller import READ, WRITE

EPOCH_S = 1_700_000_000.0
_INSTANT_S = 1e-5  # what one turn of the loop takes
_MOST_TURNS_AT_ONCE = 2000
_AT_ONCE_S = 0.05
_WAKER = -1


class Stuck(AssertionError):
    """The run goes on for ever, or turns without getting anywhere."""


class World:
    """The time, and what is still to happen.

    Attributes:
        now: virtual seconds.
        ends_at: a run that goes on longer than that is stuck.
    """

    def __init__(self, ends_at: float) -> None:
        self.now = 0.0
        self.ends_at = ends_at
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Have something happen at that time, or now where it has passed."""
        heapq.heappush(self._coming, (max(moment, self.now), next(self._count), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something happen so much later."""
        self.at(self.now + seconds, action)

    def move_on(self, latest: float) -> None:
        """Let the next thing happen, or time pass until then."""
        if latest > self.ends_at:
            latest = self.ends_at + 1
        if self._coming and self._coming[0][0] <= latest:
            moment, _, action = heapq.heappop(self._coming)
            self.now = max(self.now, moment)
            action()
        else:
            self.now = max(self.now, latest)
        if self.now > self.ends_at:
            raise Stuck(f"the run has not ended after {self.ends_at:.0f} s")

    def settle(self, seconds: float) -> None:
        """Let everything happen that is still to come in so many seconds, without main."""
        until = self.now + seconds
        self.ends_at = max(self.ends_at, until + 1)
        while self.now < until:
            self.move_on(until)

    def wall(self) -> float:
        """The time as the service tells it, seconds since 1970."""
        return EPOCH_S + self.now


class Readiness(Protocol):
    """What a simulated connection tells of itself instead of having a socket."""

    def fileno(self) -> int: ...
    @property
    def readable(self) -> bool: ...
    @property
    def writable(self) -> bool: ...


class VirtualPoll:
    """Where main waits: the world goes on meanwhile.

    Attributes:
        woken: another thread wants main to look.
        held_until: main is busy elsewhere, and does not come back before.
        turns: how often main has come by.
    """

    def __init__(self, world: World) -> None:
        self.woken = False
        self.held_until = 0.0
        self.turns = 0
        self._world = world
        self._watched: dict[int, tuple[Readiness, int]] = {}
        self._calm_at = (0.0, 0)

    def register(self, connection: Readiness, events: int) -> None:
        assert connection.fileno() not in self._watched
        self._watched[connection.fileno()] = (connection, events)

    def modify(self, connection: Readiness, events: int) -> None:
        assert connection.fileno() in self._watched
        self._watched[connection.fileno()] = (connection, events)

    def unregister(self, number: int) -> None:
        del self._watched[number]

    def close(self) -> None:
        self._watched.clear()

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Like epoll's, in virtual time."""
        world = self._world
        world.now += _INSTANT_S
        self._count_turn()
        deadline = world.now + timeout
        while True:
            if world.now >= self.held_until:
                ready = self._ready()
                if ready or world.now >= deadline:
                    return ready
            world.move_on(max(deadline, self.held_until))

    def _ready(self) -> list[tuple[int, int]]:
        ready = []
        if self.woken:
            self.woken = False
            ready.append((_WAKER, READ))
        for number, (connection, wanted) in self._watched.items():
            events = READ if connection.readable else 0
            if wanted & WRITE and connection.writable:
                events |= WRITE
            if events:
                ready.append((number, events))
        return ready

    def _count_turn(self) -> None:
        """A loop that turns and turns while time stands still would burn a processor."""
        self.turns += 1
        since, turns = self._calm_at
        if self._world.now - since > _AT_ONCE_S:
            self._calm_at = (self._world.now, self.turns)
        elif self.turns - turns > _MOST_TURNS_AT_ONCE:
            raise Stuck(f"main turns without rest at {self._world.now:.2f} s")


class VirtualLoop(Loop):
    """The program's own loop; only its waiting is virtual."""

    _poll: Any

    def __init__(self, world: World) -> None:
        super().__init__(clock=lambda: world.now)
        self._poll.close()
        self.poll = self._poll = VirtualPoll(world)

    def wake(self) -> None:
        self.poll.woken = True

    def signal(self, name: str) -> None:
        """As a signal's handler does."""
        self.post(None, StopRequested(name))
