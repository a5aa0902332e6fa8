"""How many sessions an account may open in a minute."""

from collections import deque

FREE_ACCOUNT_SESSIONS_PER_MINUTE = 5
_MINUTE_S = 61.0  # the service counts arrivals, and not every connection takes as long


class SessionQuota:
    """The sessions that were opened of late, over all recordings that share an account.

    Args:
        per_minute: most new sessions in any 60 s; None for no limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self.per_minute = per_minute
        self._opened: deque[float] = deque()

    def opened(self, now: float) -> None:
        """Count a session that is being opened."""
        if self.per_minute is not None:
            self._opened.append(now)

    def unopened(self) -> None:
        """Uncount the last session: it never reached the service."""
        if self._opened:
            self._opened.pop()

    def free_at(self, now: float) -> float:
        """When the next session may be opened; `now` or earlier means at once."""
        while self._opened and self._opened[0] <= now - _MINUTE_S:
            self._opened.popleft()
        if self.per_minute is None or len(self._opened) < self.per_minute:
            return now
        return self._opened[-self.per_minute] + _MINUTE_S
