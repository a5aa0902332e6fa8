"""Plain HTTP beside WebSocket: one request from bytes, one answer to bytes. Pure.

The rules are those of RFC 9112 that a client of this service needs: a length, no chunks, one
request a connection.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

MOST_HEAD_BYTES = 64 * 1024
MOST_BODY_BYTES = 16 << 20
_MOST_DROPPED_BYTES = 1 << 20  # behind a head that is none, so that the answer is not taken along
_JSON = "application/json"
_BEGINNING = re.compile(rb"[A-Z]{1,16}(?: |$)")  # of a request
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]{1,18}")


class BadRequest(ValueError):
    """Bytes that are no request that is answered; `str()` says why."""


class HttpHeaders(NamedTuple):
    """The headers of a request: names and values, in the order in which they came."""

    fields: tuple[tuple[str, str], ...] = ()

    def get_all(self, name: str, /) -> list[str]:
        """Every value of a header, whatever the case of its name."""
        return [value for each, value in self.fields if each.lower() == name.lower()]


class HttpRequest(NamedTuple):
    """One request; `path` as it came, with its query."""

    method: str
    path: str
    headers: HttpHeaders
    version: str = "HTTP/1.1"
    body: bytes = b""


class HttpAnswer(NamedTuple):
    """One answer."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(status: int, body: Any) -> HttpAnswer:
    """An answer in JSON."""
    return HttpAnswer(status, msgspec.json.encode(body))


def error_answer(status: int, error: str) -> HttpAnswer:
    """An answer that says what is wrong."""
    return json_answer(status, {"error": error})


class RequestHead(NamedTuple):
    """A request without its body, and how many bytes the two have."""

    request: HttpRequest
    head_bytes: int
    body_bytes: int


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Tells a client that asks for it (RFC 9110, 10.1.1) that it may send the body."""

_HEAD_END = b"\r\n\r\n"


def read_head(data: bytes | bytearray, seen: int = 0) -> RequestHead | None:
    """The head in `data`; None while some of it is missing.

    Args:
        seen: in so many bytes it did not end; they are not searched again.

    Raises:
        BadRequest: it will never be one.
    """
    if data and not _BEGINNING.match(data[:17]):
        raise BadRequest("it is no HTTP request")
    end = data.find(_HEAD_END, max(0, seen - len(_HEAD_END) + 1))
    if (len(data) if end < 0 else end) > MOST_HEAD_BYTES:
        raise BadRequest("its head has no end")
    if end < 0:
        return None
    line, *lines = data[:end].decode("latin-1").split("\r\n")
    try:
        method, path, version = line.encode("latin-1").decode("ascii").split(" ")
    except ValueError as e:
        raise BadRequest("it is no HTTP request") from e
    headers = HttpHeaders(tuple(map(_field, lines)))
    if version not in ("HTTP/1.0", "HTTP/1.1") or headers.get_all("Transfer-Encoding"):
        raise BadRequest("it is not HTTP/1.1 with a Content-Length")
    length, *others = headers.get_all("Content-Length") or ["0"]
    if others or not _LENGTH.fullmatch(length) or int(length) > MOST_BODY_BYTES:
        raise BadRequest(f"its body has no length, or more than {MOST_BODY_BYTES} bytes")
    request = HttpRequest(method, path, headers, version)
    return RequestHead(request, end + len(_HEAD_END), int(length))


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name) or _NO_VALUE.search(value):
        raise BadRequest("one of its headers is none")
    return name, value.strip(" \t")


class RequestReader:
    """Reads one request as its bytes come; of one that is refused no body is kept.

    Args:
        refuse: the answer to a head whose body need not be read; None lets it in.

    Attributes:
        is_over: nothing more of the request is read.
        rest: what came together with its end, and is no part of it.
    """

    def __init__(self, refuse: Callable[[HttpRequest], HttpAnswer | None]) -> None:
        self.is_over = False
        self.rest = b""
        self._refuse = refuse
        self._kept = bytearray()  # the head; then the body of a request that is let in
        self._request: HttpRequest | None = None  # once its head is whole
        self._is_refused = False
        self._missing = 0  # bytes of the body

    @property
    def wants_no_body(self) -> bool:
        """Whether its client takes only the head of an answer."""
        return self._request is not None and self._request.method == "HEAD"

    def take(self, data: bytes) -> HttpRequest | HttpAnswer | bytes | None:
        """Take the next bytes.

        Returns:
            The request, once it is whole; the answer to one that is refused, at once; bytes that
            its client waits for before it sends the body; else None.
        """
        if self.is_over:
            return None
        if self._request is None and not self._is_refused:
            return self._take_head(data)
        return self._take_body(data)

    def _take_head(self, data: bytes) -> HttpRequest | HttpAnswer | bytes | None:
        seen = len(self._kept)
        self._kept += data
        try:
            head = read_head(self._kept, seen)
        except BadRequest as e:
            self._kept.clear()
            self._is_refused, self._missing = True, _MOST_DROPPED_BYTES
            return error_answer(400, f"The request is refused: {e}.")
        if head is None:
            return None
        body = bytes(self._kept[head.head_bytes :])
        self._kept.clear()
        self._request, self._missing = head.request, head.body_bytes
        refused = self._refuse(head.request)
        self._is_refused = refused is not None
        if refused is None and not body and head.body_bytes and _waits(head.request):
            return CONTINUE
        return self._take_body(body) or refused

    def _take_body(self, data: bytes) -> HttpRequest | None:
        if not self._is_refused:
            self._kept += data[: self._missing]
            self.rest = data[self._missing :]
        self._missing -= len(data)
        self.is_over = self._missing <= 0
        if self._request is None or self._is_refused or not self.is_over:
            return None
        return self._request._replace(body=bytes(self._kept))


def _waits(request: HttpRequest) -> bool:
    """Whether its client sends the body only when it is told to."""
    expected = [value.lower() for value in request.headers.get_all("Expect")]
    return request.version == "HTTP/1.1" and expected == ["100-continue"]


def encode_answer(answer: HttpAnswer, without_body: bool = False) -> bytes:
    """The bytes of an answer, after which the connection is closed.

    Args:
        without_body: its head alone, which says how long the body would be.
    """
    own = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
        f"{own}Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if without_body else answer.body)
