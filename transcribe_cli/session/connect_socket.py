"""From an endpoint to a connection with it: name, proxy, TLS, and an explanation of each failure.

All addresses of a name are tried, and a silent one does not delay the others, as in curl ("happy
eyeballs", RFC 8305): IPv6 and IPv4 addresses alternate, the next one is tried after 250 ms or as
soon as one fails, and the first that answers is used.
"""

import contextlib
import errno
import os
import selectors
import socket
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.endpoint import host_and_port, host_of, is_address, is_loopback

if TYPE_CHECKING:
    from transcribe_cli.session.proxy import Proxy
    from transcribe_cli.session.tls import Socket

# About 2 s of audio. Unsent audio is better kept in the audio log, where it can be read again, than
# in the system's buffer, which by default holds minutes of it.
_SEND_BUFFER_BYTES = 1 << 16
_NEXT_ADDRESS_AFTER_S = 0.25  # RFC 8305, section 5: the "connection attempt delay"

Address = tuple[int, int, int, Any]  # family, type, protocol and address, as from getaddrinfo


def seconds_left(deadline: float) -> float:
    """The seconds until a deadline, on the monotonic clock.

    Raises:
        TimeoutError: the deadline has passed.
    """
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


def find_proxy(url: str) -> "Proxy | None":
    """The proxy on the way to an endpoint, according to this process's environment.

    Raises:
        ConnectionFailed: the variable that names a proxy holds no valid address.
    """
    if is_loopback(url):
        return None
    from transcribe_cli.session.proxy import find_route

    return find_route(url, os.environ).proxy


def reach(
    url: str, proxy: "Proxy | None", deadline: float, opened: contextlib.ExitStack
) -> "Socket":
    """Returns a connection to the service, through any proxy; encrypted for `wss://`.

    Args:
        deadline: for the whole attempt, on the monotonic clock.
        opened: closes what was opened.

    Raises:
        ConnectionFailed: the way to or through the proxy failed.
        OSError: the way to the service failed; `explain` turns it into a sentence.
    """
    host, port = host_and_port(url)
    raw: Socket = connect_first(look_up_first(url, proxy, deadline), proxy, deadline)
    opened.callback(raw.close)
    if proxy is not None:
        from transcribe_cli.session.tunnel import tunnel

        raw = tunnel(raw, proxy, host, port, deadline, opened)
    if urlsplit(url).scheme == "wss":
        from transcribe_cli.session.tls import encrypt

        raw = encrypt(raw, host, deadline)
        opened.callback(raw.close)
    return raw


def look_up_first(url: str, proxy: "Proxy | None", deadline: float) -> Sequence[Address]:
    """The addresses of the first host on the way: the proxy, or the service.

    Raises:
        ConnectionFailed, OSError: as `reach`.
    """
    if proxy is None:
        return look_up(*host_and_port(url), deadline)
    from transcribe_cli.session.tunnel import at_the_proxy

    with at_the_proxy(proxy):
        return look_up(proxy.host, proxy.port, deadline)


def connect_first(
    addresses: Sequence[Address], proxy: "Proxy | None", deadline: float
) -> socket.socket:
    """Returns a connection to one of these addresses of the proxy, or of the service.

    Raises:
        ConnectionFailed, OSError: as `reach`.
    """
    if proxy is None:
        return connect(addresses, deadline)
    from transcribe_cli.session.tunnel import at_the_proxy

    with at_the_proxy(proxy):
        return connect(addresses, deadline)


def explain(
    e: Exception, url: str, proxy: "Proxy | None", limit_s: float, asked: str = "--endpoint"
) -> ConnectionFailed:
    """The error for a service that was not reached within `limit_s` seconds.

    Args:
        asked: the option that named the service.

    Raises:
        OSError: the process may open no more files, so the network is not the problem.
    """
    if isinstance(e, ConnectionFailed):
        return e
    if lacks_files(e):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE)) from e
    host = host_of(url) if proxy is None else f"{host_of(url)}, behind {proxy.place},"
    if isinstance(e, ssl.SSLCertVerificationError):
        return _explain_certificate(e, host_of(url))
    if isinstance(e, ssl.SSLEOFError | ConnectionResetError):
        return ConnectionFailed(f"{host} closed the connection at once.", f"check {asked}")
    if isinstance(e, ssl.SSLError):
        return ConnectionFailed(
            f"No TLS with {host.rstrip(',')}: {e.reason or e}.",
            "check that --endpoint begins with the right one of ws:// and wss://"
            if asked == "--endpoint"
            else f"check that {asked} begins with the right one of http:// and https://",
            retry=False,
        )
    if isinstance(e, socket.gaierror):
        return ConnectionFailed(
            f"The name {urlsplit(url).hostname} cannot be found.",
            f"check that this machine is online, and how {asked} is spelt",
        )
    if isinstance(e, TimeoutError):
        return ConnectionFailed(
            f"{host} did not answer within {limit_s:.0f} s.",
            f"check the network, and {proxy.variable}"
            if proxy
            else "check the network; a firewall may want a proxy, which https_proxy names",
        )
    if isinstance(e, ConnectionRefusedError):
        return ConnectionFailed(
            f"Nothing listens at {host}.", f"check {asked}, or that the service is running"
        )
    hint = "check the network"
    down = isinstance(e, OSError) and e.errno in (errno.ENETUNREACH, errno.ENETDOWN)
    if down and is_loopback(url) and sys.platform == "linux":  # as in `unshare --net`
        hint = "bring this machine's loopback interface up: sudo ip link set lo up"
    return ConnectionFailed(f"{host} cannot be reached: {reason_of(e)}.", hint)


def lacks_files(e: Exception) -> bool:
    """Whether no more files may be opened; a name look-up reports this only as a failure."""
    if not isinstance(e, socket.gaierror):
        return isinstance(e, OSError) and e.errno in (errno.EMFILE, errno.ENFILE)
    try:
        socket.socket().close()
        return False
    except OSError as own:
        return own.errno in (errno.EMFILE, errno.ENFILE)


def _explain_certificate(e: ssl.SSLCertVerificationError, host: str) -> ConnectionFailed:
    trusted = os.environ.get("SSL_CERT_FILE")
    if trusted:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(trusted)
        except OSError as unread:  # OpenSSL ignores such a file silently
            return ConnectionFailed(
                f"'{trusted}' holds no certificates: {unread.strerror or unread}.",
                "SSL_CERT_FILE names it: name one in PEM form there, or unset it",
                retry=False,
            )
    return ConnectionFailed(
        f"The certificate of {host} does not verify: {e.verify_message.rstrip('.')}.",
        "check the clock; SSL_CERT_FILE may name the certificate of a company proxy",
        retry=False,
    )


# Names and addresses.


def look_up(host: str, port: int, deadline: float) -> Sequence[Address]:
    """All addresses of a name: the system's first choice first, then the families alternate.

    Raises:
        OSError: there is none; TimeoutError if no answer came before the deadline.
    """

    literal = is_address(host)
    asked = host.encode() if literal else host  # bytes are not put through IDNA

    found: list[Any] = []
    has_answered = threading.Event()

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(asked, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as e:  # UnicodeError: longer than names may be
            found.append(e if isinstance(e, OSError) else socket.gaierror(str(e)))
        has_answered.set()

    if literal:
        ask()
    else:
        # The system looks a name up for as long as it likes, and cannot be interrupted.
        threading.Thread(target=ask, name="aai-look-up", daemon=True).start()
    if not has_answered.wait(seconds_left(deadline)):
        raise TimeoutError("timed out")
    if found and isinstance(found[0], OSError):
        raise found[0]
    addresses: list[Address] = [(*info[:3], info[4]) for info in found]
    kinds: dict[int, list[Address]] = {}
    for address in addresses:
        kinds.setdefault(address[0], []).append(address)
    turns = chain.from_iterable(zip_longest(*kinds.values()))
    return [address for address in turns if address is not None]


def connect(addresses: Sequence[Address], deadline: float) -> socket.socket:
    """A connection to the first address that answers; a silent one does not delay the others.

    Raises:
        OSError: none answers; a refusal is preferred, because it explains most.
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
                wait_s = seconds_left(deadline)
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


def _begin_to_connect(address: Address) -> socket.socket:
    family, kind, protocol, place = address
    raw = socket.socket(family, kind, protocol)
    try:
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        with contextlib.suppress(BlockingIOError):  # it means that connecting has begun
            raw.connect(place)
    except OSError:
        raw.close()
        raise
    return raw


def reason_of(e: BaseException) -> str:
    """The error's own text, in a form that fits into a sentence."""
    said = e.strerror if isinstance(e, OSError) else None
    return (said or str(e)).rstrip(".") or type(e).__name__
