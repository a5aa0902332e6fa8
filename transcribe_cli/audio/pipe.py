"""A stream that is read once; reads can be ended by `stop`, and the first bytes peeked at."""

import math
import os
import select
import sys
import threading
import time
from typing import IO

READ_BYTES = 1 << 16
_POLL_S = 0.2


class Pipe:
    """Reads a stream; reads can be ended by `stop`, and the first bytes can be peeked at.

    Attributes:
        name, kind: those of the source that reads it.
    """

    name: str
    kind: str

    @property
    def named(self) -> str:
        """The name at the beginning of a sentence."""
        return f"'{self.name}'"

    def __init__(self) -> None:
        self._ahead = b""
        self._stopped = threading.Event()

    def peek(self, count: int, wait_s: float = math.inf) -> bytes:
        """The first bytes, without taking them: the very first, and those that come soon after."""
        self._ahead = self._ahead or self._read_some(count)
        give_up = time.monotonic() + wait_s
        while 0 < len(self._ahead) < count and self._comes_before(give_up):
            part = self._read_some(count - len(self._ahead))
            if not part:
                break
            self._ahead += part
        return self._ahead

    def unread(self, data: bytes) -> None:
        """Put bytes back, to be read again."""
        self._ahead = data + self._ahead

    def read(self, count: int, /) -> bytes:
        """Returns at most `count` bytes; empty at the end, and when stopped."""
        if self._ahead:
            part, self._ahead = self._ahead[:count], self._ahead[count:]
            return part
        return self._read_some(count)

    def skip(self, count: int) -> None:
        """Read `count` bytes and drop them, or as many as there are."""
        while count and (part := self.read(min(count, READ_BYTES))):
            count -= len(part)

    def stop(self) -> None:
        """Make reads end within a fraction of a second."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def close(self) -> None:
        """Stop; the stream itself belongs to the caller, and stays open."""
        self.stop()

    def _read_some(self, count: int) -> bytes:
        """Returns at most `count` bytes once there are any; empty at the end, and when stopped."""
        raise NotImplementedError

    def _comes_before(self, deadline: float) -> bool:
        """Whether more can be read before the deadline."""
        raise NotImplementedError


class StdinPipe(Pipe):
    """Standard input."""

    name = "standard input"
    kind = "stdin"
    named = "Standard input"

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream

    def _read_some(self, count: int) -> bytes:
        while not self.is_stopped:
            if self._comes_before(time.monotonic() + _POLL_S):
                return os.read(self._stream.fileno(), count)
        return b""

    def _comes_before(self, deadline: float) -> bool:
        # On Windows select works on sockets only, so there a read waits until something comes.
        if sys.platform == "win32":
            return True
        left_s = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
        return bool(select.select([self._stream.fileno()], [], [], left_s)[0])
