"""From an address to a socket on which WebSocket is spoken: the only door to websocket-client.

Looking up the name, connecting, a proxy, TLS and the upgrade share one deadline, and an answer may
be no longer than a header is. websocket-client makes the upgrade; facts about its version 1.9 that
shape this file: it has a time-out for each byte, so that a server that sends one now and then is
waited for without end; it reads headers and bodies of any length; it follows redirects with all
headers, which would hand the key to another host; localhost is no longer exempt from proxies.
"""

import contextlib
import functools
import ipaddress
import os
import queue
import re
import selectors
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any, cast
from urllib.parse import urlsplit

import websocket
from websocket._url import get_proxy_info

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.endpoint import host_of, is_loopback

CONNECT_TIMEOUT_S = 10.0
MOST_HEADER_BYTES = 1 << 16
# About 2 s of audio: what waits belongs into the audio log, where it can be read again, and not
# into the system's own buffer, which by default takes minutes of it.
_SEND_BUFFER_BYTES = 1 << 16
_NEXT_ADDRESS_AFTER_S = 0.25  # RFC 8305, section 5: the "connection attempt delay"
_TLS_LOCK = threading.Lock()  # many connections are opened at once, and make one context

_Address = tuple[int, int, int, Any]  # family, type, protocol and place, as getaddrinfo gives them


def dial(url: str, headers: Mapping[str, str]) -> socket.socket:
    """Connect and upgrade, within `CONNECT_TIMEOUT_S` for everything.

    What the server has said after its answer has not been read; TLS may hold it already.

    Raises:
        ConnectionFailed: with `http_status` where the service answered the upgrade otherwise, and
            `retry` false where another try cannot help.
    """
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    status: int | None = None
    try:
        with contextlib.ExitStack() as opened:
            raw = _reach(url, deadline, opened)
            answering = _Answering(raw, deadline)
            try:
                _upgrade(url, headers, answering)
            finally:
                status = answering.status
            opened.pop_all()
            return raw
    except Exception as e:
        raise _explain(e, url, status) from e


def _reach(url: str, deadline: float, opened: contextlib.ExitStack) -> socket.socket:
    """A connection to the service itself, encrypted where the address says so."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    proxy, proxy_port, user = None, 0, None
    if not is_loopback(url):
        proxy, proxy_port, user = get_proxy_info(host, secure)
    if proxy:
        with _by_the_proxy(f"{proxy}:{proxy_port or 80}"):
            raw = _connect(_look_up(proxy, proxy_port or 80, deadline), deadline)
            opened.callback(raw.close)
            _tunnel(_Answering(raw, deadline), host, port, user)
    else:
        raw = _connect(_look_up(host, port, deadline), deadline)
        opened.callback(raw.close)
    if not secure:
        return raw
    raw.settimeout(_left(deadline))  # which holds for the handshake as a whole
    encrypted = _tls_context().wrap_socket(raw, server_hostname=host)
    opened.callback(encrypted.close)
    return encrypted


def _upgrade(url: str, headers: Mapping[str, str], answering: "_Answering") -> None:
    ws: Any = websocket.WebSocket()
    ws.connect(
        url,
        header=[f"{name}: {value}" for name, value in headers.items()],
        suppress_origin=True,
        redirect_limit=0,
        socket=answering,
    )
    if answering.status != 101:
        raise websocket.WebSocketException("no upgrade")


# One step each.


class _TooLong(Exception):
    """An answer is longer than any header is."""


class _ProxyFailed(Exception):
    """The proxy does not connect us; `str()` says which one, and why."""


@contextlib.contextmanager
def _by_the_proxy(place: str) -> Iterator[None]:
    """What goes wrong on the way to the proxy, and there, is not the service's."""
    try:
        yield
    except socket.gaierror as e:
        raise _ProxyFailed(f"The name of the proxy {place} cannot be found") from e
    except TimeoutError as e:
        raise _ProxyFailed(f"The proxy {place} did not answer in time") from e
    except ConnectionRefusedError as e:
        raise _ProxyFailed(f"No proxy listens at {place}") from e
    except (OSError, _TooLong) as e:
        raise _ProxyFailed(f"The proxy {place} does not connect us: {reason_of(e)}") from e


def _left(deadline: float) -> float:
    """The seconds until a deadline.

    Raises:
        TimeoutError: there are none.
    """
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


def _look_up(host: str, port: int, deadline: float) -> Sequence[_Address]:
    """All addresses of a name, the system's favourite first, the others by turns of their kind.

    Raises:
        OSError: there is none; TimeoutError where nobody said so in time.
    """

    is_address = _is_address(host)
    asked = host.encode() if is_address else host  # bytes are not put through IDNA

    def ask() -> None:
        try:
            found.put(socket.getaddrinfo(asked, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as e:  # a name may be longer than names are
            found.put(e if isinstance(e, OSError) else socket.gaierror(str(e)))

    found: queue.SimpleQueue[Any] = queue.SimpleQueue()
    if is_address:
        ask()
    else:
        # The system asks as long as it likes, and cannot be told to stop.
        threading.Thread(target=ask, name="aai-look-up", daemon=True).start()
    try:
        answer = found.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError("timed out") from None
    if isinstance(answer, OSError):
        raise answer
    addresses: list[_Address] = [(*info[:3], info[4]) for info in answer]
    kinds: dict[int, list[_Address]] = {}
    for address in addresses:
        kinds.setdefault(address[0], []).append(address)
    turns = chain.from_iterable(zip_longest(*kinds.values()))
    return [address for address in turns if address is not None]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _connect(addresses: Sequence[_Address], deadline: float) -> socket.socket:
    """A connection to the first address that answers; one that is silent holds up no other.

    Raises:
        OSError: none does; a refusal says most of why.
    """
    left = deque(addresses)
    problems: list[OSError] = []
    next_at = 0.0
    with selectors.DefaultSelector() as tried:
        try:
            while left or tried.get_map():
                now = time.monotonic()
                if left and (now >= next_at or not tried.get_map()):
                    next_at = now + _NEXT_ADDRESS_AFTER_S
                    try:
                        tried.register(_begin_to_connect(left.popleft()), selectors.EVENT_WRITE)
                    except OSError as e:
                        problems.append(e)
                        continue
                wait_s = _left(deadline)
                for key, _ in tried.select(min(wait_s, next_at - now) if left else wait_s):
                    raw: Any = key.fileobj
                    tried.unregister(raw)
                    if (number := raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) == 0:
                        return cast(socket.socket, raw)
                    raw.close()
                    problems.append(OSError(number, os.strerror(number)))
        finally:
            for key in list(tried.get_map().values()):
                cast(socket.socket, key.fileobj).close()
    refusals = [e for e in problems if isinstance(e, ConnectionRefusedError)]
    raise next(iter(refusals or problems), OSError("it has no address"))


def _begin_to_connect(address: _Address) -> socket.socket:
    family, kind, protocol, place = address
    raw = socket.socket(family, kind, protocol)
    try:
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        with contextlib.suppress(BlockingIOError):  # which is how it says that it has begun
            raw.connect(place)
    except OSError:
        raw.close()
        raise
    return raw


class _Answering:
    """What websocket-client takes for a socket: it keeps to a deadline, and gives one header.

    The header is read byte by byte: what comes behind it is a frame already.

    Attributes:
        over: the whole header has come.
    """

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self.over = False
        self._raw = raw
        self._deadline = deadline
        self._head = bytearray()

    @property
    def status(self) -> int | None:
        """The HTTP status; None before it has come, and where the other side speaks no HTTP."""
        found = re.match(rb"HTTP/[\d.]+ (\d{3})[ \r\n]", self._head)
        return int(found[1]) if found else None

    def recv(self, _: int) -> bytes:
        """The next byte of the header; nothing at its end.

        Raises:
            TimeoutError, _TooLong: it takes too long, or is too long.
        """
        if self.over:
            return b""  # the page of whoever answers instead is not wanted
        self._raw.settimeout(_left(self._deadline))
        data = self._raw.recv(1)
        self._head += data
        if len(self._head) > MOST_HEADER_BYTES:
            raise _TooLong("a header without end")
        self.over = self._head.endswith((b"\n\r\n", b"\n\n"))
        return data

    def send(self, data: bytes) -> int:
        """All of it."""
        self._raw.settimeout(_left(self._deadline))
        self._raw.sendall(data)
        return len(data)

    def gettimeout(self) -> None:
        """None of its own, so that nobody waits beside it."""

    def close(self) -> None:
        """Whoever opened the socket closes it."""


def _tunnel(proxy: _Answering, host: str, port: int, user: tuple[str, str] | None) -> None:
    """Have a proxy connect us (RFC 9110, section 9.3.6).

    Raises:
        OSError: it does not.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
    if user is not None:
        credentials = b64encode(":".join(user).encode()).decode()
        request += f"Proxy-Authorization: Basic {credentials}\r\n"
    proxy.send(f"{request}\r\n".encode())
    while proxy.recv(1):
        pass
    if proxy.status is None:
        raise OSError("it does not speak HTTP" if proxy.over else "it hung up")
    if not 200 <= proxy.status < 300:
        raise OSError(f"it answers with HTTP {proxy.status}")


def _tls_context() -> ssl.SSLContext:
    """The same for all connections: with every certificate that is trusted it has 0.8 MB."""
    with _TLS_LOCK:
        return _make_tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _make_tls_context(*_trusted: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


def _explain(e: Exception, url: str, status: int | None) -> ConnectionFailed:
    """The sentence for a connection that did not come about; `status`: of the upgrade's answer."""
    host = host_of(url)
    if status is not None and 300 <= status < 400:
        return ConnectionFailed(
            f"{host} answered with HTTP {status}, a redirect, which is not followed.",
            "check --endpoint",
            http_status=status,
            retry=False,
        )
    if status not in (None, 101):
        return ConnectionFailed(f"{host} answered with HTTP {status}.", http_status=status)
    if isinstance(e, ssl.SSLCertVerificationError):
        return ConnectionFailed(
            f"The TLS certificate of {host} does not verify: {e.verify_message.rstrip('.')}.",
            "check the clock of this machine; behind a company proxy, point SSL_CERT_FILE at its "
            "certificate",
            retry=False,
        )
    if isinstance(e, websocket.WebSocketConnectionClosedException | ssl.SSLEOFError):
        return ConnectionFailed(f"{host} closed the connection at once.", "check --endpoint")
    if isinstance(e, ssl.SSLError):
        return ConnectionFailed(
            f"No TLS connection with {host}: {e.reason or e}.",
            "check that --endpoint begins with the right one of ws:// and wss://",
            retry=False,
        )
    if isinstance(e, socket.gaierror):
        return ConnectionFailed(
            f"The name {urlsplit(url).hostname} cannot be found.", "check the network"
        )
    if isinstance(e, websocket.WebSocketTimeoutException | TimeoutError):
        return ConnectionFailed(
            f"{host} did not answer within {CONNECT_TIMEOUT_S:.0f} s.", "check the network"
        )
    if isinstance(e, _ProxyFailed):
        return ConnectionFailed(
            f"{e}.", "check http_proxy and https_proxy; no_proxy names what is reached without one"
        )
    if isinstance(e, websocket.WebSocketException | ValueError | _TooLong):
        return ConnectionFailed(
            f"{host} does not speak WebSocket.", "check --endpoint; it ends in /v3/ws", retry=False
        )
    if isinstance(e, ConnectionRefusedError):
        return ConnectionFailed(
            f"Nothing listens at {host}.", "check --endpoint, or that the service is running"
        )
    return ConnectionFailed(f"{host} cannot be reached: {reason_of(e)}.", "check the network")


def reason_of(e: BaseException) -> str:
    """What an error says of itself, to be put into a sentence."""
    return str(e).rstrip(".") or type(e).__name__
