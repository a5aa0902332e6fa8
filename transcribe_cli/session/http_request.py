"""One HTTP request over an existing connection, within a deadline."""

import io
import time
from collections.abc import Callable, Mapping
from http.client import HTTPResponse
from typing import Any, cast

from transcribe_cli.session.connect_socket import seconds_left
from transcribe_cli.session.tls import Socket

_POLL_S = 0.2


def request(
    raw: Socket,
    method: str,
    host: str,
    target: str,
    headers: Mapping[str, str],
    deadline: float,
    timed: "Timed | None" = None,
) -> HTTPResponse:
    """Returns the answer, whose body is read within the deadline too.

    Args:
        timed: reads the answer; give one if the body has another time limit.

    Raises:
        OSError, HTTPException: there is no answer; TimeoutError after the deadline.
    """
    fields = {"Host": host, "Connection": "close"} | dict(headers)
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    raw.settimeout(seconds_left(deadline))
    raw.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
    answer = HTTPResponse(cast(Any, timed or Timed(raw, deadline)), method=method)
    try:
        answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


class Timed(io.RawIOBase):
    """The file that HTTPResponse reads; each call keeps to the deadline.

    Args:
        is_stopped: the body ends soon after this returns True.
    """

    def __init__(
        self, raw: Socket, deadline: float, is_stopped: Callable[[], bool] | None = None
    ) -> None:
        self._raw = raw
        self._deadline = deadline
        self._can_be_stopped = is_stopped is not None
        self.is_stopped = is_stopped or (lambda: False)
        self._idle_s: float | None = None

    def wait_for_each(self, idle_s: float) -> None:
        """From now on each read may take `idle_s`, and the whole body any time."""
        self._idle_s = idle_s
        self._deadline = time.monotonic() + idle_s

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.is_stopped():
            left_s = seconds_left(self._deadline)
            self._raw.settimeout(min(left_s, _POLL_S) if self._can_be_stopped else left_s)
            try:
                data = self._raw.recv(len(buffer))
            except TimeoutError:
                continue  # until the deadline
            if self._idle_s is not None:
                self._deadline = time.monotonic() + self._idle_s
            buffer[: len(data)] = data
            return len(data)
        return 0
