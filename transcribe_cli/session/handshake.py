"""The WebSocket handshake: from an address to a socket on which WebSocket is spoken.

The only door to websocket-client.

Looking up the name, connecting, a proxy, TLS and the upgrade share one deadline, and an answer may
not be longer than a header. websocket-client makes the upgrade. Facts about its version 1.9 that
shape this file: its timeout holds for each byte, so it waits for ever for a server that sends one
now and then; it reads headers and bodies of any length; it follows redirects with all headers,
which would give the key to another host; and it supports no proxy without a scheme, no proxy in
TLS, and no `ALL_PROXY`.
"""

import contextlib
import re
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.close_codes import explain_handshake
from transcribe_cli.protocol.endpoint import host_of
from transcribe_cli.session.connect_socket import explain, find_proxy, reach, seconds_left

if TYPE_CHECKING:
    from transcribe_cli.session.tls import Socket

# websocket-client imports python-socks if it is installed, for connections that are not made here.
sys.modules.setdefault("python_socks", cast(Any, None))
import websocket  # noqa: E402

if sys.modules["python_socks"] is None:
    del sys.modules["python_socks"]

CONNECT_TIMEOUT_S = 10.0
MOST_HEADER_BYTES = 1 << 16


def open_websocket(url: str, headers: Mapping[str, str]) -> "Socket":
    """Connect and upgrade, within `CONNECT_TIMEOUT_S` for everything.

    Bytes that the server sent after its answer have not been read, but TLS may hold them already.

    Raises:
        ConnectionFailed: `http_status` is set if the service answered without an upgrade, and
            `retry` is false if another try cannot help.
    """
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    status: int | None = None
    proxy = find_proxy(url)
    try:
        with contextlib.ExitStack() as opened:
            raw = reach(url, proxy, deadline, opened)
            answer = HeaderSocket(raw, deadline)
            try:
                _upgrade(url, headers, answer)
            finally:
                status = answer.status
            opened.pop_all()
            return raw
    except websocket.WebSocketTimeoutException as e:
        raise explain(TimeoutError(), url, proxy, CONNECT_TIMEOUT_S) from e
    except Exception as e:
        answered = _explain_answer(e, host_of(url), status)
        raise (answered or explain(e, url, proxy, CONNECT_TIMEOUT_S)) from e


def _upgrade(url: str, headers: Mapping[str, str], answer: "HeaderSocket") -> None:
    ws: Any = websocket.WebSocket()
    ws.connect(
        url,
        header=[f"{name}: {value}" for name, value in headers.items()],
        suppress_origin=True,
        redirect_limit=0,
        socket=answer,
    )
    if answer.status != 101:
        raise websocket.WebSocketException("no upgrade")


def _explain_answer(e: Exception, host: str, status: int | None) -> ConnectionFailed | None:
    """The error for an answer that is no upgrade; None if there was no answer."""
    if status is not None and 300 <= status < 400:
        return ConnectionFailed(
            f"{host} answered with a redirect (HTTP {status}).",
            "check --endpoint; the key would go along, so it is not followed",
            http_status=status,
            retry=False,
        )
    if status is not None and status != 101:
        hint = explain_handshake(status).hint
        return ConnectionFailed(f"{host} answered with HTTP {status}.", hint, http_status=status)
    if isinstance(e, websocket.WebSocketConnectionClosedException):
        return ConnectionFailed(f"{host} closed the connection at once.", "check --endpoint")
    spoke = isinstance(e, websocket.WebSocketException | ValueError | TooLong)
    if spoke and not isinstance(e, OSError):  # some errors of TLS are both ValueError and OSError
        return ConnectionFailed(
            f"{host} does not speak WebSocket.", "check --endpoint; it ends in /v3/ws", retry=False
        )
    return None


class TooLong(Exception):
    """An answer is longer than a header may be."""


class HeaderSocket:
    """A socket for libraries: each call keeps to one deadline, and only a header can be read.

    The header is read byte by byte, because the bytes behind it belong to a frame or to TLS.

    Attributes:
        over: the whole header has come.
    """

    def __init__(self, raw: "Socket", deadline: float) -> None:
        self.over = False
        self._raw = raw
        self._deadline = deadline
        self._head = bytearray()

    @property
    def status(self) -> int | None:
        """The HTTP status; None before it has come, or if the other side does not speak HTTP."""
        found = re.match(rb"HTTP/[\d.]+ (\d{3})[ \r\n]", self._head)
        return int(found[1]) if found else None

    def header(self, name: str) -> list[str]:
        """Every value of a header."""
        values = re.findall(rb"(?im)^" + name.encode() + rb":[ \t]*([^\r\n]*)", self._head)
        return [value.decode("latin-1") for value in values]

    def recv(self, _: int) -> bytes:
        """The next byte of the header; empty at its end.

        Raises:
            TimeoutError, TooLong: the deadline has passed, or the header is too long.
        """
        if self.over:
            return b""  # the body of an answer without an upgrade is not needed
        self._raw.settimeout(seconds_left(self._deadline))
        data = self._raw.recv(1)
        self._head += data
        if len(self._head) > MOST_HEADER_BYTES:
            raise TooLong("a header without end")
        self.over = self._head.endswith((b"\n\r\n", b"\n\n"))
        return data

    def send(self, data: bytes) -> int:
        """Send all of the data."""
        self._raw.settimeout(seconds_left(self._deadline))
        self._raw.sendall(data)
        return len(data)

    def gettimeout(self) -> None:
        """None: the socket has no timeout of its own, so libraries do not wait by themselves."""

    def close(self) -> None:
        """Do nothing: whoever opened the socket closes it."""
