"""The clock of sessions: the machine's own, and what a test has put it forward by."""

import asyncio
import time
from contextlib import suppress


class ServiceClock:
    """Tells the time for expiry, inactivity, heartbeats and tokens; all in seconds."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._moved = asyncio.Event()

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def unix(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put the clock forward; whoever waits for a time looks again."""
        self._ahead += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def reset(self) -> None:
        """Tell the machine's own time again; for when no session is open."""
        self._ahead = 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait so long, or until the clock is put forward."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), max(seconds, 0.0))
