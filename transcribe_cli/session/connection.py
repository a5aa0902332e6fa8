"""One open WebSocket, read and written without ever waiting, so that one thread serves any number.

websocket-client only connects (`handshake.py`): its `close()` reads frames and throws away all but
the close frame, and its `recv()` hides close codes.
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
"""No more are given at a time: whoever reads has others to serve, and signals to hear."""

_READ_BYTES = 1 << 14  # many times a message: a larger buffer costs more to make than to fill
_GOODBYE_S = 0.1
_MARK_BYTES = 8
_MOST_UNREAD_READS = 64  # 1 MB is taken from the system's buffer to close it properly, and no more
_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class CloseFrame(NamedTuple):
    """The service's close; `code` is None when it gave none."""

    code: int | None
    reason: str


Message = bytes | CloseFrame
"""A text message's UTF-8, or the service's close."""


class Connection:
    """An open WebSocket that never makes anyone wait.

    One thread receives and closes; any thread may send.

    Attributes:
        unsent: what the system would not take yet; `flush` when it does again.
        taken: so many bytes it has taken so far.
        broken: why nothing more can be received, once that is so.
        send_failure: why nothing more can be sent, once that is so.
        heard_at: when bytes last came in, on the monotonic clock.
        heard_bytes: so many have come in.
        answered: the greatest mark of a ping that was answered; 0 before the first one.
        unread: there is more to `receive`, of which no selector tells: TLS has decrypted more than
            it gave, or more frames came at once than are given at a time.
    """

    def __init__(self, raw: "Socket") -> None:
        self._socket = raw
        raw.setblocking(False)
        self._lock = threading.Lock()  # guards what is unsent, and each call of TLS
        self._tls = None if type(raw) is socket.socket else cast("TlsSocket", raw)
        # OpenSSL allows one call at a time on a connection; TCP is read while others send.
        self._recv = raw.recv if self._tls is None else self._recv_tls
        self._writer = frames.FrameWriter()
        self._reader = frames.FrameReader()
        self._frames: list[frames.Frame] = []  # that have come, and were not given yet
        self._ping: bytes | None = None  # the last one, not answered yet (RFC 6455, 5.5.3)
        self._mark = 0  # the greatest of our pings
        self.answered = 0
        self.unsent = b""
        self.taken = 0
        self.heard_bytes = 0
        # What came with the answer to the upgrade may have been decrypted with it.
        self.unread = self._tls is not None
        self._closed = False
        self.broken: ConnectionFailed | None = None
        self.send_failure: ConnectionFailed | None = None
        self.heard_at = time.monotonic()

    @classmethod
    def open(cls, url: str, headers: Mapping[str, str]) -> "Connection":
        """Connect and upgrade.

        Raises:
            ConnectionFailed: as `open_websocket` says.
        """
        return cls(open_websocket(url, headers))

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def send_audio(self, samples: bytes) -> None:
        """One binary message."""
        self._write(self._writer.frame(frames.BINARY, samples))

    def send_text(self, text: str) -> None:
        """One text message."""
        self._write(self._writer.frame(frames.TEXT, text.encode()))

    def ping(self, mark: int) -> None:
        """Ask for a sign of life; the pong shows in `heard_at`, and its mark in `answered`.

        The peer had received all that was sent before, for its pong has what the ping had (RFC
        6455, section 5.5.3).
        """
        self._mark = max(self._mark, mark)
        self._write(self._writer.frame(frames.PING, mark.to_bytes(_MARK_BYTES, "big")))

    def flush(self) -> None:
        """Send what the system takes of what is waiting."""
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
        """What has come in, or a part of it; pings are answered.

        Where there is more it stays in the system's buffer, or `unread` is set. Nothing more comes
        when `broken` is set and `unread` is not.
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

    def _read(self, now: float) -> list[frames.Frame]:
        """The frames that are whole with what one look at the socket gives."""
        if self.broken is not None:
            return []
        try:
            data = self._recv(_READ_BYTES)
        except _WOULD_BLOCK:
            return []
        except (OSError, ValueError) as e:  # closed here, in the meantime
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
        """Only where nothing waits: who pings and reads nothing would be answered without end."""
        if self.unsent:
            return
        ping, self._ping = self._ping, None  # whichever thread sends what waits
        if ping is not None:
            self._write(self._writer.frame(frames.PONG, ping))

    def _recv_tls(self, size: int) -> bytes:
        with self._lock:
            return self._socket.recv(size)

    def _holds_more(self, tls: "TlsSocket") -> bool:
        """TLS may have decrypted more than it gave: no selector would tell."""
        with self._lock:
            return self.broken is None and tls.pending() > 0

    def _break(self, why: str) -> None:
        self.broken = ConnectionFailed(
            f"The connection to the service was lost: {why}.", "check the network"
        )

    def close(self, last_words: str = "") -> None:
        """Say goodbye where that works, and close without waiting for an answer; harmless twice.

        `last_words` is a text message that the service should still get.
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
            # Unread bytes would turn the close into a reset, and a reset may overtake what was
            # said last.
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
