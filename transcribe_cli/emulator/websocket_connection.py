"""A client's connection on which WebSocket is spoken, from the upgrade to its end.

Frames are handed on as soon as they have come, in the same turn of the event loop, to whoever takes
them; while nobody can, nothing more is read. Source: RFC 6455, sections 5 to 7.
"""

import asyncio
import socket
import struct
import sys
from contextlib import suppress
from typing import Any, Protocol

from transcribe_cli.emulator.actions import Shape
from transcribe_cli.emulator.shaped_transport import ShapedTransport
from transcribe_cli.emulator.websocket_frames import (
    PING,
    PONG,
    TEXT,
    Closing,
    FrameReader,
    Ping,
    Pong,
    WrongFrame,
    encode_close,
    encode_frame,
)

MAX_MESSAGE_BYTES = 128 * 1024  # the service's own limit; a longer one is closed with 1009
CLOSE_TIMEOUT_S = 20.0  # a client may have much to read before the close frame
LOST = 1006
"""Stands for the code of a connection that ended without a close frame."""

_ROOM_WITHIN_S = 20.0  # for a client to read some of what it was sent
_HEARD_WITHIN_S = 2.0  # a close frame, by a client that is no longer listened to
_MOST_UNSENT_BYTES = 32 * 1024  # that wait in the transport; more waits with whoever sends
_RECEIVE_BUFFER_BYTES = 64 * 1024
_ARRIVED = memoryview(bytearray(_RECEIVE_BUFFER_BYTES))
"""What comes to any connection is put here, and taken out in the same turn of the event loop. An
`asyncio.Protocol` is given new bytes each time: 256 KiB of memory are asked of the system for each
chunk, and given back, which takes four times as long as the reading itself."""


class FrameTaker(Protocol):
    """Takes what a client sends."""

    @property
    def is_ready(self) -> bool:
        """Whether it takes another message; when it does again, it calls `go_on`."""

    def take(self, message: str | bytes) -> None:
        """The next message."""

    def client_left(self, code: int, error: str) -> None:
        """The client has gone, and nothing can be sent any more.

        Args:
            code: of its close frame; 1005: it had none; `LOST`: there was no close frame.
            error: what it did against the rules, for which it was closed with that code; "": it
                left.
        """

    def has_room(self) -> None:
        """More can be sent again: `is_full` is over."""


class Nobody:
    """Drops what a client sends."""

    is_ready = True

    def take(self, message: str | bytes) -> None: ...

    def client_left(self, code: int, error: str) -> None: ...

    def has_room(self) -> None: ...


class Unready(Nobody):
    """Leaves all unread, since it is not known yet who takes it."""

    is_ready = False


class WebSocketConnection(asyncio.BufferedProtocol):
    """One connection. It has many fields, since it is all that is known of a client's socket.

    Attributes:
        transport: leads to the client.
        is_full: the client does not read: what is sent now is to wait for `has_room`.
    """

    def __init__(self, transport: asyncio.Transport, rest: bytes = b"") -> None:
        self.transport = transport
        self.is_full = False
        self._loop = asyncio.get_running_loop()
        self._frames: FrameReader | None = FrameReader(MAX_MESSAGE_BYTES)  # None: read no more
        self._frames.feed(rest)
        self._taker: FrameTaker = Unready()
        self._is_reading = False  # frames, at this moment
        self._is_held = False
        self._is_closing = False  # a close frame was sent
        self._owed_pong: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None  # for room, or for the client to close
        self._pings: asyncio.TimerHandle | None = None
        self._lost = self._loop.create_future()
        transport.set_write_buffer_limits(_MOST_UNSENT_BYTES)
        # So that a fast sender cannot put minutes of audio into it: a client that sends a file as
        # fast as possible is then only seconds ahead of the recogniser when it sends Terminate.
        sock = transport.get_extra_info("socket")
        with suppress(OSError):  # it has gone, perhaps
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)

    # What is sent.

    def send(self, text: str) -> None:
        """Send a text frame, unless the connection is over or closing."""
        if not self._is_closing and not self.transport.is_closing():
            self.transport.write(encode_frame(TEXT, text.encode()))

    def shape(self, shape: Shape) -> None:
        """Write in another shape from now on."""
        shaped: Any = ShapedTransport(self.transport, shape)
        self.transport = shaped

    def ping_every(self, seconds: float) -> None:
        """Ping so often from now on, for as long as the client reads."""
        self._pings = self._loop.call_later(seconds, self._ping, seconds)

    def _ping(self, seconds: float) -> None:
        if not self._is_closing and not self.is_full:
            self.transport.write(encode_frame(PING, b""))
        self.ping_every(seconds)

    def pause_writing(self) -> None:
        self.is_full = True
        if self._timer is None:
            self._timer = self._loop.call_later(_ROOM_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        self.is_full = False
        if self._is_closing or self.transport.is_closing():  # the timer is that of the close
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._owed_pong is not None:
            self._answer_ping(self._owed_pong)
        self._taker.has_room()

    # What comes.

    def hand_to(self, taker: FrameTaker) -> None:
        """From now on `taker` gets what the client sends."""
        self._taker = taker
        if self._lost.done():
            taker.client_left(LOST, "")
        self.go_on()

    def get_buffer(self, sizehint: int) -> memoryview:
        return _ARRIVED

    def buffer_updated(self, nbytes: int) -> None:
        self.feed(bytes(_ARRIVED[:nbytes]))

    def feed(self, data: bytes) -> None:
        """Take bytes of the client."""
        if self._frames is not None:
            self._frames.feed(data)
            self.go_on()

    def go_on(self) -> None:
        """Hand on what has come, as far as it can be taken, and read more then."""
        if self._is_reading or self.transport.is_closing():
            return
        self._is_reading = True
        try:
            is_behind = self._read()
        except WrongFrame as e:
            self._refuse(e)
            is_behind = False
        finally:
            self._is_reading = False
        if is_behind:
            self.transport.pause_reading()
        elif not self._is_held and not self.transport.is_closing():
            self.transport.resume_reading()

    def _read(self) -> bool:
        """Hand on frames; whether more have come than can be taken."""
        while self._frames is not None and self._frames.unread_bytes:
            if self._is_held or not (self._is_closing or self._taker.is_ready):
                return True
            frame = self._frames.next()
            if frame is None:
                return False
            if isinstance(frame, (bytes, str)):
                if not self._is_closing:
                    self._taker.take(frame)
            else:
                self._take_control(frame)
        return self._is_held

    def _take_control(self, frame: Closing | Ping | Pong) -> None:
        if isinstance(frame, Closing):
            self._frames = None
            if not self._is_closing:
                self._taker.client_left(frame.code, "")
                self._send_close(frame.code, "")
            self.transport.close()
        elif isinstance(frame, Ping) and not self._is_closing:
            self._answer_ping(frame.payload)

    def _answer_ping(self, payload: bytes) -> None:
        """Answer it; of several that the client leaves no room for only the last (5.5.3)."""
        self._owed_pong = payload if self.is_full else None
        if not self.is_full and not self.transport.is_closing():
            self.transport.write(encode_frame(PONG, payload))

    def hold(self) -> None:
        """Stop reading: not even pings are answered."""
        self._is_held = True
        self.transport.pause_reading()

    def release(self) -> None:
        """Read again."""
        self._is_held = False
        self.go_on()

    # How it ends.

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame, and wait for the client's and for the end of the connection."""
        if not self._is_closing and not self.transport.is_closing():
            self._send_close(code, reason)
            self.release()
        await asyncio.shield(self._lost)

    def _send_close(self, code: int, reason: str) -> None:
        """Nothing can follow it; a client that does not end the connection is cut."""
        self.transport.write(encode_close(code, reason))
        self._is_closing = True
        self._end_within(CLOSE_TIMEOUT_S)

    def _end_within(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self.transport.abort)

    def _refuse(self, wrong: WrongFrame) -> None:
        """Close for what the client sent; what else it sends is dropped, else a reset would take
        the close frame along.
        """
        self._frames = None
        if not self._is_closing:
            self._taker.client_left(wrong.code, str(wrong))
            self._send_close(wrong.code, str(wrong))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:  # TLS says no end of one side
            self._end_within(_HEARD_WITHIN_S)

    def eof_received(self) -> None:
        """The client sends nothing more, not even a close frame: the connection is closed."""
        self._end_within(CLOSE_TIMEOUT_S)

    def abort(self, reset: bool = False) -> None:
        """Cut the TCP connection, by RST where `reset`."""
        cut(self.transport, reset)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._pings):
            if timer is not None:
                timer.cancel()
        self._lost.set_result(None)
        if self._frames is not None and not self._is_closing:
            self._taker.client_left(LOST, "")
        self._frames = None
        self._taker = Nobody()


def cut(transport: asyncio.Transport, reset: bool) -> None:
    """Cut a TCP connection; `reset`: by RST (a linger time of 0 s)."""
    if reset:
        linger = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
        sock = transport.get_extra_info("socket")
        with suppress(OSError):  # it has gone, perhaps
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
