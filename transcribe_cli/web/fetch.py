"""GET requests for an address that a user named, and for what it leads to, through any proxy.

The requests take the way of sessions. Redirects, playlists, feeds and pages come from strangers:
they are followed to HTTP(S) only, and never from a public address to one of a private network. A
redirect never leads from TLS to none; what a playlist, feed or page names may be without TLS, as
the sound of many podcasts is. Credentials go only to the origin they were named for, and never into
a name.
"""

import base64
import contextlib
import threading
import time
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from transcribe_cli.errors import AudioError, ConnectionFailed
from transcribe_cli.protocol.endpoint import host_and_port, host_of, is_address, without_credentials
from transcribe_cli.session.connect_socket import (
    connect,
    explain,
    find_proxy,
    look_up,
    reach,
    reason_of,
)
from transcribe_cli.session.http_request import Timed, request

if TYPE_CHECKING:
    from transcribe_cli.session.proxy import Proxy
    from transcribe_cli.session.tls import Socket

TIMEOUT_S = 15.0  # for each request, until its answer begins
IDLE_S = 30.0  # how long a server may send nothing
_MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_SCHEMES = {"http": "ws", "https": "wss"}  # as the code of sessions names them
_MAY_PASS = (408, 425, 429)  # like 500 and above: another try may succeed
_AS_IT_IS = "/%:@!$&'()*+,;=~?[]"  # characters of a path and query that are not quoted


class Refused(AudioError):
    """A server answered with another status than was asked for.

    Attributes:
        may_pass: another try may succeed.
    """

    def __init__(self, message: str, hint: str, status: int) -> None:
        super().__init__(message, hint)
        self.status = status
        self.may_pass = status in _MAY_PASS or status >= 500


class Unreachable(AudioError):
    """No server answered; another try may succeed."""


class CutOff(Exception):
    """A body ended too early; `str()` says why."""


class FetchedAnswer:
    """An answer, whose body is read while it arrives.

    Attributes:
        url: the address that was answered, after redirects.
    """

    def __init__(
        self, url: str, response: HTTPResponse, timed: "_Timed", opened: contextlib.ExitStack
    ) -> None:
        self.url = url
        self._response = response
        self._timed = timed
        self._opened = opened

    @property
    def status(self) -> int:
        """200, or 206 for a part."""
        return self._response.status

    @property
    def headers(self) -> Message:
        """The headers; names in any case."""
        return self._response.headers

    @property
    def left_bytes(self) -> int | None:
        """How much of the body is still to come; None if it is not known."""
        return self._response.length

    def read(self, count: int) -> bytes:
        """Returns at most `count` bytes once there are any; empty at the end, and when stopped.

        Raises:
            CutOff: the body ended too early, or nothing came for `IDLE_S`.
        """
        self._timed.wait_for_each(IDLE_S)  # counts from now: the reader may have been busy for long
        try:
            data = self._response.read1(count)
        except TimeoutError as e:
            raise CutOff(f"nothing came for {IDLE_S:.0f} s") from e
        except (OSError, ValueError, HTTPException) as e:
            if self._timed.is_stopped():
                return b""
            raise CutOff(_why_cut(e)) from e
        if not data and self._response.length and not self._timed.is_stopped():
            raise CutOff("the connection ended too early")
        return data

    def read_all(self, most_bytes: int) -> bytes:
        """The body, at most `most_bytes` of it.

        Raises:
            CutOff: as in `read`.
        """
        data = b""
        while len(data) < most_bytes and (part := self.read(most_bytes - len(data))):
            data += part
        return data

    def stop(self) -> None:
        """End a `read` within a fraction of a second; any thread may call it."""
        self._timed.stopped.set()

    def close(self) -> None:
        """Close the connection; another call does nothing."""
        self._opened.close()  # before the response, so that a reader on another thread ends
        self._response.close()


def _why_cut(e: Exception) -> str:
    return reason_of(e) if isinstance(e, OSError) else "the connection ended too early"


class Fetcher:
    """Fetches an address, and what it leads to.

    Args:
        is_public: refuse private networks, also for the address itself.

    Raises:
        AudioError: the address is not valid.

    Attributes:
        name: the address without what may be secret.
        is_public: private networks are refused; so it is once a public host was reached.
        headers: sent with every request.
        stopped: once it is set, reads end within a fraction of a second.
    """

    def __init__(self, address: str, *, is_public: bool = False) -> None:
        _checked(address)
        self.name = without_credentials(address)
        self.stopped = threading.Event()
        self._origin = _origin_of(address)
        self._credentials = _credentials_of(address)
        self.is_public = is_public
        self.headers = {
            "User-Agent": "aai-stream",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Icy-MetaData": "1",
        }

    def get(self, address: str, headers: Mapping[str, str] | None = None) -> FetchedAnswer:
        """The answer to a request, after redirects: 200, or 206 for a requested range.

        Raises:
            Refused, Unreachable: there is no such answer.
            AudioError: it leads to an address that is not fetched.
        """
        name = without_credentials(address)
        for _ in range(_MOST_REDIRECTS):
            with contextlib.ExitStack() as opened:
                response, timed = self._ask(address, headers or {}, opened)
                if response.status in (200, 206):
                    return FetchedAnswer(address, response, timed, opened.pop_all())
                response.close()
                if response.status not in _REDIRECTS:
                    raise _refused(name, response.status)
                address = _redirected(name, address, response.headers.get("Location") or "")
        raise AudioError(
            f"'{name}' leads from one address to another without end.",
            "open it in a browser: it may want a login",
        )

    def _ask(
        self, address: str, more: Mapping[str, str], opened: contextlib.ExitStack
    ) -> "tuple[HTTPResponse, _Timed]":
        url, target = _checked(address)
        headers = self.headers | dict(more)
        if self._credentials and _origin_of(address) == self._origin:
            headers["Authorization"] = self._credentials
        deadline = time.monotonic() + TIMEOUT_S
        proxy = None
        try:
            proxy = find_proxy(url)
            raw = self._connected(url, proxy, deadline, opened)
            timed = _Timed(raw, deadline, self.stopped)
            host = urlsplit(url).netloc.rpartition("@")[2]
            return request(raw, "GET", host, target, headers, deadline, timed), timed
        except (OSError, HTTPException, ConnectionFailed) as e:
            if isinstance(e, HTTPException):
                said = str(e).strip() or "nothing"
                said = f"what answers there is no web server, or says too much ({said:.60})"
                raise Unreachable(
                    f"'{without_credentials(address)}' cannot be read: {said}.",
                    "check host and port",
                ) from e
            failed = explain(e, url, proxy, TIMEOUT_S, "the address")
            raise Unreachable(failed.message, failed.hint) from e

    def _connected(
        self, url: str, proxy: "Proxy | None", deadline: float, opened: contextlib.ExitStack
    ) -> "Socket":
        """A connection; after a public host only to public ones, as far as that is known."""
        host, port = host_and_port(url)
        if proxy is not None:  # the proxy itself looks the name up
            self._note_place(host, not is_address(host) or _is_public(host))
            return reach(url, proxy, deadline, opened)
        addresses = look_up(host, port, deadline)
        self._note_place(host, all(_is_public(address[3][0]) for address in addresses))
        raw: Socket = connect(addresses, deadline)
        opened.callback(raw.close)
        if urlsplit(url).scheme == "wss":
            from transcribe_cli.session.tls import encrypt

            raw = encrypt(raw, host, deadline)
            opened.callback(raw.close)
        return raw

    def _note_place(self, host: str, is_public: bool) -> None:
        if self.is_public and not is_public:
            raise AudioError(
                f"'{self.name}' leads to '{host}', of a private network.",
                "name that one yourself, if you mean it",
            )
        self.is_public = self.is_public or is_public


class _Timed(Timed):
    """Reads an answer; turns the "ICY 200 OK" of the first radio servers into HTTP."""

    def __init__(self, raw: "Socket", deadline: float, all_stopped: threading.Event) -> None:
        self.stopped = threading.Event()
        super().__init__(raw, deadline, lambda: self.stopped.is_set() or all_stopped.is_set())
        self._begun = False

    def readinto(self, buffer: Any) -> int:
        if self._begun or len(buffer) < 64:
            return super().readinto(buffer)
        self._begun = True
        count = super().readinto(memoryview(buffer)[:-5])
        if bytes(buffer[:4]) != b"ICY ":
            return count
        buffer[9 : count + 5] = bytes(buffer[4:count])
        buffer[:9] = b"HTTP/1.0 "
        return count + 5


def _checked(address: str) -> tuple[str, str]:
    """An address in the form that sessions use, and the request's target.

    Raises:
        AudioError: the address is not valid.
    """
    try:
        parts = urlsplit(address)
        scheme = _SCHEMES.get(parts.scheme.lower())
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as e:  # includes UnicodeError
        raise AudioError(
            f"'{without_credentials(address)}' is no address: its host or port is wrong.",
            "write %40 for @, %3A for : and %2F for / in user and password",
        ) from e
    if scheme is None or not host:
        raise AudioError(
            f"'{without_credentials(address)}' is no address that is read here.",
            "it begins with https:// or http://",
        )
    host = f"[{host}]" if ":" in host else host
    place = host if port is None else f"{host}:{port}"
    target = quote(parts._replace(scheme="", netloc="", fragment="").geturl(), safe=_AS_IT_IS)
    return f"{scheme}://{place}/", target if target.startswith("/") else f"/{target}"


def _redirected(name: str, address: str, location: str) -> str:
    """The address that a redirect leads to.

    Raises:
        AudioError: the redirect is not followed.
    """
    try:
        target = urljoin(address, location.encode("latin-1").decode("utf-8", "replace"))
        scheme = urlsplit(target).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("https", urlsplit(address).scheme.lower()):
        raise AudioError(
            f"'{name}' leads to another kind of address, which is not followed.",
            "name that one yourself, if you mean it",
        )
    return target


def _refused(name: str, status: int) -> Refused:
    hints = {
        401: "put user and password into it: https://USER:PASSWORD@HOST/...",
        403: "it may want user and password, or may have been for a while only",
        404: "check how it is spelt",
        410: "it has been taken away",
        429: "it has been asked too often: wait a while",
    }
    hint = hints.get(status, "try later" if status >= 500 else "open it in a browser")
    return Refused(f"The server does not give '{name}' (HTTP {status}).", hint, status)


def _is_public(address: str) -> bool:
    place = ip_address(address.partition("%")[0])
    return (getattr(place, "ipv4_mapped", None) or place).is_global


def _origin_of(address: str) -> tuple[str, str]:
    return urlsplit(address).scheme.lower(), host_of(address).lower()


def _credentials_of(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.username is None and parts.password is None:
        return None
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
