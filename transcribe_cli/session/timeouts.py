"""How long to wait for a service: pings, and deadlines after which it counts as stuck or dead."""

from typing import NamedTuple

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import KeepAlive
from transcribe_cli.session.connection import Connection

BEGIN_DEADLINE_S = 15.0  # Begin has been seen to take 11 s
PING_EVERY_S = 3.0
DEAD_AFTER_S = 9.0  # the connection is dead if nothing comes for this long, not even a pong
_LEFT_ALONE_S = 5.0  # the supervisor waits for last words; this much later the session itself ends
_CLOSE_AFTER_ERROR_S = 2.0  # after an Error the service has this long to close, then we do
_ABSENT_S = 5.0  # longer than the time between two pings
_NEVER = float("inf")


class Timeouts(NamedTuple):
    """How long to wait for the service, in seconds.

    Attributes:
        last_words_s: after Terminate, for a new word or for Termination.
        send_s: for a full socket to accept more audio.
    """

    last_words_s: float
    send_s: float


SERVICE = Timeouts(last_words_s=15.0, send_s=8.0)
LOCAL = Timeouts(last_words_s=60.0, send_s=60.0)
"""For the local service, which shares this machine with other work."""


class Liveness:
    """The clocks of one session. Times are monotonic, in seconds.

    Args:
        keep_alive_s: seconds between KeepAlive messages in a pause, for a service that closes idle
            sessions; None: send none.

    Attributes:
        begun: its Begin has come.
        opened_at: when the upgrade was done.
        close_at: when to close it after an Error message.
        due: before this time nothing is overdue or to be sent, if the socket accepts all it is
            given.
    """

    def __init__(self, timeouts: Timeouts, keep_alive_s: float | None = None) -> None:
        self.begun = False
        self.opened_at = 0.0
        self.close_at = _NEVER
        self.due = 0.0  # reset by each change; the next `look` computes it
        self._timeouts = timeouts
        self._keep_alive_s = keep_alive_s
        self._keep_alive_at = _NEVER
        self._advanced_at = 0.0
        self._ping_at = _NEVER
        self._end_by = _NEVER
        self._stuck_since: float | None = None
        self._stuck_at = 0  # number of bytes that the system had accepted by then
        self._send_failed_at: float | None = None

    # What has happened.

    def opened(self, now: float) -> None:
        """The upgrade is done."""
        self.opened_at = self._advanced_at = now
        self.due = 0.0

    def began(self, now: float) -> None:
        """Begin has come."""
        self.begun = True
        self._ping_at = now + PING_EVERY_S
        self.due = 0.0

    def expect_end(self, now: float) -> None:
        """Terminate was sent, or words came after it, so the service is slow but not stuck."""
        self._end_by = now + self._timeouts.last_words_s + _LEFT_ALONE_S
        self.due = 0.0

    def expect_close(self, now: float) -> None:
        """An Error message has come."""
        self.close_at = now + _CLOSE_AFTER_ERROR_S
        self.due = 0.0

    def paused(self, *, paused: bool, now: float) -> None:
        """The user has paused, or goes on; during a pause KeepAlive replaces audio."""
        idle = paused and self._keep_alive_s is not None
        self._keep_alive_at = now + (self._keep_alive_s or 0.0) if idle else _NEVER
        self.due = 0.0

    # What is done about it.

    def tend(self, connection: Connection, now: float, mark: int, *, listening: bool) -> None:
        """Send a ping and a KeepAlive when they are due; to be called often.

        Args:
            mark: the ping's mark, which its answer repeats.
            listening: KeepAlive is sent; else only its next time is set.
        """
        if now - self._advanced_at > _ABSENT_S:
            # Main was away, as on a machine that slept, so the silence says nothing of the service.
            connection.heard_at = self._ping_at = now
        self._advanced_at = now
        if now >= self._ping_at:
            connection.ping(mark)
            self._ping_at = now + PING_EVERY_S
            self.due = 0.0
        if now >= self._keep_alive_at:
            # The service would close an idle session.
            if listening:
                connection.send_text(encode_client_message(KeepAlive()))
            self._keep_alive_at = now + (self._keep_alive_s or _NEVER)
            self.due = 0.0

    def look(self, connection: Connection, now: float) -> ConnectionFailed | None:
        """The error for what has not happened in time; None: all is well."""
        if now < self.due and not connection.unsent and connection.send_failure is None:
            self._stuck_since = None
            return None
        problem = self._overdue(connection, now)
        self.due = self._next_due(connection)
        return problem

    def _overdue(self, connection: Connection, now: float) -> ConnectionFailed | None:
        if not self.begun and now - self.opened_at > BEGIN_DEADLINE_S:
            return ConnectionFailed(
                f"The service did not begin the session within {BEGIN_DEADLINE_S:.0f} s.",
                "try again in a moment",
            )
        if not connection.unsent:
            self._stuck_since = None
        elif self._stuck_since is None or connection.taken != self._stuck_at:
            self._stuck_since, self._stuck_at = now, connection.taken  # it moves, however slowly
        elif now - self._stuck_since > self._timeouts.send_s:
            return ConnectionFailed(
                "The connection broke while sending: timed out.", "check the network"
            )
        if connection.send_failure is not None:
            # The service may have said why before it closed, so reading goes on for a moment.
            if self._send_failed_at is None:
                self._send_failed_at = now
            if now - self._send_failed_at > _CLOSE_AFTER_ERROR_S:
                return connection.send_failure
        if now >= self._end_by:
            return ConnectionFailed("The service did not end the session.", "try again in a moment")
        if self.begun and now - connection.heard_at > DEAD_AFTER_S:
            return ConnectionFailed(
                f"The connection is dead: nothing came back for {DEAD_AFTER_S:.0f} s.",
                "check the network",
            )
        return None

    def _next_due(self, connection: Connection) -> float:
        due = [self._ping_at, self.close_at, self._end_by, self._keep_alive_at]
        if not self.begun:
            due.append(self.opened_at + BEGIN_DEADLINE_S)
        else:
            due.append(connection.heard_at + DEAD_AFTER_S)
        if self._stuck_since is not None:
            due.append(self._stuck_since + self._timeouts.send_s)
        if self._send_failed_at is not None:
            due.append(self._send_failed_at + _CLOSE_AFTER_ERROR_S)
        return min(due)
