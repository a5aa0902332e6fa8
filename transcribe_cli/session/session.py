"""One session: sends the audio log from its own offset, and receives what the service says.

It has no thread and never waits. Main calls `read` when the socket has something, and `advance`
when the session is due. The thread that appends to the log calls `push_block`, and so sends a
microphone's audio itself. Both return events, and the supervisor decides about them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from transcribe_cli.audio.audio_log import ReadableLog
from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.codec import BadMessage, decode_server_message, encode_client_message
from transcribe_cli.protocol.messages import (
    Begin,
    Error,
    ForceEndpoint,
    Terminate,
    Termination,
    Turn,
    UpdateConfiguration,
)
from transcribe_cli.session.chunks import ChunkSizes
from transcribe_cli.session.connection import CloseFrame, Connection
from transcribe_cli.session.events import BadFrame, Closed, Event, Received, TerminateSent
from transcribe_cli.session.flood import Flood, Heard
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.sender import Sender
from transcribe_cli.session.timeouts import SERVICE, Liveness, Timeouts

if TYPE_CHECKING:
    from transcribe_cli.audio.encoder import Encoder

_HEARS_AHEAD_MS = 1000  # the end of a word may be a guess, this far behind the audio sent
_NEVER = float("inf")


class Target(NamedTuple):
    """Where sessions are opened. `headers` hold the key and are never shown."""

    url: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Target(...)"


class Session:
    """Sends and receives; its last event is exactly one `Closed`, with its socket closed by then.

    Args:
        number: counts the sessions of a recording, from 0.
        log, sizes, pacer, start, reserve, encoder: what is sent, and when, as in `Sender`.
        timeouts: after how long without an answer the service counts as stuck.
        keep_alive_s: seconds between KeepAlive messages in a pause, for a service that closes idle
            sessions; None: send none.

    Attributes:
        due: when `advance` has something to do next, on the monotonic clock.
        has_work: `advance` has something to do now; set by the thread that pushes.
        closed: its `Closed` event has been returned.
    """

    def __init__(
        self,
        number: int,
        log: ReadableLog,
        sizes: ChunkSizes,
        pacer: Pacer,
        start: int | None,
        reserve: int = 0,
        timeouts: Timeouts = SERVICE,
        keep_alive_s: float | None = None,
        encoder: "Encoder | None" = None,
    ) -> None:
        self.number = number
        self.due = _NEVER
        self.has_work = False
        self.closed = False
        self._sender = Sender(log, sizes, pacer, start, reserve, encoder)
        self._liveness = Liveness(timeouts, keep_alive_s)
        self._flood = Flood(forgets=pacer.real_time)
        self._final_words = 0
        self._last_said = (-1, 0, False)  # the latest Turn with words since Terminate
        self._error: Error | None = None
        self._updates: list[UpdateConfiguration] = []  # they wait for the session's Begin
        self._abandoned = False
        self._terminated = False  # Terminate has gone out

    @property
    def connection(self) -> Connection | None:
        """The connection; None before the upgrade is done."""
        return self._sender.connection

    @property
    def offset(self) -> int:
        """The first frame that has not been sent yet; before `start_at`, 0."""
        return self._sender.offset

    @property
    def received_to(self) -> int:
        """The frame before which the service has received all audio, as answered pings show."""
        answered = 0 if self.connection is None else self.connection.answered
        return max(self._sender.first, answered)

    # What main wants.

    def opened(self, connection: Connection, now: float) -> None:
        """The upgrade is done."""
        self._sender.connection = connection
        self._liveness.opened(now)
        self.due = now

    def start_at(self, frame: int, now: float) -> None:
        """Set the first frame to send, for a session that was opened before it was known."""
        self._sender.start_at(frame)
        self._let_send(now)

    def finish_here(self) -> None:
        """Send Terminate now, or after at most a second of audio; the rest is not sent."""
        self._sender.finish_here()
        self.due = 0.0

    def finish_at(self, frame: int) -> None:
        """Send Terminate before that frame, or now if it has been sent."""
        self._sender.finish_at(frame)
        self.due = 0.0

    def finish_at_pause(self) -> None:
        """Send Terminate at the next short pause of the speech; `offset` then lies at the pause."""
        self._sender.finish_at_pause()
        self.due = 0.0

    def hold(self, *, held: bool, now: float) -> None:
        """Stop sending audio, or go on; the pacer then starts again at the current offset."""
        self._sender.hold(held=held, now=now)
        self.due = now

    def paused(self, *, paused: bool, now: float) -> None:
        """The user has paused, or goes on; during a pause KeepAlive replaces audio."""
        self._liveness.paused(paused=paused, now=now)
        self.due = now

    def abandon(self) -> None:
        """Close the socket at the next `advance`; a Terminate goes first if none was sent yet."""
        self._abandoned = True
        self.due = 0.0

    def force_endpoint(self) -> bool:
        """Ask the service to end the turn now; returns False where no session listens."""
        if self.connection is None or not self._sender.active:
            return False
        self.connection.send_text(encode_client_message(ForceEndpoint()))
        return True

    def update(self, changes: UpdateConfiguration) -> None:
        """Send changed parameters to the service, now or as soon as the session has begun."""
        self._updates.append(changes)
        self._send_updates()

    def _send_updates(self) -> None:
        connection = self.connection
        if connection is None or not self._liveness.begun or self._terminated or self.closed:
            return
        for changes in self._updates:
            connection.send_text(encode_client_message(changes))
        self._updates.clear()

    # The receiving side.

    def read(self, now: float) -> list[Event]:
        """Receive messages, and return their events; `due` is now if there are more."""
        connection = self.connection
        if connection is None or self.closed:
            return []
        events: list[Event] = []
        for message in connection.receive(now):
            if isinstance(message, CloseFrame):
                return [*events, self._close(now, frame=message)]
            try:
                decoded = decode_server_message(message)
            except BadMessage as e:
                events.append(BadFrame(self.number, e.text))
                continue
            sent_ms = self._sender.sent_ms
            events.append(Received(self.number, decoded, now, sent_ms))
            said = decoded.message
            if isinstance(said, Turn):
                if said.end_of_turn:
                    self._final_words += len(said.words)
                if self._terminated and said.words and self._is_news(said, sent_ms):
                    self._liveness.expect_end(now)
            elif isinstance(said, Termination):
                return [*events, self._close(now, terminated=True)]
            elif isinstance(said, Begin) and not self._liveness.begun:
                self._liveness.began(now)
                self._send_updates()
                self._let_send(now)
            elif isinstance(said, Error) and self._error is None:
                self._error = said
                self._liveness.expect_close(now)
                self.due = min(self.due, self._liveness.close_at)
        if connection.unread:
            self.due = now
        failure = None if connection.unread else connection.broken
        if failure is None and self._is_flooded(connection, now):
            failure = ConnectionFailed(
                "The service sends far more than anybody can speak.",
                "if it goes on like that, check --endpoint",
            )
        if failure is not None:
            events.append(self._close(now, failure=failure))
        return events

    def _is_news(self, turn: Turn, sent_ms: int) -> bool:
        """Whether a turn says more than those since Terminate, about audio that was sent."""
        if turn.words[-1].end > sent_ms + _HEARS_AHEAD_MS:
            return False  # the service cannot have heard this; waiting for more would never end
        said = (turn.turn_order, turn.words[-1].end, turn.end_of_turn)
        news, self._last_said = said > self._last_said, max(said, self._last_said)
        return news

    def _is_flooded(self, connection: Connection, now: float) -> bool:
        frames, size = connection.heard_frames, connection.heard_bytes
        if not self._flood.is_to_be_looked_at(frames, size):
            return False
        heard = Heard(frames, size, self._final_words)
        return self._flood.is_on(heard, max(now - self._liveness.opened_at, self._sender.sent_s))

    def _let_send(self, now: float) -> None:
        sender = self._sender
        may_send = self._liveness.begun and sender.has_start and not self._terminated
        if may_send and not sender.active:
            sender.begin(now)
            self.due = now

    def _close(
        self,
        now: float,
        *,
        terminated: bool = False,
        frame: CloseFrame | None = None,
        failure: ConnectionFailed | None = None,
    ) -> Closed:
        assert self.connection is not None
        self.closed = True
        self.due = _NEVER
        # A session that is given up is still sent Terminate, because it is billed.
        told = self._terminated or terminated or frame is not None
        self._sender.stop()
        self.connection.close("" if told else encode_client_message(Terminate()))
        error = None if terminated else self._error
        return Closed(
            self.number,
            terminated=terminated,
            code=frame.code if frame else None,
            reason=frame.reason if frame else "",
            error_code=error.error_code if error else None,
            error_text=error.error if error else "",
            failure=failure,
            open_s=now - self._liveness.opened_at,
        )

    # The sending side.

    def push_block(self, start: int, samples: bytes, now: float) -> float | None:
        """Send what has just been appended, as `Sender.push_block` does."""
        return self._sender.push_block(start, samples, now)

    def push(self, now: float) -> float | None:
        """Send the audio that is due, as `Sender.push` does."""
        return self._sender.push(now)

    def advance(self, now: float) -> list[Event]:
        """Do what is due: audio, pings, Terminate, deadlines."""
        self.has_work = False  # before the work: whatever sets it from now on is for the next call
        connection = self.connection
        if connection is None or self.closed:
            self.due = _NEVER  # requests made meanwhile are carried out once it is open
            if self._abandoned and not self.closed:
                self.closed = True
                return [Closed(self.number)]
            return []
        if self._abandoned:
            return [self._close(now)]
        self._liveness.tend(
            connection, now, self._sender.handed_over, listening=self._sender.active
        )
        events: list[Event] = []
        if connection.unread:
            events = self.read(now)
            if self.closed:
                return events
        if connection.unsent:
            connection.flush()
        if not self._sender.active:
            self._let_send(now)  # a session told to end before it read anything still terminates
        push_at = self.push(now)
        chunk_waits = push_at is not None and push_at > now
        if not chunk_waits and self._sender.is_done:
            self._terminated = True
            self._sender.finish()
            self._liveness.expect_end(now)
            events.append(TerminateSent(self.number, self.offset, self._sender.is_whole))
            connection.send_text(encode_client_message(Terminate()))
            push_at = None
        problem = self._liveness.look(connection, now)
        if problem is not None or now >= self._liveness.close_at:
            return [*events, self._close(now, failure=problem)]
        self.due = self._liveness.due
        if connection.unread:
            self.due = min(self.due, now)
        elif push_at is not None and not connection.unsent:  # else the selector reports it
            self.due = min(self.due, push_at)
        return events
