"""A stream that is read once: a read can be given up, and its first bytes can be looked at."""

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
    """Reads of a stream that can be given up, and a look at its first bytes.

    Attributes:
        name, kind: of the source that it is.
    """

    name: str
    kind: str

    @property
    def named(self) -> str:
        """What to call it where a sentence begins."""
        return f"'{self.name}'"

    def __init__(self) -> None:
        self._ahead = b""
        self._stopped = threading.Event()

    def peek(self, count: int, wait_s: float = math.inf) -> bytes:
        """The first bytes, which will be read again: those that come soon after the very first."""
        self._ahead = self._ahead or self._read_some(count)
        give_up = time.monotonic() + wait_s
        while 0 < len(self._ahead) < count and self._comes_before(give_up):
            part = self._read_some(count - len(self._ahead))
            if not part:
                break
            self._ahead += part
        return self._ahead

    def unread(self, data: bytes) -> None:
        """Let it be read again."""
        self._ahead = data + self._ahead

    def read(self, count: int, /) -> bytes:
        """At most `count` bytes; empty at the end, and when stopped."""
        if self._ahead:
            part, self._ahead = self._ahead[:count], self._ahead[count:]
            return part
        return self._read_some(count)

    def skip(self, count: int) -> None:
        """Read so many bytes for nothing, or all there are."""
        while count and (part := self.read(min(count, READ_BYTES))):
            count -= len(part)

    def stop(self) -> None:
        """Nothing is read any more, within a fraction of a second."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def close(self) -> None:
        """Nothing to give back: the stream is the caller's."""
        self.stop()

    def _read_some(self, count: int) -> bytes:
        """At most so many, as soon as there are any; empty at the end, and when stopped."""
        raise NotImplementedError

    def _comes_before(self, deadline: float) -> bool:
        """Whether more can be read until then."""
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
        # On Windows select knows sockets only: there a read waits until something comes.
        if sys.platform == "win32":
            return True
        left_s = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
        return bool(select.select([self._stream.fileno()], [], [], left_s)[0])
