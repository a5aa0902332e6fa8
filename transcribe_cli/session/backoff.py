"""How long to wait before the next session: growing, jittered, within the account's limit. Pure."""

from collections import deque

from transcribe_cli.protocol.close_codes import Retry

_FIRST_S = 0.25
_FIRST_SLOW_S = 4.0  # a freed slot has been seen to take 2 to 28 s
_GREATEST_S = 30.0
_JITTER = 0.5


class Backoff:
    """The waits between sessions.

    Args:
        per_minute: most new sessions in any 60 s; None for no limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._opened: deque[float] = deque()
        self._failures = 0

    def opened(self, now: float) -> None:
        """A session is being opened."""
        self._opened.append(now)

    def unopened(self) -> None:
        """The last one never reached the service, so it does not count there."""
        if self._opened:
            self._opened.pop()

    def succeeded(self) -> None:
        """The service transcribes again: the waits start small."""
        self._failures = 0

    def next_try(self, retry: Retry, now: float, chance: float) -> float:
        """When to open the next session; `chance` is a random number from 0 to 1."""
        first = _FIRST_SLOW_S if retry is Retry.SLOWLY else _FIRST_S
        wait = min(first * 2.0**self._failures, _GREATEST_S)
        wait *= 1 + _JITTER * chance
        self._failures += 1
        if retry is Retry.AT_ONCE:
            wait = 0.0
        due = now + wait
        while self._opened and self._opened[0] <= now - 60:
            self._opened.popleft()
        if self._per_minute is not None and len(self._opened) >= self._per_minute:
            due = max(due, self._opened[-self._per_minute] + 60)
        return due
