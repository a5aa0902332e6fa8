"""One WebSocket connection: the only door to websocket-client.

One thread reads and closes, one thread writes. Facts about websocket-client 1.9 that shape this
file: `close()` reads frames and throws away all but the close frame, so it is never called while
messages may come; `recv()` hides close codes, so frames are read with `recv_data_frame`; no timeout
is set by default; localhost is no longer exempt from proxies; redirects are followed with all
headers, which would hand the key to another host.
"""

import contextlib
import errno
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import websocket
from websocket import ABNF

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.endpoint import host_of, is_loopback

CONNECT_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 8.0
# websocket-client looks at `http_no_proxy` only where a proxy is named, which is not used then.
_WITHOUT_PROXY: dict[str, Any] = {"http_proxy_host": "unused", "http_no_proxy": ["*"]}
# About 2 s of audio: what waits belongs into the audio log, where it can be read again, and not
# into the system's own buffer, which by default takes minutes of it.
_SEND_BUFFER_BYTES = 1 << 16
_READ_BYTES = 1 << 14

A = TypeVar("A")
R = TypeVar("R")


class CloseFrame(NamedTuple):
    """The service's close; `code` is None when it gave none."""

    code: int | None
    reason: str


class Connection:
    """An open WebSocket.

    Raises (from every method): ConnectionFailed.
    """

    def __init__(self, ws: Any) -> None:
        self._ws = ws
        self._socket: _SharedSocket = ws.sock
        self._writing = threading.Lock()

    @classmethod
    def open(cls, url: str, headers: Mapping[str, str]) -> "Connection":
        """Connect and upgrade.

        Raises:
            ConnectionFailed: with `http_status` where the service answered the upgrade otherwise,
                and `retry` false where another try cannot help.
        """
        ws: Any = _WebSocket(
            enable_multithread=False,  # one reads, and `_writing` guards the writing
            skip_utf8_validation=True,  # the codec checks, and never raises
            sslopt={"context": ssl.create_default_context()},
        )
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
        ws.sock = _SharedSocket(ws.sock)
        return cls(ws)

    def send_audio(self, samples: bytes) -> None:
        """One binary message."""
        self._send(samples, ABNF.OPCODE_BINARY)

    def send_text(self, text: str) -> None:
        """One text message."""
        self._send(text, ABNF.OPCODE_TEXT)

    def ping(self) -> None:
        """Ask for a sign of life; the pong is a frame like any other to `receive`."""
        self._send(b"", ABNF.OPCODE_PING)

    def _send(self, data: str | bytes, opcode: int) -> None:
        try:
            with self._writing:
                self._ws.send(data, opcode)
                self._send_pongs()
        except (OSError, websocket.WebSocketException) as e:
            raise ConnectionFailed(f"The connection broke while sending: {_said(e)}.") from e

    def receive(self, timeout_s: float) -> str | bytes | CloseFrame | None:
        """The next text message, a close, or None for another frame (a pong) or when time is up.

        To tell the two apart ask `heard_at`.
        """
        self._socket.read_timeout_s = timeout_s
        try:
            self._answer_pings()
            opcode, frame = self._ws.recv_data_frame(control_frame=True)
            self._answer_pings()
        except websocket.WebSocketTimeoutException:
            return None
        except (OSError, ValueError, websocket.WebSocketException) as e:
            raise ConnectionFailed(f"The connection to the service was lost: {_said(e)}.") from e
        data: bytes = frame.data
        if opcode == ABNF.OPCODE_CLOSE:
            code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
            return CloseFrame(code, data[2:].decode(errors="replace"))
        return data if opcode == ABNF.OPCODE_TEXT else None

    def _send_pongs(self) -> None:
        """Answer the service's pings; `_writing` is held."""
        while self._ws.pings:
            self._ws.send(self._ws.pings.popleft(), ABNF.OPCODE_PONG)

    def _answer_pings(self) -> None:
        """Where the sender is just writing it answers them itself, so nobody waits for it."""
        if self._ws.pings and self._writing.acquire(blocking=False):
            try:
                self._send_pongs()
            finally:
                self._writing.release()

    @property
    def heard_at(self) -> float:
        """When bytes last came in, on the monotonic clock."""
        return self._socket.heard_at

    def close(self, last_words: str = "") -> None:
        """Say goodbye where that works, and close the socket without waiting; harmless twice.

        Only for the reading thread, after the last message that matters. `last_words` is a text
        message that the service should still get.
        """
        self._socket.write_timeout_s = 0.1
        if self._writing.acquire(timeout=0.1):
            # It may be closed already, or nobody may listen.
            with contextlib.suppress(OSError, websocket.WebSocketException):
                if last_words:
                    self._ws.send(last_words)
                self._ws.say_goodbye()
            self._writing.release()
        self._socket.abort()
        self._ws.shutdown()
        self._socket.close()  # it closes only what it takes for a socket of its own

    def abort(self) -> None:
        """Make both threads' calls fail at once; from any thread."""
        self._socket.abort()


class _WebSocket(websocket.WebSocket):
    """Reading never writes: pings wait in `pings`, and a close is answered by `say_goodbye`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pings: deque[bytes] = deque()

    def pong(self, payload: str | bytes = "") -> None:
        self.pings.append(payload.encode() if isinstance(payload, str) else payload)

    def send_close(self, status: int = 1000, reason: str | bytes = b"") -> None:
        pass  # called where a close frame is read

    def say_goodbye(self) -> None:
        super().send_close()


class _SharedSocket:
    """A socket, plain or TLS, that one thread may read while another writes.

    OpenSSL allows one call at a time on a connection. The socket is put into non-blocking mode, one
    lock is held for the instant of each call, and waiting happens outside it with a selector, so a
    blocked write never keeps the reader from reading, and each direction has a timeout of its own.
    """

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._lock = threading.Lock()
        self._raw.settimeout(0)
        self._aborted = False
        self._ahead = b""  # received, and not asked for yet
        self._readable = selectors.DefaultSelector()
        self._readable.register(raw, selectors.EVENT_READ)
        self._reader = threading.current_thread()  # who connects is who reads
        self.read_timeout_s = CONNECT_TIMEOUT_S
        self.write_timeout_s = SEND_TIMEOUT_S
        self.heard_at = time.monotonic()

    def recv(self, count: int) -> bytes:
        # A frame is asked for in three small pieces: one call to the system serves them all.
        if not self._ahead:
            self._ahead = self._when_ready(
                self._raw.recv, _READ_BYTES, selectors.EVENT_READ, self.read_timeout_s
            )
            self.heard_at = time.monotonic()
        data, self._ahead = self._ahead[:count], self._ahead[count:]
        return data

    def send(self, data: bytes) -> int:
        return self._when_ready(self._raw.send, data, selectors.EVENT_WRITE, self.write_timeout_s)

    def _when_ready(
        self, call: Callable[[A], R], argument: A, wait_for: int, timeout_s: float
    ) -> R:
        deadline = time.monotonic() + timeout_s
        while True:
            if self._aborted:
                raise ConnectionAbortedError(errno.ECONNABORTED, "given up")
            needed = wait_for
            try:
                with self._lock:
                    return call(argument)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as e:
                # TLS may have to read in order to write, and the other way round.
                reading = isinstance(e, ssl.SSLWantReadError)
                needed = selectors.EVENT_READ if reading else selectors.EVENT_WRITE
            except (BlockingIOError, InterruptedError):
                pass
            left = deadline - time.monotonic()
            if left <= 0 or not self._wait(needed, left):
                raise TimeoutError("timed out")

    def _wait(self, needed: int, timeout_s: float) -> bool:
        if needed == selectors.EVENT_READ and threading.current_thread() is self._reader:
            return bool(self._readable.select(timeout_s))
        with selectors.DefaultSelector() as selector:
            selector.register(self._raw, needed)
            return bool(selector.select(timeout_s))

    def abort(self) -> None:
        self._aborted = True
        with contextlib.suppress(OSError):  # it was closed or reset already
            # Not close(): that would free the number while the other thread still waits on it.
            socket.socket.shutdown(self._raw, socket.SHUT_RDWR)

    # What else websocket-client asks of a socket.

    def fileno(self) -> int:
        return self._raw.fileno()

    def gettimeout(self) -> float:
        return self.read_timeout_s

    def settimeout(self, timeout_s: float | None) -> None:
        pass  # each direction has its own

    def shutdown(self, how: int) -> None:
        with self._lock:
            self._raw.shutdown(how)

    def close(self) -> None:
        with self._lock:
            self._readable.close()
            self._raw.close()


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
            f"The TLS certificate of {host} does not verify: {e.verify_message}.",
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
