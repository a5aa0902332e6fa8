"""How many sessions an account may open in a minute."""

from collections import deque

FREE_ACCOUNT_SESSIONS_PER_MINUTE = 5
_MINUTE_S = 61.0  # one second more than the service's minute


class SessionQuota:
    """The sessions opened in the last minute, by all recordings that share an account.

    The service counts a session when the request arrives there, which is known only when the
    service answers. So a session counts from its opening until the answer, and for a minute after.

    Args:
        per_minute: greatest number of new sessions in any 60 s; None: no limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self.per_minute = per_minute
        self._underway: deque[float] = deque()
        self._arrived: deque[float] = deque()

    def opened(self, now: float) -> None:
        """Count a session that is being opened."""
        if self.per_minute is not None:
            self._underway.append(now)

    def answered(self, now: float) -> None:
        """The service has answered one of the sessions; which one makes no difference."""
        if self._underway:
            self._underway.popleft()
            self._arrived.append(now)

    def unopened(self) -> None:
        """Uncount a session: it never reached the service."""
        if self._underway:
            self._underway.pop()

    def free_at(self, now: float) -> float:
        """When the next session may be opened; `now` or earlier means at once."""
        for times in (self._underway, self._arrived):
            while times and times[0] <= now - _MINUTE_S:
                times.popleft()
        counted = sorted((*self._underway, *self._arrived))
        if self.per_minute is None or len(counted) < self.per_minute:
            return now
        return counted[-self.per_minute] + _MINUTE_S
