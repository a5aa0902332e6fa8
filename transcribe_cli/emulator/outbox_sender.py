"""Sends what a session has to say: at once, or when it is due, or when its client has room for it.

One outbox for all of it, so that the client gets everything in one order.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

from transcribe_cli.emulator.actions import Close, Drop, Send, Shape, Stall, ToClient, Wait
from transcribe_cli.emulator.outbox import Outbox
from transcribe_cli.emulator.websocket_connection import FrameTaker


class ClientConnection(Protocol):
    """The client's connection, as a session needs it; see `WebSocketConnection`."""

    is_full: bool

    def send(self, text: str) -> None:
        """Send a text frame."""

    def hand_to(self, taker: FrameTaker) -> None:
        """From now on `taker` gets what the client sends."""

    def go_on(self) -> None:
        """The taker is ready again."""

    def abort(self, reset: bool = False) -> None:
        """Cut the TCP connection, by RST where `reset`."""

    def hold(self) -> None:
        """Stop reading the socket; not even pings are answered."""

    def release(self) -> None:
        """Read the socket again."""

    def shape(self, shape: Shape) -> None:
        """Write in another shape from now on."""


class ClientLeft(NamedTuple):
    """The client has gone; as `FrameTaker.client_left`."""

    code: int
    error: str


Last = Close | Drop | ClientLeft
"""What ends a connection: nothing can be sent after it."""


class OutboxSender:
    """What is sent to one client.

    Attributes:
        is_stalled: nothing is sent, and nothing read either.
        is_over: an action was one that ends the connection.

    Args:
        end: called with that action.
    """

    def __init__(self, client: ClientConnection, end: Callable[[Last], None]) -> None:
        self.is_stalled = False
        self.is_over = False
        self._client = client
        self._end = end
        self._outbox: Outbox[ClientLeft] = Outbox()
        self._is_paused = False
        self._pause: asyncio.TimerHandle | None = None  # its end
        self._hurries = False  # nothing is waited for any more

    @property
    def is_full(self) -> bool:
        """Whether the client is to wait with more."""
        return self._outbox.is_full

    def take(self, action: ToClient) -> None:
        """Send it, after what was to be sent before it."""
        if isinstance(action, Send) and self._is_clear:
            self._client.send(action.text)
        elif isinstance(action, Shape):
            self._client.shape(action)
        else:
            self._outbox.take(action)
            self.go_on()

    @property
    def _is_clear(self) -> bool:
        """Whether a message can go out at once, as nearly all do."""
        waits = self._is_paused or self.is_over or self._client.is_full
        return not waits and self._outbox.lets_through

    def end_with(self, last: Close | ClientLeft) -> None:
        """Send what there is without waiting any more, then end."""
        if isinstance(last, Close):
            self._outbox.take(last)
        else:
            self._outbox.put(last)
        self._hurries = True
        self._resume()

    def go_on(self) -> None:
        """Send until an action is to wait, the client has no room, or the connection ends."""
        while self._outbox and not self._is_paused and not self.is_over:
            wait_s, action = self._outbox.look()
            if not self._hurries:
                if wait_s > 0:
                    self._wait(wait_s)
                    return
                if self._client.is_full and isinstance(action, Send):
                    return
            self._outbox.drop()
            self._carry_out(action)

    def close(self) -> None:
        """Wait for nothing."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _carry_out(self, action: ToClient | ClientLeft) -> None:
        match action:
            case Send(text):
                self._client.send(text)
            case Wait(ms):
                self._wait(ms / 1000)
            case Stall(ms):
                if not self._hurries:
                    self.is_stalled = True
                    self._client.hold()
                self._wait(None if ms is None else ms / 1000)
            case Close() | Drop() | ClientLeft():
                self.is_over = True
                self._end(action)

    def _wait(self, seconds: float | None) -> None:
        """Send nothing for so long; None: for ever, unless it hurries."""
        if not self._hurries:
            self._is_paused = True
            if seconds is not None:
                self._pause = asyncio.get_running_loop().call_later(seconds, self._resume)

    def _resume(self) -> None:
        self.close()
        self._is_paused = False
        if self.is_stalled:
            self.is_stalled = False
            self._client.release()
        self.go_on()
        self._client.go_on()
