"""The way to an endpoint: direct, or through a proxy that an environment variable names. Pure.

The variables are read as curl reads them (man page of curl, "Environment"; libcurl-env): lower case
first, no `HTTP_PROXY` in capitals, `ALL_PROXY` for schemes without a variable of their own, port
1080 if none is given (443 for `https://`), user and password percent-encoded. Beyond curl, an entry
of `NO_PROXY` may have a port.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.protocol.endpoint import host_and_port, is_loopback, place_of

_VARIABLES = {
    "wss": ("wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "ws": ("ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"),
}
_PORTS = {"https": 443} | dict.fromkeys("http socks4 socks4a socks5 socks5h".split(), 1080)
_SOCKS4 = "socks"  # curl's short name for it
_FORM = "http://USER:PASSWORD@HOST:PORT, with %40 for @"


class Proxy(NamedTuple):
    """A proxy's address.

    Attributes:
        scheme: `http`, `https` (the connection to the proxy uses TLS), `socks4`, `socks4a`,
            `socks5` or `socks5h`.
        credentials: user and password; they are never shown.
        variable: the environment variable that names the proxy.
    """

    scheme: str
    host: str
    port: int
    credentials: tuple[bytes, bytes] | None
    variable: str

    @property
    def place(self) -> str:
        """Host and port, for people."""
        return place_of(self.host, self.port)

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.place})"


class Route(NamedTuple):
    """The way to an endpoint; `why` is the reason as half a sentence for people."""

    proxy: Proxy | None
    why: str


def find_route(url: str, variables: Mapping[str, str]) -> Route:
    """The way to an endpoint, according to these environment variables.

    Raises:
        ConnectionFailed: the variable that names a proxy holds no valid address.
    """
    if is_loopback(url):
        return Route(None, "the endpoint is on this machine")
    named = _first(variables, *_VARIABLES[urlsplit(url).scheme])
    if named is None:
        unread = url.startswith("ws:") and variables.get("HTTP_PROXY")
        return Route(None, "no variable names one" + (" (http_proxy is small)" if unread else ""))
    exempt = _first(variables, "no_proxy", "NO_PROXY")
    entry = None if exempt is None else _entry_for(*host_and_port(url), exempt[1])
    if exempt is not None and entry is not None:
        return Route(None, f"{exempt[0]} lists {entry}")
    return Route(_read(*named), f"{named[0]} names it")


def _first(variables: Mapping[str, str], *names: str) -> tuple[str, str] | None:
    """Name and value of the first variable that is set and not empty."""
    found = ((name, variables.get(name, "").strip()) for name in names)
    return next((each for each in found if each[1]), None)


def _read(variable: str, value: str) -> Proxy:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        scheme = "socks4" if parts.scheme == _SOCKS4 else parts.scheme
        port = parts.port or _PORTS.get(scheme, 0)
        # A slash in a password ends the host too early, and what follows is parsed as a path.
        behind = value.partition(parts.netloc)[2]
        spoilt = not parts.hostname or "@" in behind or any(c.isspace() for c in value)
    except ValueError:
        spoilt, scheme = True, ""
    if spoilt:  # the value may hold a password, so it is not shown
        raise ConnectionFailed(
            f"{variable} holds no address of a proxy.", f"write {variable}={_FORM}", retry=False
        )
    if scheme not in _PORTS:
        raise ConnectionFailed(
            f"{variable} names a proxy of an unknown kind, {scheme}://.",
            f"it may be one of {', '.join(_PORTS)}",
            retry=False,
        )
    credentials = None
    if parts.username or parts.password:
        credentials = (_decoded(parts.username or ""), _decoded(parts.password or ""))
    return Proxy(scheme, parts.hostname or "", port, credentials, variable)


def _decoded(text: str) -> bytes:
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape"))  # the variable's own bytes


# NO_PROXY.


def _entry_for(host: str, port: int, exempt: str) -> str | None:
    """The entry that exempts a host from proxies; commas or blanks separate the entries."""
    entries = exempt.replace(",", " ").split()
    return next((entry for entry in entries if _exempts(entry, host, port)), None)


def _exempts(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, _, its_port = entry.rpartition(":")
    if its_port.isdecimal() and (":" not in name or name.endswith("]")):
        if int(its_port) != port:
            return False
        entry = name
    entry = entry.strip("[]").lower()
    try:
        address = ip_address(host)
    except ValueError:
        entry, host = entry.strip("."), host.removesuffix(".").lower()
        return bool(entry) and (host == entry or host.endswith(f".{entry}"))
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False
