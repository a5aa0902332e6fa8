"""One open WebSocket that is read and written without waiting, so one thread can serve any number.

websocket-client is used for connecting only (`handshake.py`): its `close()` reads frames and
discards all but the close frame, and its `recv()` hides close codes.
"""

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.redaction import redact, redact_message
from transcribe_cli.session import frames
from transcribe_cli.session.connect_socket import reason_of
from transcribe_cli.session.handshake import open_websocket

if TYPE_CHECKING:
    from transcribe_cli.session.tls import Socket, TlsSocket

FRAMES_A_READ = 16
"""`receive` gives at most this many at a time: its caller has others to serve, and signals."""

_READ_BYTES = 1 << 14  # many times a message; a larger buffer costs more to allocate than to fill
_GOODBYE_S = 0.1
_MARK_BYTES = 8
_MOST_UNREAD_READS = 64  # to close properly, at most 1 MB is read from the system's buffer
_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class CloseFrame(NamedTuple):
    """The service's close; `code` is None when it gave none."""

    code: int | None
    reason: str


Message = bytes | CloseFrame
"""A text message's UTF-8, or the service's close."""


class Connection:
    """An open WebSocket, which sends and receives without waiting.

    One thread receives and closes; any thread may send.

    Attributes:
        unsent: bytes that the system has not accepted yet; call `flush` when it accepts more.
        taken: number of bytes that the system has accepted so far.
        broken: why nothing more can be received; None while something can.
        send_failure: why nothing more can be sent; None while something can.
        heard_at: when bytes last came in, on the monotonic clock.
        heard_bytes: number of bytes that have come in.
        answered: the greatest mark of a ping that was answered; 0 before the first one.
        unread: there is more to `receive` that no selector reports: TLS has decrypted more bytes
            than were read, or more frames came at once than are given at a time.
    """

    def __init__(self, raw: "Socket") -> None:
        self._socket = raw
        raw.setblocking(False)
        self._lock = threading.Lock()  # guards unsent bytes, and each call of TLS
        self._tls = None if type(raw) is socket.socket else cast("TlsSocket", raw)
        # OpenSSL allows one call at a time on a connection; TCP can be read while others send.
        self._recv = raw.recv if self._tls is None else self._recv_tls
        self._writer = frames.FrameWriter()
        self._reader = frames.ServerFrameReader()
        self._frames: list[frames.ServerFrame] = []  # received, but not given yet
        self._ping: bytes | None = None  # the last one that is not answered yet (RFC 6455, 5.5.3)
        self._mark = 0  # the greatest mark of our pings
        self.answered = 0
        self.unsent = b""
        self.taken = 0
        self.heard_bytes = 0
        # TLS may have decrypted bytes behind the answer to the upgrade along with it.
        self.unread = self._tls is not None
        self._closed = False
        self.broken: ConnectionFailed | None = None
        self.send_failure: ConnectionFailed | None = None
        self.heard_at = time.monotonic()

    @classmethod
    def open(cls, url: str, headers: Mapping[str, str]) -> "Connection":
        """Connect and upgrade to WebSocket.

        Raises:
            ConnectionFailed: as in `open_websocket`.
        """
        return cls(open_websocket(url, headers))

    def fileno(self) -> int:
        """The socket's number, for a selector."""
        return self._socket.fileno()

    def send_audio(self, samples: bytes) -> None:
        """Send one binary message."""
        self._write(self._writer.frame(frames.BINARY, samples))

    def send_text(self, text: str) -> None:
        """Send one text message."""
        self._write(self._writer.frame(frames.TEXT, text.encode()))

    def ping(self, mark: int) -> None:
        """Send a ping with a mark; its pong sets `heard_at`, and `answered` to the mark.

        A pong repeats the payload of its ping (RFC 6455, section 5.5.3), so it also shows that the
        peer has received everything sent before that ping.
        """
        self._mark = max(self._mark, mark)
        self._write(self._writer.frame(frames.PING, mark.to_bytes(_MARK_BYTES, "big")))

    def flush(self) -> None:
        """Send as much of the unsent bytes as the system accepts."""
        self._write(b"")
        self._answer_ping()

    def _write(self, frame: bytes) -> None:
        with self._lock:
            data = self.unsent + frame
            if not data or self.send_failure is not None:
                return
            try:
                sent = self._socket.send(data)
            except _WOULD_BLOCK:
                sent = 0
            except OSError as e:
                self.unsent = b""
                self.send_failure = ConnectionFailed(
                    f"The connection broke while sending: {reason_of(e)}.", "check the network"
                )
                return
            self.unsent = data[sent:]
            self.taken += sent

    @property
    def heard_frames(self) -> int:
        """How many frames have come in, of every kind."""
        return self._reader.taken

    def receive(self, now: float) -> list[Message]:
        """Returns messages that have come in, not always all of them; pings are answered.

        The others stay in the system's buffer, or `unread` is set. Nothing more comes if `broken`
        is set and `unread` is not.
        """
        given = self._frames or self._read(now)
        self._frames = given[FRAMES_A_READ:]
        messages: list[Message] = []
        for opcode, payload in given[:FRAMES_A_READ]:
            if opcode == frames.TEXT:
                messages.append(redact_message(payload))
            elif opcode == frames.CLOSE:
                messages.append(_read_close(payload))
            elif opcode == frames.PING:
                self._ping = payload
            elif opcode == frames.PONG and (mark := int.from_bytes(payload)) <= self._mark:
                self.answered = max(self.answered, mark)
        self._answer_ping()
        self.unread = bool(self._frames) or (self._tls is not None and self._holds_more(self._tls))
        return messages

    def _read(self, now: float) -> list[frames.ServerFrame]:
        """Read the socket once, and return the frames that are complete now."""
        if self.broken is not None:
            return []
        try:
            data = self._recv(_READ_BYTES)
        except _WOULD_BLOCK:
            return []
        except (OSError, ValueError) as e:  # ValueError: closed here in the meantime
            self._break(reason_of(e))
            return []
        if not data:
            self._break("it was closed without a word")
            return []
        self.heard_at = now
        self.heard_bytes += len(data)
        found = self._reader.feed(data)
        if self._reader.fault is not None:
            self._break(self._reader.fault)
        return found

    def _answer_ping(self) -> None:
        """Answer if nothing is unsent; else a peer that pings and never reads fills the buffer."""
        if self.unsent:
            return
        ping, self._ping = self._ping, None  # any thread that sends unsent bytes may come here
        if ping is not None:
            self._write(self._writer.frame(frames.PONG, ping))

    def _recv_tls(self, size: int) -> bytes:
        with self._lock:
            return self._socket.recv(size)

    def _holds_more(self, tls: "TlsSocket") -> bool:
        """Whether TLS has decrypted bytes that were not read, which no selector reports."""
        with self._lock:
            return self.broken is None and tls.pending() > 0

    def _break(self, why: str) -> None:
        self.broken = ConnectionFailed(
            f"The connection to the service was lost: {why}.", "check the network"
        )

    def close(self, last_words: str = "") -> None:
        """Send a close frame if possible, and close without waiting for an answer.

        Another call does nothing. `last_words` is a text message to send before the close frame.
        """
        if self._closed:
            return
        self._closed = True
        if last_words:
            self.send_text(last_words)
        self._write(self._writer.frame(frames.CLOSE, (1000).to_bytes(2, "big")))
        deadline = time.monotonic() + _GOODBYE_S
        while self.unsent and (left := deadline - time.monotonic()) > 0:
            if not _wait_writable(self._socket, left):
                break
            self.flush()
        with self._lock, contextlib.suppress(OSError):
            # Unread bytes would turn the close into a reset, and a reset may overtake the last
            # message.
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(_MOST_UNREAD_READS):
                if not self._socket.recv(_READ_BYTES):
                    break
        with self._lock:
            self._socket.close()


def _read_close(payload: bytes) -> CloseFrame:
    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
    return CloseFrame(code, redact(payload[2:].decode(errors="replace")))


def _wait_writable(raw: "Socket", timeout_s: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(raw, selectors.EVENT_WRITE)
        return bool(selector.select(timeout_s))
