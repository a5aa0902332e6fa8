"""How long to wait before the next session: growing, jittered, within the account's limit. Pure."""

from collections import deque

from transcribe_cli.protocol.close_codes import Retry

_FIRST_S = 0.25
_FIRST_SLOW_S = 4.0  # a freed slot has been seen to take 2 to 28 s
_GREATEST_S = 30.0
_JITTER = 0.5
_MINUTE_S = 61.0  # the service counts arrivals, and not every connection takes as long
_MOST_DOUBLINGS = 7  # from 0.25 s to the greatest wait; a night offline is a thousand tries


class Arrivals:
    """The sessions that were opened of late, over all recordings that share an account.

    Args:
        per_minute: most new sessions in any 60 s; None for no limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._opened: deque[float] = deque()

    def opened(self, now: float) -> None:
        """A session is being opened."""
        if self._per_minute is not None:
            self._opened.append(now)

    def unopened(self) -> None:
        """The last one never reached the service, so it does not count there."""
        if self._opened:
            self._opened.pop()

    def free_at(self, now: float) -> float:
        """When the next session may be opened; `now` or earlier means at once."""
        while self._opened and self._opened[0] <= now - _MINUTE_S:
            self._opened.popleft()
        if self._per_minute is None or len(self._opened) < self._per_minute:
            return now
        return self._opened[-self._per_minute] + _MINUTE_S


class Backoff:
    """The waits between the sessions of one recording."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._failures = 0
        self._last: Retry | None = None

    def succeeded(self) -> None:
        """The service transcribes again: the waits start small."""
        self._failures = 0

    def next_try(self, retry: Retry, now: float, chance: float) -> float:
        """When to open the next session; `chance` is a random number from 0 to 1."""
        if retry is not self._last:
            self._failures, self._last = 0, retry  # another thing went wrong
        first = _FIRST_SLOW_S if retry is Retry.SLOWLY else _FIRST_S
        doublings = min(self._failures, _MOST_DOUBLINGS)
        wait = min(first * 2.0**doublings, _GREATEST_S) * (1 + _JITTER * chance)
        if retry is Retry.AT_ONCE and self._failures == 0:
            wait = 0.0  # but never in a loop: a session that ends again at once has to wait
        self._failures += 1
        return max(now + wait, self._arrivals.free_at(now))
