"""Plain HTTP from bytes, however they are cut."""

import contextlib
import itertools
import json
import socket
import tracemalloc
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.emulator.plain_http import (
    CONTINUE,
    BadRequest,
    HttpAnswer,
    HttpRequest,
    RequestReader,
    encode_answer,
    error_answer,
    read_head,
)

REQUEST = b"POST /control/clock HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n[17]"


REFUSED = error_answer(401, "no")


def read(
    *pieces: bytes, refused: HttpAnswer | None = None
) -> list[HttpRequest | HttpAnswer | bytes]:
    """What a reader says of a request that comes in these pieces."""
    reader = RequestReader(lambda request: refused)
    return [said for piece in pieces if (said := reader.take(piece)) is not None]


@given(st.lists(st.integers(0, len(REQUEST)), max_size=4))
def test_a_request_is_read_whatever_pieces_it_comes_in(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(REQUEST)]
    pieces = [REQUEST[a:b] for a, b in itertools.pairwise(places)]
    (request,) = read(*pieces, b"more")
    assert isinstance(request, HttpRequest)
    assert (request.method, request.path, request.body) == ("POST", "/control/clock", b"[17]")
    assert request.headers.get_all("host") == ["x"]


@given(st.integers(0, len(REQUEST) - 1))
def test_a_request_is_none_before_it_is_whole(cut: int) -> None:
    assert read(REQUEST[:cut]) == []


def test_a_head_is_refused_before_its_body_has_come_and_none_of_that_is_kept() -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 16000000\r\n\r\n"
    reader = RequestReader(lambda request: REFUSED)
    assert reader.take(head + b"x" * 1000) == REFUSED
    tracemalloc.start()
    try:
        for _ in range(15):
            assert reader.take(bytes(1_000_000)) is None and not reader.is_over
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
    reader.take(bytes(999_000))
    assert reader.is_over


def test_a_head_that_comes_byte_by_byte_is_not_copied_for_each() -> None:
    reader = RequestReader(lambda request: None)
    reader.take(b"GET / HTTP/1.1\r\nX: " + b"x" * 60_000)
    reader.take(b"x")  # there is room for many more now
    tracemalloc.start()
    try:
        for _ in range(100):
            assert reader.take(b"x") is None
        assert tracemalloc.get_traced_memory()[1] < 30_000
    finally:
        tracemalloc.stop()
    assert isinstance(reader.take(b"\r\n\r\n"), HttpRequest)


def test_a_client_that_asks_before_it_sends_the_body_is_told_to() -> None:
    head = b"PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"
    go_on, request = read(head, b"x")
    assert go_on == CONTINUE and isinstance(request, HttpRequest) and request.body == b"x"
    assert len(read(head + b"x")) == 1  # it has not waited
    assert read(head, refused=REFUSED) == [REFUSED]


def test_what_follows_a_head_that_is_none_is_dropped_up_to_a_megabyte() -> None:
    reader = RequestReader(lambda request: None)
    assert isinstance(reader.take(b"\0"), HttpAnswer)
    reader.take(bytes(1 << 19))
    assert not reader.is_over
    reader.take(bytes(1 << 19))
    assert reader.is_over


@pytest.mark.parametrize(
    "head",
    [
        "POST\r\n\r\n",
        "POST / HTTP/2\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /\u00e9 HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(head: str) -> None:
    with pytest.raises(BadRequest):
        read_head(head.encode())


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_request_or_refused_or_waited_for(data: bytes) -> None:
    with contextlib.suppress(BadRequest):
        read_head(data + b"\r\n\r\n")


def test_an_answer_has_its_length_and_is_the_last() -> None:
    head, _, body = encode_answer(error_answer(404, "no")).partition(b"\r\n\r\n")
    assert json.loads(body) == {"error": "no"}
    assert head.split(b"\r\n")[0] == b"HTTP/1.1 404 Not Found"
    assert b"Content-Length: %d" % len(body) in head and b"Connection: close" in head
    assert encode_answer(error_answer(404, "no"), without_body=True) == head + b"\r\n\r\n"


class Answer(NamedTuple):
    status: int
    body: str


def ask(url: str, *pieces: str) -> Answer:
    """Send a request in pieces, each in a segment of its own, and read to the end."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port or 0), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece.encode())
        read = b""
        while data := connection.recv(65536):
            read += data
    head, _, body = read.decode().partition("\r\n\r\n")
    return Answer(int(head.split()[1]), body)


def test_requests_of_every_kind_are_answered_by_a_service() -> None:
    with LocalService("--engine", "counting", "--ready-json") as service:
        ready = service.ready
        assert ready is not None and ready.control_key is not None
        host = urlsplit(ready.url).netloc
        key = f"Host: {host}\r\nAuthorization: Bearer {ready.control_key}\r\n"
        post = f"POST /control/clock HTTP/1.1\r\n{key}Content-Length: 17\r\n\r\n"
        assert ask(ready.url, *post, '{"advance_s": 1.5').status == 400
        body = '{"advance_s":1.5}'
        assert ask(ready.url, post[:1], post[1:9], post[9:], body[:5], body[5:]).status == 200
        assert ask(ready.url, f"DELETE /control/faults HTTP/1.1\r\n{key}\r\n").status == 200
        assert ask(ready.url, f"POST /v3/token HTTP/1.1\r\n{key}\r\n").status == 405
        assert ask(ready.url, f"GET /health HTTP/1.1\r\n{key}\r\n") == (200, '{"status":"ok"}')
        assert ask(ready.url, f"HEAD /health HTTP/1.1\r\n{key}\r\n") == (200, "")
        assert ask(ready.url, f"HEAD /v3/ws HTTP/1.1\r\n{key}\r\n") == (426, "")
        assert ask(ready.url, f"POST /control/faults HTTP/1.1\r\nHost: {host}\r\n\r\n")[0] == 401
        big = f"POST /control/faults HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9000000\r\n\r\n"
        assert ask(ready.url, big, "x" * 9_000_000).status == 401
        assert ask(ready.url, "PUT x\r\n\r\n").status == 400
        for endless in ("Content-Length: 99999999", "Transfer-Encoding: chunked"):
            put = f"PUT /control/llm HTTP/1.1\r\n{key}{endless}\r\n\r\n"
            assert ask(ready.url, put, "x" * 900_000).status == 400
        foreign = f"{key}Origin: https://evil.example\r\n"
        assert ask(ready.url, f"POST /control/shutdown HTTP/1.1\r\n{foreign}\r\n").status == 403
        rebound = foreign.replace(host, "evil.example")
        assert ask(ready.url, f"GET /control HTTP/1.1\r\n{rebound}\r\n").status == 403
