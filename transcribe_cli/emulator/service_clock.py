"""The clock of sessions: the machine's own, and what a test has put it forward by."""

import time
from collections.abc import Callable


class ServiceClock:
    """Tells the time for expiry, inactivity, heartbeats and tokens; all in seconds.

    Attributes:
        watchers: called when it is put forward, since something may be due then.
    """

    def __init__(self) -> None:
        self.watchers: set[Callable[[], None]] = set()
        self._ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def unix(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        self._ahead += seconds
        for look in tuple(self.watchers):
            look()

    def reset(self) -> None:
        """Tell the machine's own time again; for when no session is open."""
        self._ahead = 0.0
