"""One session: a receiver thread that opens, reads and closes, a sender thread that reads the log.

Neither thread decides anything: what they meet becomes an event in the inbox.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from transcribe_cli.audio.log import AudioLog
from transcribe_cli.errors import ConnectionFailed, StreamError
from transcribe_cli.protocol.codec import BadMessage, decode_server_message, encode_client_message
from transcribe_cli.protocol.messages import Begin, Error, Terminate, Termination
from transcribe_cli.session.chunks import ChunkSizes, next_chunk
from transcribe_cli.session.connection import CloseFrame, Connection
from transcribe_cli.session.events import (
    BadFrame,
    Closed,
    Event,
    Received,
    TerminateSent,
    WorkerFailed,
)
from transcribe_cli.session.pacing import Pacer

BEGIN_DEADLINE_S = 15.0  # Begin has been seen to take 11 s
PING_EVERY_S = 3.0
DEAD_AFTER_S = 9.0  # nothing came back for so long, not even a pong
_CLOSE_AFTER_ERROR_S = 2.0  # an Error message is followed by a close; one that is not, is made
_LAST_MOMENT_S = 1.0  # the least that is sent after all when a session is ended where it is
_POLL_S = 0.25


class Target(NamedTuple):
    """Where sessions are opened. `headers` hold the key and are never shown."""

    url: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Target(...)"


@dataclass(frozen=True, slots=True)
class Plan:
    """One session to be.

    Attributes:
        number: counts the sessions of a recording, from 0.
        start: the first frame of the log that it sends.
    """

    number: int
    start: int


class Session:
    """Threads `aai-receiver-N` and `aai-sender-N`. Ends with exactly one `Closed` event."""

    def __init__(
        self,
        plan: Plan,
        target: Target,
        log: AudioLog,
        sizes: ChunkSizes,
        pacer: Pacer,
        post: Callable[[Event], None],
    ) -> None:
        self.plan = plan
        self._target = target
        self._log = log
        self._sizes = sizes
        self._pacer = pacer
        self._post = post
        self._position = plan.start
        self._last_frame: int | None = None
        self._connection: Connection | None = None
        self._terminate_sent = False
        self._send_failure: ConnectionFailed | None = None
        self._send_failed_at = 0.0
        self._abandoned = threading.Event()
        self._finish_here = threading.Event()
        self._receiver = threading.Thread(
            target=self._receive, name=f"aai-receiver-{plan.number}", daemon=True
        )
        self._sender = threading.Thread(
            target=self._send, name=f"aai-sender-{plan.number}", daemon=True
        )

    @property
    def position(self) -> int:
        """The first frame that has not been sent yet."""
        return self._position

    def start(self) -> None:
        """Begin to connect."""
        self._receiver.start()

    def finish_here(self) -> None:
        """Send Terminate now, or after a last moment of audio; a backlog stays in the log."""
        self._finish_here.set()
        self._log.wake()

    def abandon(self) -> None:
        """End it soon, with a Terminate if none went out yet; a `Closed` event follows."""
        self._abandoned.set()
        self._log.wake()

    def join(self, timeout_s: float) -> None:
        """Wait for both threads to end."""
        deadline = time.monotonic() + timeout_s
        for thread in (self._receiver, self._sender):
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    # The receiver's side.

    def _receive(self) -> None:
        closed = Closed(self.plan.number)
        try:
            closed = self._converse()
        except Exception as e:  # a worker never dies silently: main decides
            self._post(WorkerFailed(_fault("receiver", e)))
        finally:
            self._abandoned.set()  # the sender has nobody to talk to any more
            self._log.wake()
            if self._connection is not None:
                # Given up before its time, it is still told that it is over: it is billed.
                told = self._terminate_sent or closed.code is not None
                self._connection.close("" if told else encode_client_message(Terminate()))
            self._post(closed)

    def _converse(self) -> Closed:
        """Everything from the upgrade to the close."""
        number = self.plan.number
        try:
            connection = Connection.open(self._target.url, self._target.headers)
        except ConnectionFailed as e:
            return Closed(number, failure=e)
        opened = time.monotonic()
        self._connection = connection
        begun = False
        error: Error | None = None
        error_deadline = float("inf")
        while True:
            try:
                frame = connection.receive(_POLL_S)
            except ConnectionFailed as e:
                return self._closed(opened, None, error, e)
            now = time.monotonic()
            if isinstance(frame, CloseFrame):
                return self._closed(opened, frame, error, None)
            if frame is not None:
                message = self._take(frame, now)
                if isinstance(message, Begin) and not begun:
                    begun = True
                    self._sender.start()
                elif isinstance(message, Termination):
                    return Closed(number, terminated=True, open_s=now - opened)
                elif isinstance(message, Error):
                    error, error_deadline = message, now + _CLOSE_AFTER_ERROR_S
            if self._abandoned.is_set():
                return self._closed(opened, None, error, None)
            problem = self._overdue(begun, opened, now, connection.heard_at)
            if now > error_deadline or problem is not None:
                return self._closed(opened, None, error, problem)

    def _take(self, frame: str | bytes, now: float) -> object:
        try:
            decoded = decode_server_message(frame)
        except BadMessage as e:
            self._post(BadFrame(self.plan.number, e.text))
            return None
        self._post(Received(self.plan.number, decoded, now))
        return decoded.message

    def _overdue(
        self, begun: bool, opened: float, now: float, heard_at: float
    ) -> ConnectionFailed | None:
        if not begun and now - opened > BEGIN_DEADLINE_S:
            return ConnectionFailed(
                f"The service did not begin the session within {BEGIN_DEADLINE_S:.0f} s.",
                "try again in a moment",
            )
        if self._send_failure is not None and now - self._send_failed_at > _CLOSE_AFTER_ERROR_S:
            return self._send_failure
        if begun and now - heard_at > DEAD_AFTER_S:
            return ConnectionFailed(
                f"The connection is dead: nothing came back for {DEAD_AFTER_S:.0f} s.",
                "check the network",
            )
        return None

    def _closed(
        self,
        opened: float,
        frame: CloseFrame | None,
        error: Error | None,
        failure: ConnectionFailed | None,
    ) -> Closed:
        return Closed(
            self.plan.number,
            code=frame.code if frame else None,
            reason=frame.reason if frame else "",
            error_code=error.error_code if error else None,
            error_text=error.error if error else "",
            failure=failure,
            open_s=time.monotonic() - opened,
        )

    # The sender's side.

    def _send(self) -> None:
        connection = self._connection
        assert connection is not None
        try:
            self._send_all(connection)
        except ConnectionFailed as e:
            # The service may have said why before it closed: the receiver reads on for a moment.
            self._send_failure = e
            self._send_failed_at = time.monotonic()
        except Exception as e:  # a worker never dies silently: main decides
            self._post(WorkerFailed(_fault("sender", e)))
            connection.abort()

    def _send_all(self, connection: Connection) -> None:
        log, pacer = self._log, self._pacer
        pacer.start(self._position, time.monotonic())
        next_ping = time.monotonic() + PING_EVERY_S
        terminated = False
        while not self._abandoned.is_set():
            now = time.monotonic()
            if now >= next_ping:
                connection.ping()
                next_ping = now + PING_EVERY_S
            if terminated:
                self._abandoned.wait(max(0.0, next_ping - now))
                continue
            ended = log.ended  # asked first: what came before the end is then counted
            end = log.frames
            if self._finish_here.is_set():
                end = self._last_frame = min(end, self._last_frame or self._end_now(end))
                ended = True
            count = next_chunk(end - self._position, ended, self._sizes)
            if count == 0 and not ended:
                log.wait(self._position + self._sizes.wanted, next_ping - now)
                continue
            if count == 0:
                # Told first, so that the answer to it cannot be told before it.
                self._post(TerminateSent(self.plan.number, self._position >= log.frames))
                connection.send_text(encode_client_message(Terminate()))
                self._terminate_sent = terminated = True
                continue
            wait = pacer.due(self._position + count, now) - now
            if wait > 0 and not self._finish_here.is_set():
                self._pause(min(wait, next_ping - now))
                continue
            self._send_chunk(connection, count)

    def _end_now(self, captured: int) -> int:
        """Where to end when asked to: a moment of audio is still sent, a backlog is not."""
        moment = self._log.audio.frames(_LAST_MOMENT_S)
        return captured if captured - self._position <= moment else self._position

    def _pause(self, seconds: float) -> None:
        """Wait for the timetable; `finish_here` and `abandon` end the wait."""
        deadline = time.monotonic() + seconds
        while not (self._abandoned.is_set() or self._finish_here.is_set()):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._finish_here.wait(min(left, 0.25))

    def _send_chunk(self, connection: Connection, count: int) -> None:
        samples = self._log.read(self._position, count)
        short = self._sizes.least - count
        if short > 0:
            # Only at the very end, when the chunk before it was already out.
            samples += bytes(short * self._log.audio.frame_bytes)
        connection.send_audio(samples)
        self._pacer.sent(count, time.monotonic())
        self._position += count
        self._log.consumed(self._position)


def _fault(thread: str, e: Exception) -> StreamError:
    problem = StreamError(f"The {thread} failed: {type(e).__name__}: {e}")
    problem.__cause__ = e
    return problem
