"""Checks the connection to the service step by step: name, TCP, proxy, TLS, clock."""

import contextlib
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException

from transcribe_cli.doctor.findings import Finding, ok, warning
from transcribe_cli.protocol.endpoint import host_and_port, host_of, is_loopback, place_of
from transcribe_cli.session.connect_socket import connect_first, explain, look_up_first
from transcribe_cli.session.http_request import request
from transcribe_cli.session.proxy import Proxy, find_route
from transcribe_cli.session.tls import Socket, TlsSocket, encrypt

STEP_LIMIT_S = 4.0
_CLOCK_MAY_DIFFER_S = 30.0


def check_connection_path(endpoint: str, variables: Mapping[str, str]) -> Iterator[Finding]:
    """Check name, connection, proxy, certificate and clock, as sessions go; stops at a failure.

    Raises:
        ServiceError: what failed.
    """
    route = find_route(endpoint, variables)
    proxy = route.proxy
    if proxy is not None:
        yield ok("network", f"through the {proxy.scheme} proxy {proxy.place}: {route.why}")
    elif not is_loopback(endpoint):
        yield ok("network", f"without a proxy: {route.why}")
    with contextlib.ExitStack() as opened:
        try:
            yield from _steps(endpoint, proxy, opened)
        except Exception as e:
            raise explain(e, endpoint, proxy, STEP_LIMIT_S) from e


def _steps(endpoint: str, proxy: Proxy | None, opened: contextlib.ExitStack) -> Iterator[Finding]:
    host, port = host_and_port(endpoint)
    began = time.monotonic()
    looked_up = look_up_first(endpoint, proxy, began + STEP_LIMIT_S)
    resolved = time.monotonic()
    raw: Socket = connect_first(looked_up, proxy, resolved + STEP_LIMIT_S)
    opened.callback(raw.close)
    connected = time.monotonic()
    yield ok(
        "network",
        f"{place_of(host, port) if proxy is None else proxy.place} answers: "
        f"name {_ms(resolved - began)}, connection {_ms(connected - resolved)}",
    )
    if proxy is not None:
        from transcribe_cli.session.tunnel import tunnel

        raw = tunnel(raw, proxy, host, port, connected + STEP_LIMIT_S, opened)
        tunnelled = time.monotonic()
        yield ok("network", f"it connects us with {host}: {_ms(tunnelled - connected)}")
        connected = tunnelled
    if not endpoint.startswith("wss:"):
        return
    encrypted = encrypt(raw, host, connected + STEP_LIMIT_S)
    opened.callback(encrypted.close)
    yield _certificate(encrypted, time.monotonic() - connected)
    with suppress(OSError, HTTPException, ValueError, TypeError):  # no date, no finding
        date = _date_of(encrypted, endpoint, time.monotonic() + STEP_LIMIT_S)
        yield clock_finding(date, datetime.now(UTC))


def _certificate(encrypted: TlsSocket, took_s: float) -> Finding:
    text = f"{(encrypted.version() or 'TLS').replace('v', ' ')}, certificate verified"
    ends = (encrypted.getpeercert() or {}).get("notAfter")
    if isinstance(ends, str):
        left_s = ssl.cert_time_to_seconds(ends) - time.time()
        text += f", valid for {left_s / 86400:.0f} days"
    return ok("network", f"{text} ({_ms(took_s)})")


def _date_of(encrypted: TlsSocket, endpoint: str, deadline: float) -> datetime:
    """The time of the service's clock, from an HTTP Date header.

    Raises:
        OSError, HTTPException, ValueError, TypeError: it does not say.
    """
    with request(encrypted, "HEAD", host_of(endpoint), "/", {}, deadline) as answer:
        return parsedate_to_datetime(answer.headers["Date"])


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
