"""Who may talk to a server on this machine: what a request's Host and Origin say; pure.

A browser lets any web page open a WebSocket, or ask for an address, on the machine it runs on, and
says in `Origin` whose page it is (RFC 6455, section 10.2; RFC 6454). A page can also have a name of
its own point at this machine (DNS rebinding): its requests are of the same origin then, and only
`Host` tells. No page can do that with an IP address, which no name server is asked for. Programs
that are no browser send no Origin.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

_HOST_AND_PORT = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~-]+)(?::[0-9]{0,5})?"
_HOST = re.compile(_HOST_AND_PORT)
_ORIGIN = re.compile(rf"https?://{_HOST_AND_PORT}", re.IGNORECASE)

WRONG_HOST = (
    "This machine is asked by a name that may be anybody's; ask localhost, or its IP address."
)
OTHER_ORIGIN = "This is not for web pages of other origins."
OTHER_SITE = "This is not for other web sites."


class Headers(Protocol):
    """A request's headers, as `http.server` and `websockets` both have them."""

    def get_all(self, name: str, /) -> Sequence[str] | None:
        """Every value of a header, whatever the case of its name."""


def is_loopback_host(host: str) -> bool:
    """Whether a host, an IPv6 address without its brackets, is this machine for certain."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, which may well begin with "127."
        return host == "localhost"


def why_refused(headers: Headers, *, any_host: bool = False, linked: bool = False) -> str | None:
    """Why a request is not to be answered, as one sentence; None: it is welcome.

    A page of this machine is welcome at any port, and so is one of the host that it asks.

    Args:
        any_host: by whatever name it asks, for a server that is there for other machines too.
        linked: other sites may link to what is asked for, so a browser may come from there.
    """
    hosts = headers.get_all("Host") or []
    asked = _host_in(_HOST, hosts)
    if asked is None or not (any_host or asked == "localhost" or _is_address(asked)):
        return WRONG_HOST
    origins = headers.get_all("Origin") or []
    if origins:
        origin = _host_in(_ORIGIN, origins)
        if origin is None or not (origin == asked or is_loopback_host(origin)):
            return OTHER_ORIGIN
    elif not linked and any(
        site not in ("same-origin", "none") for site in headers.get_all("Sec-Fetch-Site") or []
    ):
        # Images, scripts and frames are asked for without an Origin (W3C Fetch Metadata).
        return OTHER_SITE
    return None


def _host_in(form: re.Pattern[str], values: Sequence[str]) -> str | None:
    """The host that a header names, in small letters; None unless it comes once, in that form."""
    found = form.fullmatch(values[0]) if len(values) == 1 else None
    return None if found is None else found["host"].lower().strip("[]")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
