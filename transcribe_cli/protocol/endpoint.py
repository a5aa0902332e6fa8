"""Endpoints of the service: regions, user-defined endpoints, and the URL of a session. Pure.

Source: pages "Streaming endpoints and data zones" and "Streaming quickstart".
"""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.parameters import encode_query
from transcribe_cli.redaction import redact

REGIONS = {
    "default": "wss://streaming.assemblyai.com/v3/ws",
    "us": "wss://streaming.us.assemblyai.com/v3/ws",
    "eu": "wss://streaming.eu.assemblyai.com/v3/ws",
}
PATH = "/v3/ws"


def resolve_endpoint(region: str, endpoint: str | None) -> str:
    """The WebSocket URL without parameters of a session.

    Raises:
        UsageError: `endpoint` is not a WebSocket URL.
    """
    return REGIONS[region] if endpoint is None else normalise_endpoint(endpoint)


def normalise_endpoint(text: str) -> str:
    """Complete an endpoint with the path of sessions, `/v3/ws`.

    >>> normalise_endpoint("ws://localhost:8080")
    'ws://localhost:8080/v3/ws'

    Raises:
        UsageError: the text is not a `ws://` or `wss://` URL.
    """
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading the port checks it
    except ValueError as e:
        raise UsageError(f"'{text}' is no URL: {e}.", "give --endpoint wss://HOST/v3/ws") from e
    _, bracket, behind = parts.netloc.partition("]")
    odd = bool(bracket) and behind[:1] not in ("", ":")  # Python ignores other text there
    if parts.scheme not in ("ws", "wss") or not parts.hostname or odd:
        raise UsageError(
            f"'{text}' is no WebSocket endpoint.", "it begins with ws:// or wss://, then a host"
        )
    path = parts.path.rstrip("/")
    if not path.endswith(PATH):
        path += PATH
    return urlunsplit((parts.scheme, _in_ascii(parts), path, parts.query, ""))


def _in_ascii(parts: SplitResult) -> str:
    """Host and port with an international name in the form for DNS, TLS and HTTP (RFC 3490).

    Raises:
        UsageError: the name has no such form.
    """
    if parts.netloc.isascii():
        return parts.netloc
    user, at, _ = parts.netloc.rpartition("@")
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError as e:
        raise UsageError(f"'{parts.hostname}' is no host's name: {e}.", "check --endpoint") from e
    host = f"[{host}]" if ":" in host else host
    user = quote(user.encode("utf-8", "surrogateescape"), safe=":%!$&'()*+,;=")
    return user + at + (host if parts.port is None else f"{host}:{parts.port}")


def session_url(endpoint: str, parameters: Mapping[str, object]) -> str:
    """The URL that opens a session with these parameters."""
    parts = urlsplit(endpoint)
    query = "&".join(part for part in (parts.query, encode_query(parameters)) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def with_parameters(url: str, changes: Mapping[str, object]) -> str:
    """A session's URL in which these parameters replace those of the same names.

    >>> with_parameters("ws://h/v3/ws?mode=balanced&prompt=a+b", {"mode": "manual"})
    'ws://h/v3/ws?prompt=a+b&mode=manual'
    """
    parts = urlsplit(url)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    kept = urlencode([(name, value) for name, value in asked if name not in changes])
    return session_url(urlunsplit(parts._replace(query=kept)), changes)


def is_address(host: str) -> bool:
    """Whether a host (an IPv6 address without brackets) is an IP address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback_host(host: str) -> bool:
    """Whether a host (an IPv6 address without brackets) is surely this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, which may begin with "127." too
        return host == "localhost"


def is_loopback(endpoint: str) -> bool:
    """Whether the endpoint is on this machine: it needs no key and never goes through a proxy."""
    host = urlsplit(endpoint).hostname or ""
    return is_loopback_host(host.removesuffix("."))  # a final dot marks a complete name


def host_of(endpoint: str) -> str:
    """The endpoint's host and port, for people."""
    return urlsplit(endpoint).netloc.rpartition("@")[2]


def host_and_port(endpoint: str) -> tuple[str, int]:
    """The endpoint's host and port; an IPv6 address has no brackets."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)


def place_of(host: str, port: int) -> str:
    """Host and port as in a URL, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def without_credentials(endpoint: str) -> str:
    """The endpoint without possible secrets: user, password, key, query."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:  # it cannot be parsed, so any part of it may be secret
        return redact(f"{endpoint.partition('://')[0]}://")
    return redact(urlunsplit((parts.scheme, host_of(endpoint), parts.path, "", "")))
