"""One WebSocket connection: the only door to websocket-client.

websocket-client connects: proxies, TLS, the upgrade. Once open, the socket is read and written here
without ever waiting, so that one thread serves any number of sessions. Facts about websocket-client
1.9 that shape this file: its `close()` reads frames and throws away all but the close frame; its
`recv()` hides close codes; localhost is no longer exempt from proxies; redirects are followed with
all headers, which would hand the key to another host.
"""

import contextlib
import functools
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import websocket

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.endpoint import host_of, is_loopback
from transcribe_cli.session import frames

CONNECT_TIMEOUT_S = 10.0
# websocket-client looks at `http_no_proxy` only where a proxy is named, which is not used then.
_WITHOUT_PROXY: dict[str, Any] = {"http_proxy_host": "unused", "http_no_proxy": ["*"]}
# About 2 s of audio: what waits belongs into the audio log, where it can be read again, and not
# into the system's own buffer, which by default takes minutes of it.
_SEND_BUFFER_BYTES = 1 << 16
_READ_BYTES = 1 << 14  # many times a message: a larger buffer costs more to make than to fill
_GOODBYE_S = 0.1
_TLS_LOCK = threading.Lock()  # many connections are opened at once, and make one context
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
    """

    def __init__(self, raw: socket.socket) -> None:
        self._socket = raw
        raw.setblocking(False)
        self._lock = threading.Lock()  # guards what is unsent, and each call of TLS
        self._tls = raw if isinstance(raw, ssl.SSLSocket) else None
        # OpenSSL allows one call at a time on a connection; TCP is read while others send.
        self._recv = raw.recv if self._tls is None else self._recv_tls
        self._writer = frames.FrameWriter()
        self._reader = frames.FrameReader()
        self.unsent = b""
        self.taken = 0
        self._closed = False
        self.broken: ConnectionFailed | None = None
        self.send_failure: ConnectionFailed | None = None
        self.heard_at = time.monotonic()

    @classmethod
    def open(cls, url: str, headers: Mapping[str, str]) -> "Connection":
        """Connect and upgrade; takes up to `CONNECT_TIMEOUT_S` for each step.

        Raises:
            ConnectionFailed: with `http_status` where the service answered the upgrade otherwise,
                and `retry` false where another try cannot help.
        """
        tls = {"context": _tls_context()} if urlsplit(url).scheme == "wss" else None
        ws: Any = websocket.WebSocket(sslopt=tls)
        try:
            ws.connect(
                url,
                header=[f"{name}: {value}" for name, value in headers.items()],
                timeout=CONNECT_TIMEOUT_S,
                suppress_origin=True,
                redirect_limit=0,
                **(_WITHOUT_PROXY if is_loopback(url) else {}),
                sockopt=(
                    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                    (socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES),
                ),
            )
        except Exception as e:
            ws.shutdown()
            raise _explain_connect(e, url, ws.handshake_response) from e
        # From here on the socket is ours: websocket-client would wait on it.
        raw, ws.sock = ws.sock, None
        return cls(raw)

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def send_audio(self, samples: bytes) -> None:
        """One binary message."""
        self._write(self._writer.frame(frames.BINARY, samples))

    def send_text(self, text: str) -> None:
        """One text message."""
        self._write(self._writer.frame(frames.TEXT, text.encode()))

    def ping(self) -> None:
        """Ask for a sign of life; the pong shows in `heard_at`."""
        self._write(self._writer.frame(frames.PING, b""))

    def flush(self) -> None:
        """Send what the system takes of what is waiting."""
        self._write(b"")

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
                    f"The connection broke while sending: {_said(e)}."
                )
                return
            self.unsent = data[sent:]
            self.taken += sent

    def receive(self, now: float) -> list[Message]:
        """What has come in; nothing more comes when `broken` is set. Pings are answered."""
        messages: list[Message] = []
        while self.broken is None:
            try:
                data = self._recv(_READ_BYTES)
            except _WOULD_BLOCK:
                break
            except (OSError, ValueError) as e:  # closed here, in the meantime
                self._break(_said(e))
                break
            if not data:
                self._break("it was closed without a word")
                break
            self.heard_at = now
            try:
                for opcode, payload in self._reader.feed(data):
                    if opcode == frames.TEXT:
                        messages.append(payload)
                    elif opcode == frames.CLOSE:
                        messages.append(_read_close(payload))
                    elif opcode == frames.PING:
                        self._write(self._writer.frame(frames.PONG, payload))
            except frames.BadFrames as e:
                self._break(str(e))
            if len(data) < _READ_BYTES and (self._tls is None or not self._holds_more(self._tls)):
                break
        return messages

    def _recv_tls(self, size: int) -> bytes:
        with self._lock:
            return self._socket.recv(size)

    def _holds_more(self, tls: ssl.SSLSocket) -> bool:
        """TLS may have decrypted more than it gave: no selector would tell."""
        with self._lock:
            return tls.pending() > 0

    def _break(self, why: str) -> None:
        self.broken = ConnectionFailed(f"The connection to the service was lost: {why}.")

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
            while self._socket.recv(_READ_BYTES):
                pass
        with self._lock:
            self._socket.close()


def _tls_context() -> ssl.SSLContext:
    """The same for all connections: with every certificate that is trusted it has 0.8 MB."""
    with _TLS_LOCK:
        return _make_tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _make_tls_context(*_trusted: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


def _read_close(payload: bytes) -> CloseFrame:
    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
    return CloseFrame(code, payload[2:].decode(errors="replace"))


def _wait_writable(raw: socket.socket, timeout_s: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(raw, selectors.EVENT_WRITE)
        return bool(selector.select(timeout_s))


def _said(e: BaseException) -> str:
    return str(e).rstrip(".") or type(e).__name__


def _explain_connect(e: Exception, url: str, answer: Any) -> ConnectionFailed:
    """The sentence for a connection that did not come about; `answer` is what the upgrade got."""
    host = host_of(url)
    if answer is not None and 300 <= answer.status < 400:
        return ConnectionFailed(
            f"{host} answered with HTTP {answer.status}, a redirect, which is not followed.",
            "check --endpoint",
            http_status=answer.status,
            retry=False,
        )
    if isinstance(e, websocket.WebSocketBadStatusException) and e.status_code:
        return ConnectionFailed(
            f"{host} answered with HTTP {e.status_code}.", http_status=e.status_code
        )
    if isinstance(e, ssl.SSLCertVerificationError):
        return ConnectionFailed(
            f"The TLS certificate of {host} does not verify: {e.verify_message.rstrip('.')}.",
            "check the clock of this machine; behind a company proxy, point SSL_CERT_FILE at its "
            "certificate",
            retry=False,
        )
    if isinstance(e, ssl.SSLError):
        return ConnectionFailed(
            f"No TLS connection with {host}: {e.reason or e}.",
            "check that --endpoint begins with the right one of ws:// and wss://",
            retry=False,
        )
    if isinstance(e, socket.gaierror | websocket.WebSocketAddressException):
        return ConnectionFailed(
            f"The name {urlsplit(url).hostname} cannot be found.", "check the network"
        )
    if isinstance(e, websocket.WebSocketTimeoutException | TimeoutError):
        return ConnectionFailed(
            f"{host} did not answer within {CONNECT_TIMEOUT_S:.0f} s.", "check the network"
        )
    if isinstance(e, websocket.WebSocketProxyException):
        return ConnectionFailed(f"The proxy refused the connection: {_said(e)}.", "check the proxy")
    if isinstance(e, websocket.WebSocketConnectionClosedException):
        return ConnectionFailed(f"{host} closed the connection at once.", "check --endpoint")
    if isinstance(e, websocket.WebSocketException | ValueError):
        return ConnectionFailed(
            f"{host} does not speak WebSocket.", "check --endpoint; it ends in /v3/ws", retry=False
        )
    if isinstance(e, ConnectionRefusedError):
        return ConnectionFailed(
            f"Nothing listens at {host}.", "check --endpoint, or that the service is running"
        )
    return ConnectionFailed(f"{host} cannot be reached: {_said(e)}.", "check the network")
