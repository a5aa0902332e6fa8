"""The WebSocket handshake: from an address to a socket on which WebSocket is spoken.

The only door to websocket-client.

Looking up the name, connecting, a proxy, TLS and the upgrade share one deadline, and an answer may
be no longer than a header is. websocket-client makes the upgrade; facts about its version 1.9 that
shape this file: it has a time-out for each byte, so that a server that sends one now and then is
waited for without end; it reads headers and bodies of any length; it follows redirects with all
headers, which would hand the key to another host; it knows no proxy without a scheme, none in TLS
and no `ALL_PROXY`.
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

# websocket-client imports python-socks where it is there, for connections that are not made here.
sys.modules.setdefault("python_socks", cast(Any, None))
import websocket  # noqa: E402

if sys.modules["python_socks"] is None:
    del sys.modules["python_socks"]

CONNECT_TIMEOUT_S = 10.0
MOST_HEADER_BYTES = 1 << 16


def open_websocket(url: str, headers: Mapping[str, str]) -> "Socket":
    """Connect and upgrade, within `CONNECT_TIMEOUT_S` for everything.

    What the server has said after its answer has not been read; TLS may hold it already.

    Raises:
        ConnectionFailed: with `http_status` where the service answered the upgrade otherwise, and
            `retry` false where another try cannot help.
    """
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    status: int | None = None
    proxy = find_proxy(url)
    try:
        with contextlib.ExitStack() as opened:
            raw = reach(url, proxy, deadline, opened)
            answer = HttpAnswer(raw, deadline)
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


def _upgrade(url: str, headers: Mapping[str, str], answer: "HttpAnswer") -> None:
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
    """The sentence for what was answered instead of an upgrade; None where nothing was."""
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
    if spoke and not isinstance(e, OSError):  # as errors of TLS are, which are values too
        return ConnectionFailed(
            f"{host} does not speak WebSocket.", "check --endpoint; it ends in /v3/ws", retry=False
        )
    return None


class TooLong(Exception):
    """An answer is longer than any header is."""


class HttpAnswer:
    """What libraries take for a socket: each call keeps to one deadline, and one header is given.

    The header is read byte by byte: what comes behind it is a frame or TLS already.

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
        """The HTTP status; None before it has come, and where the other side speaks no HTTP."""
        found = re.match(rb"HTTP/[\d.]+ (\d{3})[ \r\n]", self._head)
        return int(found[1]) if found else None

    def header(self, name: str) -> list[str]:
        """Every value of a header."""
        values = re.findall(rb"(?im)^" + name.encode() + rb":[ \t]*([^\r\n]*)", self._head)
        return [value.decode("latin-1") for value in values]

    def recv(self, _: int) -> bytes:
        """The next byte of the header; nothing at its end.

        Raises:
            TimeoutError, TooLong: it takes too long, or is too long.
        """
        if self.over:
            return b""  # the page of whoever answers instead is not wanted
        self._raw.settimeout(seconds_left(self._deadline))
        data = self._raw.recv(1)
        self._head += data
        if len(self._head) > MOST_HEADER_BYTES:
            raise TooLong("a header without end")
        self.over = self._head.endswith((b"\n\r\n", b"\n\n"))
        return data

    def send(self, data: bytes) -> int:
        """All of it."""
        self._raw.settimeout(seconds_left(self._deadline))
        self._raw.sendall(data)
        return len(data)

    def gettimeout(self) -> None:
        """None of its own, so that nobody waits beside it."""

    def close(self) -> None:
        """Whoever opened the socket closes it."""
