"""One HTTP request over a connection that is there, within a deadline."""

import io
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any, cast

from transcribe_cli.session.reach import seconds_left
from transcribe_cli.session.tls import Socket


def request(
    raw: Socket, method: str, host: str, target: str, headers: Mapping[str, str], deadline: float
) -> HTTPResponse:
    """The answer, whose body is read within the deadline too.

    Raises:
        OSError, HTTPException: there is none; TimeoutError after the deadline.
    """
    fields = {"Host": host, "Connection": "close"} | dict(headers)
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    raw.settimeout(seconds_left(deadline))
    raw.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
    answer = HTTPResponse(cast(Any, _Timed(raw, deadline)), method=method)
    answer.begin()
    return answer


class _Timed(io.RawIOBase):
    """What HTTPResponse reads from; each call keeps to the deadline."""

    def __init__(self, raw: Socket, deadline: float) -> None:
        self._raw = raw
        self._deadline = deadline

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._raw.settimeout(seconds_left(self._deadline))
        data = self._raw.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)
