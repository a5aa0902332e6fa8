"""Connects through a proxy to the service: by HTTP CONNECT, also in TLS, or by SOCKS.

python-socks, from the extra `socks`, speaks SOCKS. It is given the existing connection, so that the
deadline and the look-up of names are the same for all kinds.
"""

import contextlib
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.endpoint import place_of
from transcribe_cli.session.connect_socket import lacks_files, look_up, reason_of, seconds_left
from transcribe_cli.session.handshake import HeaderSocket, TooLong
from transcribe_cli.session.proxy import Proxy
from transcribe_cli.session.tls import Socket, encrypt

_MAY_PASS = (408, 429)  # like 500 and above: another try may succeed
_SOCKS_HINT = "pip install 'aai-stream[socks]', or name an http:// proxy"


@contextlib.contextmanager
def at_the_proxy(proxy: Proxy) -> Iterator[None]:
    """Translate errors on the way to the proxy: they are the proxy's and not the service's.

    Raises:
        ConnectionFailed: the translated error, with a hint.
    """
    hint = f"check {proxy.variable}; no_proxy names what is reached without a proxy"
    retry = True
    problem: Exception
    try:
        yield
        return
    except socket.gaierror as e:
        problem, said = e, f"The name of the proxy {proxy.place} cannot be found"
    except TimeoutError as e:
        problem, said = e, f"The proxy {proxy.place} did not answer in time"
    except ConnectionRefusedError as e:
        problem, said = e, f"No proxy listens at {proxy.place}"
    except ssl.SSLCertVerificationError as e:
        problem, said = (
            e,
            (
                f"The TLS certificate of the proxy {proxy.place} does not verify: "
                f"{e.verify_message.rstrip('.')}"
            ),
        )
        hint, retry = "point SSL_CERT_FILE at the certificate of who issued it", False
    except ssl.SSLEOFError as e:
        problem, said = e, f"The proxy {proxy.place} hung up"
    except ssl.SSLError as e:
        problem, said = e, f"No TLS connection with the proxy {proxy.place}: {e.reason or e}"
        hint, retry = f"check whether it is an http:// proxy, and {proxy.variable}", False
    except (OSError, TooLong) as e:
        if lacks_files(e):
            raise
        problem, said = e, f"The proxy {proxy.place} does not connect us: {reason_of(e)}"
    raise ConnectionFailed(f"{said}.", hint, retry=retry) from problem


def tunnel(
    raw: Socket,
    proxy: Proxy,
    host: str,
    port: int,
    deadline: float,
    opened: contextlib.ExitStack,
) -> Socket:
    """Returns a socket that leads through the proxy to the service; `opened` closes it.

    Raises:
        ConnectionFailed: the proxy does not connect to the service.
    """
    with at_the_proxy(proxy):
        if proxy.scheme.startswith("socks"):
            _tunnel_by_socks(raw, proxy, host, port, deadline)
            return raw
        if proxy.scheme == "https":
            raw = encrypt(raw, proxy.host, deadline)
            opened.callback(raw.close)
        _tunnel_by_http(HeaderSocket(raw, deadline), proxy, host, port)
        return raw


def _tunnel_by_http(answer: HeaderSocket, proxy: Proxy, host: str, port: int) -> None:
    """Send CONNECT and check the answer (RFC 9110, sections 9.3.6 and 11.7)."""
    place = place_of(host, port)
    request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
    if proxy.credentials is not None:
        encoded = b64encode(b":".join(proxy.credentials)).decode()
        request += f"Proxy-Authorization: Basic {encoded}\r\n"
    answer.send(f"{request}\r\n".encode())
    while answer.recv(1):
        pass
    status = answer.status
    if status is None:
        if not answer.over:
            raise OSError("it hung up")
        raise ConnectionFailed(
            f"The proxy {proxy.place} does not speak HTTP.",
            f"check {proxy.variable}; other kinds of proxy begin with https:// or socks5h://",
            retry=False,
        )
    if status == 407:
        raise _wants_credentials(proxy, answer.header("Proxy-Authenticate"))
    if not 200 <= status < 300:
        raise ConnectionFailed(
            f"The proxy {proxy.place} does not connect us: HTTP {status}.",
            f"ask who runs it to let {place} through; check {proxy.variable}",
            retry=status >= 500 or status in _MAY_PASS,
        )


def _wants_credentials(proxy: Proxy, offered: list[str]) -> ConnectionFailed:
    kinds = [kind for value in offered for kind in re.findall(r"^[A-Za-z]+", value)]
    if kinds and "basic" not in map(str.lower, kinds):
        return ConnectionFailed(
            f"The proxy {proxy.place} lets in by {', '.join(kinds)} only (HTTP 407).",
            f"let a program such as cntlm or px log in, and name that in {proxy.variable}",
            retry=False,
            wants_credentials=True,
        )
    return _refused_credentials(proxy, " (HTTP 407)")


def _refused_credentials(proxy: Proxy, status: str = "") -> ConnectionFailed:
    does = "wants" if proxy.credentials is None else "refuses the"
    return ConnectionFailed(
        f"The proxy {proxy.place} {does} user and password{status}.",
        f"set {proxy.variable}={proxy.scheme}://USER:PASSWORD@{proxy.place}, with %40 for @",
        retry=False,
        wants_credentials=True,
    )


# SOCKS.


class _Reached:
    """Gives python-socks the existing connection to the proxy, so that it opens none itself."""

    def __init__(self, stream: "_Stream") -> None:
        self._stream = stream

    def connect(self, **_: object) -> "_Stream":
        return self._stream


class _Stream:
    """That connection; each call keeps to the deadline."""

    def __init__(self, raw: Socket, deadline: float) -> None:
        self._raw = raw
        self._deadline = deadline

    def recv(self, size: int) -> bytes:
        self._raw.settimeout(seconds_left(self._deadline))
        return self._raw.recv(size)

    def sendall(self, data: bytes) -> None:
        self._raw.settimeout(seconds_left(self._deadline))
        self._raw.sendall(data)

    def close(self) -> None:
        """Do nothing: whoever opened the socket closes it."""


def _tunnel_by_socks(raw: Socket, proxy: Proxy, host: str, port: int, deadline: float) -> None:
    """RFC 1928 and 1929; with `socks4a` and `socks5h` the proxy looks the name up."""
    try:
        from python_socks import ProxyError, ProxyType
        from python_socks.sync import Proxy as Socks
    except ImportError as e:
        raise ConnectionFailed(
            f"{proxy.variable} names a SOCKS proxy, for which python-socks is missing.",
            _SOCKS_HINT,
            retry=False,
        ) from e
    kind = ProxyType.SOCKS5 if proxy.scheme.startswith("socks5") else ProxyType.SOCKS4
    if proxy.scheme in ("socks4", "socks5"):
        try:
            found = look_up(host, port, deadline)
        except socket.gaierror as e:  # the look-up failed here, and not at the proxy
            raise ConnectionFailed(
                f"The name {host} cannot be found.",
                f"check --endpoint; {proxy.scheme}h:// in {proxy.variable} lets the proxy look",
            ) from e
        if kind is ProxyType.SOCKS4:
            found = [address for address in found if address[0] == socket.AF_INET]
        if not found:
            raise OSError(f"{host} has no IPv4 address, and SOCKS4 knows no other")
        host = found[0][3][0]
    user, password = proxy.credentials or (None, None)
    reached: Any = _Reached(_Stream(raw, deadline))
    try:
        Socks(
            kind,
            proxy.host,
            proxy.port,
            None if user is None else user.decode("latin-1"),
            None if password is None else password.decode("latin-1"),
            rdns=True,
            forward=reached,
        ).connect(host, port)
    except ProxyError as e:
        said = str(e).rstrip(".")
        if re.search("authentication", said, re.IGNORECASE):
            raise _refused_credentials(proxy) from e
        raise OSError(said) from e
    except ValueError as e:
        raise ConnectionFailed(
            f"User and password in {proxy.variable} cannot be said in SOCKS.",
            "it takes 255 characters of ASCII for each",
            retry=False,
        ) from e
