"""Decides by Host and Origin which requests a server on this machine answers. Pure.

A browser lets any web page open a WebSocket or request a URL on the local machine, and names the
page's origin in `Origin` (RFC 6455, section 10.2; RFC 6454). A page can also let its own host name
point to this machine (DNS rebinding). Its requests then have the same origin, and only `Host` gives
it away; with an IP address as host this is not possible. Programs other than browsers send no
Origin.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from transcribe_cli.protocol.endpoint import is_address, is_loopback_host

_HOST_AND_PORT = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~-]+)(?::[0-9]{0,5})?"
_HOST = re.compile(_HOST_AND_PORT)
_ORIGIN = re.compile(rf"https?://{_HOST_AND_PORT}", re.IGNORECASE)

WRONG_HOST = (
    "This machine is asked by a name that may be anybody's; ask localhost, or its IP address."
)
OTHER_ORIGIN = "This is not for web pages of other origins."
OTHER_SITE = "This is not for other web sites."


class Headers(Protocol):
    """A request's headers, as in `http.server` and in the local service."""

    def get_all(self, name: str, /) -> Sequence[str] | None:
        """Every value of a header, whatever the case of its name."""


def why_refused(headers: Headers, *, any_host: bool = False, linked: bool = False) -> str | None:
    """Why a request is refused, as one sentence; None if it is allowed.

    Pages of this machine are allowed, whatever their port, and pages of the requested host.

    Args:
        any_host: allow any Host, for a server that also serves other machines.
        linked: other sites may link to the requested URL, so navigation from them is allowed.
    """
    hosts = headers.get_all("Host") or []
    asked = _host_in(_HOST, hosts)
    if asked is None or not (any_host or asked == "localhost" or is_address(asked)):
        return WRONG_HOST
    origins = headers.get_all("Origin") or []
    if origins:
        origin = _host_in(_ORIGIN, origins)
        if origin is None or not (origin == asked or is_loopback_host(origin)):
            return OTHER_ORIGIN
    elif not linked and any(
        site not in ("same-origin", "none") for site in headers.get_all("Sec-Fetch-Site") or []
    ):
        # Browsers request images, scripts and frames without an Origin (W3C Fetch Metadata).
        return OTHER_SITE
    return None


def _host_in(form: re.Pattern[str], values: Sequence[str]) -> str | None:
    """The host in a header, in lower case; None unless the header occurs once and is valid."""
    found = form.fullmatch(values[0]) if len(values) == 1 else None
    return None if found is None else found["host"].lower().strip("[]")
