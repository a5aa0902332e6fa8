"""One session: reads the audio log at a position of its own, and what the service says.

It has no thread and never waits. Main calls `read` when the socket has something, and `advance`
when a time of its own has come; whoever appends to the log calls `push_block`, so that audio of a
microphone goes out from the thread that records it. It decides nothing: what happens becomes
events.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from transcribe_cli.audio.level import find_pause
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.codec import BadMessage, decode_server_message, encode_client_message
from transcribe_cli.protocol.messages import (
    Begin,
    Error,
    ForceEndpoint,
    Terminate,
    Termination,
    Turn,
)
from transcribe_cli.session.chunks import ChunkSizes, next_chunk
from transcribe_cli.session.connection import CloseFrame, Connection
from transcribe_cli.session.events import BadFrame, Closed, Event, Received, TerminateSent
from transcribe_cli.session.flood import Flood, Heard
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.timeouts import SERVICE, Timeouts

BEGIN_DEADLINE_S = 15.0  # Begin has been seen to take 11 s
PING_EVERY_S = 3.0
DEAD_AFTER_S = 9.0  # nothing came back for so long, not even a pong
_LEFT_ALONE_S = 5.0  # so much longer than anybody waits for its last words
_CLOSE_AFTER_ERROR_S = 2.0  # an Error message is followed by a close; one that is not, is made
_ABSENT_S = 5.0  # more than lies between two pings
_CHUNKS_AT_ONCE = 64  # then others have their turn
_HEARS_AHEAD_MS = 1000  # a word's end may be guessed, and lie so far behind what was sent
_LOOK_EVERY_FRAMES = 256  # that come in: whether they are too many
_LOOK_EVERY_BYTES = 1 << 16
_LAST_MOMENT_S = 1.0  # the least that is sent after all when a session is ended where it is
_QUIET_S = 0.03  # so long a pause lies between two words
_QUIET_WITHIN_S = 1.0  # where no pause is found for so long, a session ends without one
_NEVER = float("inf")


class Target(NamedTuple):
    """Where sessions are opened. `headers` hold the key and are never shown."""

    url: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Target(...)"


@dataclass(slots=True)
class _Asked:
    """How the sending side shall end; set by main, read wherever chunks are sent."""

    here: bool = False
    settled: bool = False  # and that is turned into a last frame
    last_frame: int | None = None
    quiet_from: int | None = None  # the frame from which on a pause is looked for


class Session:
    """Ends with exactly one `Closed` event; its socket is closed by then.

    Args:
        number: counts the sessions of a recording, from 0.
        log: what is sent; the frames at which chunks start and end are the log's.
        start: the first frame to send; None: `start_at` will say.
        reserve: so many frames are held back until the log has ended, so that a short rest can go
            with the chunk before it; 0 for audio that is awaited.
        patience: with the service, before it is taken for stuck.

    Attributes:
        position: the first frame that has not been sent yet.
        due: when `advance` has something to do next, on the monotonic clock.
        nudged: `push` found something to do for `advance`, on another thread.
        closed: its `Closed` event has been given.
    """

    def __init__(
        self,
        number: int,
        log: AudioLog,
        sizes: ChunkSizes,
        pacer: Pacer,
        start: int | None,
        reserve: int = 0,
        patience: Timeouts = SERVICE,
    ) -> None:
        self.number = number
        self.position = start or 0
        self.due = _NEVER
        self.has_work = False
        self.closed = False
        self.connection: Connection | None = None
        self._log = log
        self._sizes = sizes
        self._pacer = pacer
        self._reserve = reserve
        # A block of that size is a chunk; where some audio is held back or has a time, none is.
        aside = reserve or pacer.paced
        self._chunk_bytes = None if aside else sizes.wanted * log.audio.frame_bytes
        self._patience = patience
        self._ends_within_s = patience.last_words_s + _LEFT_ALONE_S
        self._sending = threading.Lock()  # guards position, pacer and what is asked
        self._may_send = False
        self._has_start = start is not None
        self._begun = False
        self._held = False
        self._asked: _Asked | None = None  # nothing yet: it sends on and on
        self._abandoned = False
        self._terminated = False  # Terminate has gone out
        self._end_by = _NEVER
        self._opened_at = self._advanced_at = 0.0
        self._ping_at = _NEVER
        self._flood = Flood(forgets=pacer.real_time)
        self._final_words = 0
        self._looked_at = Heard(0, 0)
        self._first = self.position  # where its clock starts
        self._last_said = (-1, 0, False)  # the furthest Turn with words since Terminate
        self._stuck_since: float | None = None
        self._stuck_at = 0  # what the system had taken by then
        self._send_failed_at: float | None = None
        self._error: Error | None = None
        self._error_at = _NEVER

    # Told by main.

    def opened(self, connection: Connection, now: float) -> None:
        """The upgrade is through."""
        self.connection = connection
        self._opened_at = self._advanced_at = now
        self.due = now

    def start_at(self, frame: int, now: float) -> None:
        """The first frame to send, of a session that was opened before that was known."""
        self.position = frame
        self._has_start = True
        self._let_send(now)

    def finish_here(self) -> None:
        """Send Terminate now, or after a last moment of audio; a backlog stays in the log."""
        if not self._has_start:
            self.finish_at(0)
        self._ask().here = True
        self.due = 0.0

    def finish_at(self, frame: int) -> None:
        """Send Terminate after that frame, or now where it has been sent."""
        with self._sending:
            self._ask().last_frame = max(frame, self.position)
        self._has_start = True
        self.due = 0.0

    def hold(self, *, held: bool, now: float) -> None:
        """Send no audio for a while; the timetable goes on where it stood."""
        with self._sending:
            self._held = held
            self._pacer.start(self.position, now)
        self.due = now

    def finish_at_pause(self) -> None:
        """Send Terminate at the next short pause of the speech; `position` is then that place."""
        with self._sending:
            self._ask().quiet_from = self.position
        self.due = 0.0

    def _ask(self) -> _Asked:
        asked = self._asked = self._asked or _Asked()
        return asked

    def abandon(self) -> None:
        """End it at the next `advance`, with a Terminate if none went out yet."""
        self._abandoned = True
        self.due = 0.0

    def force_endpoint(self) -> bool:
        """Ask the service to end the turn now; false where there is nobody to ask."""
        if self.connection is None or not self._may_send or self._terminated:
            return False
        self.connection.send_text(encode_client_message(ForceEndpoint()))
        return True

    # The receiving side.

    def read(self, now: float) -> list[Event]:
        """Take what the socket has, or a part of it: `due` says when there is more."""
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
            sent_ms = self._log.audio.ms(self.position - self._first)
            events.append(Received(self.number, decoded, now, sent_ms))
            said = decoded.message
            if isinstance(said, Turn):
                if said.end_of_turn:
                    self._final_words += len(said.words)
                if self._terminated and said.words and self._is_news(said, sent_ms):
                    self._end_by = now + self._ends_within_s  # it is slow, and not stuck
            elif isinstance(said, Termination):
                return [*events, self._close(now, terminated=True)]
            elif isinstance(said, Begin) and not self._begun:
                self._begun = True
                self._ping_at = now + PING_EVERY_S
                self._let_send(now)
            elif isinstance(said, Error) and self._error is None:
                self._error, self._error_at = said, now + _CLOSE_AFTER_ERROR_S
                self.due = min(self.due, self._error_at)
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
        """Whether it goes beyond what has come since Terminate, and not beyond the audio."""
        if turn.words[-1].end > sent_ms + _HEARS_AHEAD_MS:
            return False  # nobody can have heard that, and there would be no end to it
        said = (turn.turn_order, turn.words[-1].end, turn.end_of_turn)
        news, self._last_said = said > self._last_said, max(said, self._last_said)
        return news

    def _is_flooded(self, connection: Connection, now: float) -> bool:
        last = self._looked_at
        if (
            connection.heard_frames < last.frames + _LOOK_EVERY_FRAMES
            and connection.heard_bytes < last.size + _LOOK_EVERY_BYTES
        ):
            return False
        sent_s = connection.taken / (self._log.audio.rate_hz * self._log.audio.frame_bytes)
        heard = Heard(connection.heard_frames, connection.heard_bytes, self._final_words)
        self._looked_at = heard
        return self._flood.is_on(heard, max(now - self._opened_at, sent_s))

    def _let_send(self, now: float) -> None:
        if self._begun and self._has_start and not self._may_send:
            self._first = self.position
            self._pacer.start(self._first, now)
            self._may_send = True
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
        # Given up before its time, it is still told that it is over: it is billed.
        told = self._terminated or terminated or frame is not None
        with self._sending:
            self._may_send = False
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
            open_s=now - self._opened_at,
        )

    # The sending side.

    def push_block(self, start: int, samples: bytes, now: float) -> float | None:
        """Send what has just been appended at frame `start`, and returns what `push` does.

        A microphone's block is nearly always the next chunk, and due: it goes out as it is.
        """
        with self._sending:
            connection, count = self.connection, self._sizes.wanted
            if (
                start == self.position
                and len(samples) == self._chunk_bytes
                and connection is not None
                and self._may_send
                and self._asked is None
                and not self._held
                and not connection.unsent
                and connection.send_failure is None
                and now >= self._pacer.free
            ):
                connection.send_audio(samples)
                self._sent(count, now)
                return now if connection.unsent or connection.send_failure is not None else None
        return self.push(now)

    def push(self, now: float) -> float | None:
        """Send the audio that is due; from any thread.

        Returns when main has something to do for the sending side; None: when the log grows.
        """
        with self._sending:
            connection = self.connection
            if connection is None or not self._may_send or self._terminated:
                return None
            if connection.send_failure is not None:
                return None  # main closes it
            for _ in range(_CHUNKS_AT_ONCE):
                if connection.unsent:
                    connection.flush()
                    if connection.unsent:
                        return now  # main waits until the system takes more
                ended, end = self._end()
                count = next_chunk(end - self.position, ended, self._sizes)
                if count == 0:
                    return now if ended else None
                due = self._pacer.due(self.position + count, now)
                if (self._held or due > now) and not (self._asked and self._asked.here):
                    return None if self._held else due
                samples = self._log.read(self.position, count)
                if count < self._sizes.least:
                    # Only at the very end, when the chunk before it was already out.
                    samples += bytes((self._sizes.least - count) * self._log.audio.frame_bytes)
                connection.send_audio(samples)
                self._sent(count, now)
                if connection.send_failure is not None or connection.unsent:
                    return now
                if not ended and end - self.position < self._sizes.wanted:
                    return None
            return now

    def _end(self) -> tuple[bool, int]:
        """Whether the sending side has an end, and up to where there is something to send."""
        log, asked = self._log, self._asked
        ended = log.ended  # asked first: what came before the end is then counted
        end = log.frames
        if asked is not None:
            self._settle(asked, ended, end)
            if asked.last_frame is not None:
                return True, min(end, asked.last_frame)
        return ended, end if ended else end - self._reserve

    def _settle(self, asked: _Asked, ended: bool, end: int) -> None:
        """Find the last frame of what was asked, where that can be said by now."""
        if asked.here and not asked.settled:
            # A moment of audio is still sent, a backlog is not.
            moment = self._log.audio.frames(_LAST_MOMENT_S)
            last = end if asked.last_frame is None else min(end, asked.last_frame)
            asked.last_frame = last if last - self.position <= moment else self.position
            asked.settled = True
        elif asked.quiet_from is not None and asked.last_frame is None:
            asked.last_frame = self._find_pause(asked.quiet_from, end)
            if asked.last_frame is None and ended:
                asked.last_frame = end

    def _find_pause(self, start: int, end: int) -> int | None:
        audio = self._log.audio
        within = audio.frames(_QUIET_WITHIN_S)
        samples = self._log.read(start, min(end - start, within))
        pause = find_pause(samples, audio.frames(_QUIET_S))
        if pause is not None:
            return max(start + pause, self.position)
        # Sent already or not: what lies before the position cannot be taken back.
        return max(start + within, self.position) if end - start >= within else None

    def _sent(self, count: int, now: float) -> None:
        self._pacer.sent(count, now)
        self.position += count
        self._log.consumed(self.position)

    def advance(self, now: float) -> list[Event]:
        """Do what is due: audio, pings, Terminate, deadlines."""
        self.has_work = False  # first: what comes from now on is for the next time
        connection = self.connection
        if connection is None or self.closed:
            self.due = _NEVER  # what was asked of it meanwhile is looked at once it is open
            if self._abandoned and not self.closed:
                self.closed = True
                return [Closed(self.number)]
            return []
        if self._abandoned:
            return [self._close(now)]
        if now - self._advanced_at > _ABSENT_S:
            # Main was away, as on a machine that was asleep: that says nothing of the service.
            connection.heard_at = self._ping_at = now
        self._advanced_at = now
        events: list[Event] = []
        if connection.unread:
            events = self.read(now)
            if self.closed:
                return events
        if connection.unsent:
            connection.flush()
        if now >= self._ping_at:
            connection.ping()
            self._ping_at = now + PING_EVERY_S
        self._let_send(now)  # one that is to end before it has read anything still says so
        push_at = self.push(now)
        if self._may_send and not self._terminated and self._sent_all():
            self._terminated = True
            self._end_by = now + self._ends_within_s
            whole = self.position >= self._log.frames
            events.append(TerminateSent(self.number, self.position, whole))
            connection.send_text(encode_client_message(Terminate()))
            push_at = None
        problem = self._overdue(connection, now)
        if problem is not None or now >= self._error_at:
            return [*events, self._close(now, failure=problem)]
        if connection.unsent:
            push_at = None  # the selector tells
        if connection.unread:
            push_at = now
        self.due = self._next_due(connection, push_at)
        return events

    def _sent_all(self) -> bool:
        with self._sending:
            ended, end = self._end()
            return ended and self.position >= end

    def _overdue(self, connection: Connection, now: float) -> ConnectionFailed | None:
        if not self._begun and now - self._opened_at > BEGIN_DEADLINE_S:
            return ConnectionFailed(
                f"The service did not begin the session within {BEGIN_DEADLINE_S:.0f} s.",
                "try again in a moment",
            )
        if not connection.unsent:
            self._stuck_since = None
        elif self._stuck_since is None or connection.taken != self._stuck_at:
            self._stuck_since, self._stuck_at = now, connection.taken  # at worst it is slow
        elif now - self._stuck_since > self._patience.send_s:
            return ConnectionFailed("The connection broke while sending: timed out.")
        if connection.send_failure is not None:
            # The service may have said why before it closed: it is read for a moment longer.
            if self._send_failed_at is None:
                self._send_failed_at = now
            if now - self._send_failed_at > _CLOSE_AFTER_ERROR_S:
                return connection.send_failure
        if now >= self._end_by:
            return ConnectionFailed("The service did not end the session.")
        if self._begun and now - connection.heard_at > DEAD_AFTER_S:
            return ConnectionFailed(
                f"The connection is dead: nothing came back for {DEAD_AFTER_S:.0f} s.",
                "check the network",
            )
        return None

    def _next_due(self, connection: Connection, push_at: float | None) -> float:
        due = [self._ping_at, self._error_at, self._end_by]
        if push_at is not None:
            due.append(push_at)
        if not self._begun:
            due.append(self._opened_at + BEGIN_DEADLINE_S)
        else:
            due.append(connection.heard_at + DEAD_AFTER_S)
        if self._stuck_since is not None:
            due.append(self._stuck_since + self._patience.send_s)
        if self._send_failed_at is not None:
            due.append(self._send_failed_at + _CLOSE_AFTER_ERROR_S)
        return min(due)
