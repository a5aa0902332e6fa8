"""The wait before the next session: exponential backoff with jitter. Pure."""

from typing import NamedTuple

from transcribe_cli.protocol.close_codes import Retry

_FIRST_S = 0.25
_FIRST_SLOW_S = 4.0  # freeing a session slot took 2 to 28 s when measured
_GREATEST_S = 30.0
_JITTER = 0.5
_MOST_DOUBLINGS = 7  # from 0.25 s to the greatest wait; a night offline is a thousand tries


class Backoff(NamedTuple):
    """The waits between the sessions of one recording.

    Attributes:
        failures: number of failures of the same kind in a row; 0 resets the waits.
        last: the kind of the last failure.
    """

    failures: int = 0
    last: Retry | None = None

    def failed(self, retry: Retry) -> "Backoff":
        """The backoff after one more failure; another kind of failure starts anew."""
        return Backoff(self.failures + 1 if retry is self.last else 1, retry)

    def wait_s(self, luck: float) -> float:
        """Seconds to wait after the last failure; `luck`: a random number, 0 to 1."""
        if self.last is Retry.AT_ONCE and self.failures == 1:
            return 0.0  # only once: a session that ends again at once has to wait
        first = _FIRST_SLOW_S if self.last is Retry.SLOWLY else _FIRST_S
        doublings = min(self.failures - 1, _MOST_DOUBLINGS)
        return min(first * 2.0**doublings, _GREATEST_S) * (1 + _JITTER * luck)
