"""How long to wait before the next session: growing and jittered. Pure."""

from typing import NamedTuple

from transcribe_cli.protocol.close_codes import Retry

_FIRST_S = 0.25
_FIRST_SLOW_S = 4.0  # a freed slot has been seen to take 2 to 28 s
_GREATEST_S = 30.0
_JITTER = 0.5
_MOST_DOUBLINGS = 7  # from 0.25 s to the greatest wait; a night offline is a thousand tries


class Backoff(NamedTuple):
    """The waits between the sessions of one recording.

    Attributes:
        failures: how often in a row it went wrong in the same way; 0 makes the waits small again.
        last: the way.
    """

    failures: int = 0
    last: Retry | None = None

    def failed(self, retry: Retry) -> "Backoff":
        """It went wrong; another way than before begins with a small wait of its own."""
        return Backoff(self.failures + 1 if retry is self.last else 1, retry)

    def wait_s(self, luck: float) -> float:
        """How long to wait after the last failure; `luck` is a random number from 0 to 1."""
        if self.last is Retry.AT_ONCE and self.failures == 1:
            return 0.0  # but never in a loop: a session that ends again at once has to wait
        first = _FIRST_SLOW_S if self.last is Retry.SLOWLY else _FIRST_S
        doublings = min(self.failures - 1, _MOST_DOUBLINGS)
        return min(first * 2.0**doublings, _GREATEST_S) * (1 + _JITTER * luck)
