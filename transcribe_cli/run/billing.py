"""What the sessions cost: the service bills the time each WebSocket stays open. Pure.

Source: every quickstart page, "Streaming is billed per session".
"""

from transcribe_cli.protocol.messages import Begin, Termination
from transcribe_cli.session.events import Closed, Received


class Bill:
    """Adds up sessions; times in seconds on the monotonic clock.

    Args:
        usd_per_hour: the price of a session as it is requested; None where it is not known.
        closed_s, sessions: seconds and number of the sessions of an earlier run of this recording.
    """

    def __init__(
        self, usd_per_hour: float | None, closed_s: float = 0.0, sessions: int = 0
    ) -> None:
        self._usd_per_hour = usd_per_hour
        self._prices: dict[int, float | None] = {}  # of sessions whose price differs
        self._open: dict[int, float] = {}
        self._closed_s = {usd_per_hour: closed_s} if closed_s else {}  # by price of an hour
        self._said_s: dict[int, float] = {}  # durations that the service gave for open sessions
        self._unconfirmed: set[int] = set()
        self.sessions = sessions

    def take(self, event: Received | Closed, now: float) -> None:
        """Take a session's message or its end."""
        session = event.session
        if isinstance(event, Closed):
            self._close(event, now)
        elif isinstance(event.decoded.message, Begin) and session not in self._open:
            self.began(session, event.at)
        elif isinstance(event.decoded.message, Termination):
            said_s = event.decoded.message.session_duration_seconds
            if said_s is not None:
                self._said_s[session] = said_s

    def is_priced(self, session: int, usd_per_hour: float | None) -> None:
        """Set what an hour of this session costs, whatever was requested."""
        self._prices[session] = usd_per_hour

    def reprice(self, usd_per_hour: float | None) -> None:
        """Set what an hour of the open sessions, and of later ones, costs."""
        self._usd_per_hour = usd_per_hour
        self._prices |= dict.fromkeys(self._open, usd_per_hour)

    def began(self, session: int, now: float) -> None:
        """A session has begun; the service bills it from now on."""
        self._open[session] = now
        self.sessions += 1

    def ended(self, session: int, billed_s: float | None, now: float) -> None:
        """A session's socket is closed; `billed_s` is what its Termination said, if one came."""
        began = self._open.pop(session, None)
        if began is None:
            return
        if billed_s is None:
            self._unconfirmed.add(session)
        seconds, price = now - began if billed_s is None else billed_s, self._price(session)
        self._closed_s[price] = self._closed_s.get(price, 0.0) + seconds

    def _close(self, event: Closed, now: float) -> None:
        session, said_s = event.session, self._said_s.pop(event.session, None)
        # A session that the service closed is over, even if it sent no Termination.
        closed_there = event.terminated or event.code is not None
        if closed_there and said_s is None:
            said_s = event.open_s
        if event.open_s > 0 and event.code is None and session not in self._open:
            self.began(session, now - event.open_s)  # it was open; its end is never confirmed
        self.ended(session, said_s if closed_there else None, now)

    @property
    def terminated(self) -> bool:
        """Whether the service confirmed the end of every session."""
        return not self._unconfirmed and not self._open

    def session_s(self, now: float) -> float:
        """Seconds billed so far."""
        return sum(self._seconds_by_price(now).values())

    def cost_usd(self, now: float) -> float | None:
        """The list price of the seconds billed so far; None where a price is not known."""
        spent = self._seconds_by_price(now)
        if not spent:
            return None if self._usd_per_hour is None else 0.0
        cost = 0.0
        for price, seconds in spent.items():
            if price is None:
                return None
            cost += seconds / 3600 * price
        return cost

    def _price(self, session: int) -> float | None:
        return self._prices.get(session, self._usd_per_hour)

    def _seconds_by_price(self, now: float) -> dict[float | None, float]:
        spent = dict(self._closed_s)
        for session, began in self._open.items():
            price = self._price(session)
            spent[price] = spent.get(price, 0.0) + now - began
        return spent
