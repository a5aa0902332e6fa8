"""Plain HTTP beside WebSocket: one request from bytes, one answer to bytes. Pure.

The WebSocket library reads GET and no body; the control has other methods too. The rules are those
of RFC 9112 that a client on this machine needs: a length, no chunks, one request a connection.
"""

import io
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from typing import Any, NamedTuple

import msgspec

from transcribe_cli.protocol.web_origin import Headers

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


def read_request(data: bytes) -> HttpRequest | None:
    """The request in `data`; None while some of it is missing.

    Raises:
        BadRequest: it will never be one.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
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
    if len(rest) < length:
        return None
    return HttpRequest(method, path, headers, rest[:length])


def encode_answer(answer: HttpAnswer) -> bytes:
    """The bytes of an answer, after which the connection is closed."""
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + answer.body
