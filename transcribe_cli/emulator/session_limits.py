"""Limits the number of sessions: at once, by the machine; and new ones a minute. Pure."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from transcribe_cli.emulator.key_checks import UNAUTHORIZED
from transcribe_cli.emulator.session_refused import SessionRefused

LEAST = 2
"""One recording needs two: a session, and the one that follows it."""


class SessionNeeds(NamedTuple):
    """What sessions of an engine need.

    Attributes:
        a_processor: number of sessions that keep one processor busy.
        memory_bytes: memory of one session, rounded up.
    """

    a_processor: int
    memory_bytes: int


_MINUTE_S = 60.0
# What a connection may hold: unread one message and what was read with it, less than 400 KB;
# unsent 1000 messages, of which a Turn of twenty words has 2 KB.
STAND_IN_NEEDS = SessionNeeds(250, 4 << 20)
"""Of what recognises no speech; what does says it itself, in its row of `engines/registry.py`."""


def most_sessions(needs: SessionNeeds, processors: int, memory_bytes: int | None) -> int:
    """The default limit of sessions at once, from half of the memory and all processors.

    >>> needs = SessionNeeds(a_processor=4, memory_bytes=128 << 20)
    >>> most_sessions(needs, 2, 8 << 30), most_sessions(needs, 16, 2 << 30)
    (8, 8)

    Args:
        memory_bytes: None where it is not known.
    """
    most = processors * needs.a_processor
    if memory_bytes is not None:
        most = min(most, memory_bytes // 2 // needs.memory_bytes)
    return max(LEAST, most)


class SessionLimits:
    """Counts sessions, and refuses one too many; times are seconds on one steady clock.

    Args:
        most: the most sessions at once.
        a_minute: the most new sessions a minute; None: no limit.
        say: called once when sessions are refused for `most`, and again only after a session has
            ended, since clients retry.
    """

    def __init__(self, most: int, a_minute: int | None, say: Callable[[str], None]) -> None:
        self.most = most
        self._a_minute = a_minute
        self._say = say
        self._open = 0
        self._began: deque[float] = deque()  # those of the last minute
        self._told = False

    def reset(self) -> None:
        """Forget the sessions of the last minute."""
        self._began.clear()

    @contextmanager
    def session(self, now: float) -> Iterator[None]:
        """Count one session for as long as the context lasts.

        Raises:
            Refused: with 1008 and the live service's words, which are the same for both limits.
        """
        while self._began and now - self._began[0] >= _MINUTE_S:
            self._began.popleft()
        if self._open >= self.most:
            if not self._told:
                self._told = True
                self._say(
                    f"Sessions are refused: no more than {self.most} at once (--max-sessions)."
                )
            raise _too_many()
        if self._a_minute is not None and len(self._began) >= self._a_minute:
            raise _too_many()
        self._open += 1
        self._began.append(now)
        try:
            yield
        finally:
            self._open -= 1
            self._told = False


def _too_many() -> SessionRefused:
    return SessionRefused(UNAUTHORIZED, "Unauthorized Connection: Too many concurrent sessions")
