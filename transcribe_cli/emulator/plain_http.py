"""Plain HTTP beside WebSocket: one request from bytes, one answer to bytes. Pure.

The WebSocket library reads GET and no body; the control has other methods too. The rules are those
of RFC 9112 that a client on this machine needs: a length, no chunks, one request a connection.
"""

import io
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from transcribe_cli.protocol.web_origin import Headers

MOST_HEAD_BYTES = 64 * 1024
MOST_BODY_BYTES = 16 << 20
METHODS = (b"POST ", b"PUT ", b"DELETE ", b"HEAD ", b"OPTIONS ", b"PATCH ")
_JSON = "application/json"


class BadRequest(ValueError):
    """Bytes that are no request that is answered; `str()` says why."""


class HttpRequest(NamedTuple):
    """One request; `path` as it came, with its query."""

    method: str
    path: str
    headers: Headers
    body: bytes = b""


class HttpAnswer(NamedTuple):
    """One answer."""

    status: int
    body: bytes
    content_type: str = _JSON


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


def read_head(data: bytes) -> RequestHead | None:
    """The head in `data`; None while some of it is missing.

    Raises:
        BadRequest: it will never be one.
    """
    from http.client import HTTPException, parse_headers

    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) > MOST_HEAD_BYTES:
            raise BadRequest("its head has no end")
        return None
    line, _, fields = head.partition(b"\r\n")
    try:
        method, path, version = line.decode("ascii").split(" ")
        headers = parse_headers(io.BytesIO(fields + b"\r\n\r\n"))
        length = int(headers.get("Content-Length", "0"))
    except (ValueError, HTTPException) as e:
        raise BadRequest("it is no HTTP request") from e
    if version not in ("HTTP/1.0", "HTTP/1.1") or "Transfer-Encoding" in headers:
        raise BadRequest("it is not HTTP/1.1 with a Content-Length")
    if not 0 <= length <= MOST_BODY_BYTES:
        raise BadRequest(f"its body has more than {MOST_BODY_BYTES} bytes, or fewer than none")
    return RequestHead(HttpRequest(method, path, headers), len(head) + len(end), length)


class RequestReader:
    """Reads one request as its bytes come; of one that is refused no body is kept.

    Args:
        refuse: the answer to a head whose body need not be read; None lets it in.

    Attributes:
        is_over: nothing more of the request is to come.
    """

    def __init__(self, refuse: Callable[[HttpRequest], HttpAnswer | None]) -> None:
        self.is_over = False
        self._refuse = refuse
        self._kept = bytearray()  # the head; then the body of a request that is let in
        self._request: HttpRequest | None = None  # once its head is whole
        self._is_refused = False
        self._missing = 0  # bytes of the body

    def take(self, data: bytes) -> HttpRequest | HttpAnswer | None:
        """Take the next bytes.

        Returns:
            The request, once it is whole; the answer to one that is refused, at once; else None.
        """
        if self.is_over:
            return None
        if self._request is not None:
            return self._take_body(data)
        self._kept += data
        try:
            head = read_head(bytes(self._kept))
        except BadRequest as e:
            self.is_over = True
            return error_answer(400, f"The request is refused: {e}.")
        if head is None:
            return None
        body = bytes(self._kept[head.head_bytes :])
        self._kept.clear()
        self._request, self._missing = head.request, head.body_bytes
        refused = self._refuse(head.request)
        self._is_refused = refused is not None
        return self._take_body(body) or refused

    def _take_body(self, data: bytes) -> HttpRequest | None:
        if not self._is_refused:
            self._kept += data[: self._missing]
        self._missing -= len(data)
        self.is_over = self._missing <= 0
        if self._request is None or self._is_refused or not self.is_over:
            return None
        return self._request._replace(body=bytes(self._kept))


def encode_answer(answer: HttpAnswer) -> bytes:
    """The bytes of an answer, after which the connection is closed."""
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + answer.body
