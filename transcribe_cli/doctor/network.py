"""Checks the connection to the service step by step: name, TCP, TLS, clock."""

import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import NamedTuple
from urllib.parse import urlsplit

from transcribe_cli.doctor.findings import Finding, ok, warning
from transcribe_cli.errors import ServiceError
from transcribe_cli.protocol.endpoint import host_of, is_loopback

STEP_LIMIT_S = 4.0
_CLOCK_MAY_DIFFER_S = 30.0


class FirstHop(NamedTuple):
    """The address that is connected to first: the service's, or a proxy's."""

    host: str
    port: int
    is_proxy: bool = False

    @property
    def name(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"


def first_hop(endpoint: str, variables: Mapping[str, str]) -> FirstHop:
    """The first address on the way to an endpoint.

    Raises:
        ServiceError: the proxy's address cannot be read.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    secure = parts.scheme == "wss"
    name = "https_proxy" if secure else "http_proxy"
    proxy = variables.get(name) or variables.get(name.upper()) or ""
    proxies = {"no": variables.get("no_proxy") or variables.get("NO_PROXY") or ""}
    if proxy and not is_loopback(endpoint):
        bypassed = urllib.request.proxy_bypass_environment(host, proxies)  # type: ignore[attr-defined]
        if not bypassed:
            return _hop_of_proxy(name, proxy)
    return FirstHop(host, parts.port or (443 if secure else 80))


def _hop_of_proxy(variable: str, proxy: str) -> FirstHop:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host:  # the variable may hold a password, so it is not shown
        raise ServiceError(f"{variable} names no proxy.", f"mend or unset {variable}")
    return FirstHop(host, port, is_proxy=True)


def check_connection_path(endpoint: str, variables: Mapping[str, str]) -> Iterator[Finding]:
    """Check name, connection, certificate and clock; stops at the first failure.

    Raises:
        ServiceError: what failed.
    """
    hop = first_hop(endpoint, variables)
    if hop.is_proxy:
        yield ok("network", f"through the proxy {hop.name}")
    began = time.monotonic()
    _resolve(hop)
    resolved = time.monotonic()
    with _connect(hop) as connection:
        connected = time.monotonic()
        yield ok(
            "network",
            f"{hop.name} answers: name {_ms(resolved - began)}, "
            f"connection {_ms(connected - resolved)}",
        )
        if hop.is_proxy or not endpoint.startswith("wss:"):
            return
        with _encrypt(connection, hop) as encrypted:
            yield _certificate(encrypted, time.monotonic() - connected)
            with suppress(OSError, HTTPException, ValueError, TypeError):  # no date, no finding
                yield clock_finding(_date_of(encrypted, endpoint), datetime.now(UTC))


def _resolve(hop: FirstHop) -> None:
    try:
        socket.getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise ServiceError(
            f"The name {hop.host} cannot be found.",
            "check that this machine is online, and --endpoint for a slip of the pen",
        ) from e


def _connect(hop: FirstHop) -> socket.socket:
    try:
        return socket.create_connection((hop.host, hop.port), STEP_LIMIT_S)
    except ConnectionRefusedError as e:
        what = "the proxy" if hop.is_proxy else "the service"
        raise ServiceError(
            f"Nothing listens at {hop.name}.", f"check --endpoint, or that {what} is running"
        ) from e
    except TimeoutError as e:
        raise ServiceError(
            f"{hop.name} did not answer within {STEP_LIMIT_S:.0f} s.",
            "a firewall may be in the way; a proxy is named with https_proxy",
        ) from e
    except OSError as e:
        raise ServiceError(
            f"{hop.name} cannot be reached: {e.strerror or e}.",
            "check that this machine is online",
        ) from e


def _encrypt(connection: socket.socket, hop: FirstHop) -> ssl.SSLSocket:
    try:
        context = ssl.create_default_context()
        return context.wrap_socket(connection, server_hostname=hop.host)
    except ssl.SSLCertVerificationError as e:
        raise ServiceError(
            f"The TLS certificate of {hop.name} does not verify: {e.verify_message}.",
            "check the clock of this machine; behind a company proxy, point SSL_CERT_FILE at its "
            "certificate",
        ) from e
    except ssl.SSLError as e:
        raise ServiceError(
            f"No TLS connection with {hop.name}: {e.reason or e}.",
            "check that --endpoint begins with the right one of ws:// and wss://",
        ) from e
    except OSError as e:
        raise ServiceError(
            f"{hop.name} broke off the TLS connection: {e.strerror or e}.",
            "a firewall may be in the way",
        ) from e


def _certificate(encrypted: ssl.SSLSocket, took_s: float) -> Finding:
    text = f"{(encrypted.version() or 'TLS').replace('v', ' ')}, certificate verified"
    ends = (encrypted.getpeercert() or {}).get("notAfter")
    if isinstance(ends, str):
        left_s = ssl.cert_time_to_seconds(ends) - time.time()
        text += f", valid for {left_s / 86400:.0f} days"
    return ok("network", f"{text} ({_ms(took_s)})")


def _date_of(encrypted: ssl.SSLSocket, endpoint: str) -> datetime:
    """The time of the service's clock, from an HTTP Date header.

    Raises:
        OSError, HTTPException, ValueError, TypeError: it does not say.
    """
    request = f"HEAD / HTTP/1.1\r\nHost: {host_of(endpoint)}\r\nConnection: close\r\n\r\n"
    encrypted.sendall(request.encode("ascii"))
    answer = HTTPResponse(encrypted, method="HEAD")
    try:
        answer.begin()
        return parsedate_to_datetime(answer.headers["Date"])
    finally:
        answer.close()


def clock_finding(theirs: datetime, ours: datetime) -> Finding:
    """The finding about this machine's clock, compared with the service's; to the second."""
    ahead_s = (ours - theirs).total_seconds()
    if abs(ahead_s) <= _CLOCK_MAY_DIFFER_S:
        return ok("clock", f"within {max(1, round(abs(ahead_s)))} s of the service's")
    side = "ahead of" if ahead_s > 0 else "behind"
    return warning(
        "clock",
        f"{abs(ahead_s):.0f} s {side} the service's",
        "let the system set it by network time: certificates and temporary tokens go by it",
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
