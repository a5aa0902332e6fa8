"""A bad network of the tests' own: a TCP proxy that cuts, delays, throttles and swallows.

Plain TCP, so TLS passes through as it is. What is forbidden holds for every connection, old and
new, until `heal`; a test changes it while the program talks.
"""

import asyncio
import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable, Coroutine
from enum import StrEnum
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_PIECE_BYTES = 2048
_PIECES = 16  # on their way at most, so that a sender feels a throttle soon
_BUFFER_BYTES = 16384
_SOON_S = 20.0
# A linger time of 0 s makes a close an RST.
_RESET = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


class Way(StrEnum):
    """One direction."""

    UP = "up"  # from the program to the service
    DOWN = "down"


BOTH = (Way.UP, Way.DOWN)


class _Pair:
    """One connection: the program's socket and the service's."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = {Way.UP: (client, server), Way.DOWN: (server, client)}
        self.tasks: list[asyncio.Task[None]] = []

    async def stop(self) -> None:
        """Carry nothing any more. Before a socket is closed the loop must have let go of it."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def close(self, *, reset: bool) -> None:
        await self.stop()
        for end in self.ends[Way.UP]:
            with contextlib.suppress(OSError):  # it may be closed
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.close()


class Proxy:
    """Forwards to one address for as long as the `with` block lasts.

    >>> with counting_service() as service, Proxy(service.url) as proxy:  # doctest: +SKIP
    ...     process = home.start("file", "talk.wav", "--endpoint", proxy.url)
    ...     service.wait_for_words(12)
    ...     proxy.cut()

    Attributes:
        accepted: connections so far.
        passed: bytes that were passed on so far, by way.
    """

    def __init__(self, target: str) -> None:
        url = urlsplit(target)
        assert url.hostname is not None and url.port is not None
        self._scheme = url.scheme
        self._target = (url.hostname, url.port)
        self.accepted = 0
        self.passed = dict.fromkeys(Way, 0)
        self._changed = threading.Condition()
        self._delay_s = 0.0
        self._bytes_per_s: float | None = None
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.SelectorEventLoop()
        self._flowing = {way: asyncio.Event() for way in Way}
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._listener: socket.socket | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """What the program is told."""
        return f"{self._scheme}://localhost:{self._port}"

    # What a test does to the network.

    def cut(self, *, reset: bool = False) -> None:
        """Close every open connection at both ends, by FIN or by RST."""
        self._call(self._cut(reset))

    def vanish(self) -> None:
        """The service's end is gone and the program is not told: half open, and silent."""
        self._call(self._vanish())

    def swallow(self, *ways: Way) -> None:
        """Pass nothing on any more, both ways or one; what comes waits, as in a dead network."""
        self._call(self._set_flowing(ways or BOTH, flowing=False))

    def delay(self, seconds: float) -> None:
        """Pass everything on so much later, each way."""
        self._call(self._set_pace(seconds, self._bytes_per_s))

    def throttle(self, bytes_per_s: float) -> None:
        """Pass on no more than so much a second, each way."""
        self._call(self._set_pace(self._delay_s, bytes_per_s))

    def go_down(self) -> None:
        """Cut what is open and refuse what comes, until `heal`."""
        self._call(self._stop_listening())
        self.cut(reset=True)

    def heal(self) -> None:
        """Be a good network again; what was swallowed and is still there goes on."""
        self._call(self._set_pace(0.0, None))
        self._call(self._set_flowing(BOTH, flowing=True))
        self._call(self._listen())

    # What a test waits for.

    def wait_for_connections(self, count: int) -> None:
        """Wait until so many connections have come, over all."""
        self._wait(lambda: self.accepted >= count, f"{count} connections")

    def wait_for_bytes(self, way: Way, count: int) -> None:
        """Wait until so many more bytes were passed on."""
        goal = self.passed[way] + count
        self._wait(lambda: self.passed[way] >= goal, f"{count} bytes {way}")

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(done, _SOON_S), f"{what} did not come"

    # Its own life.

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self.heal()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.go_down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SOON_S)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the proxy's thread, and wait until it is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SOON_S)

    async def _set_flowing(self, ways: tuple[Way, ...], *, flowing: bool) -> None:
        for way in ways:
            event = self._flowing[way]
            event.set() if flowing else event.clear()

    async def _set_pace(self, delay_s: float, bytes_per_s: float | None) -> None:
        self._delay_s, self._bytes_per_s = delay_s, bytes_per_s

    async def _cut(self, reset: bool) -> None:
        pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            await pair.close(reset=reset)

    async def _vanish(self) -> None:
        for pair in self._pairs:
            await pair.stop()
            pair.ends[Way.DOWN][0].close()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._port))
            self._listener.setblocking(False)
            self._port = self._listener.getsockname()[1]
            self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        """Not `sock_accept`: cancelled at the wrong moment, it would lose an open connection."""
        with contextlib.suppress(OSError):  # it was given up again
            pair = _Pair(listener.accept()[0], socket.socket())
            self._pairs.add(pair)
            pair.tasks.append(self._loop.create_task(self._connect(pair)))

    async def _connect(self, pair: _Pair) -> None:
        client, server = pair.ends[Way.UP]
        for end, option in ((client, socket.SO_RCVBUF), (server, socket.SO_SNDBUF)):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._loop.sock_connect(server, self._target)
        except OSError:
            self._pairs.discard(pair)
            client.close()
            server.close()
            return
        pair.tasks += [self._loop.create_task(self._carry(pair, way)) for way in Way]
        self._count(accepted=1)

    async def _carry(self, pair: _Pair, way: Way) -> None:
        """Everything that goes one way of one connection."""
        source, sink = pair.ends[way]
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES)
        writing = self._loop.create_task(self._write(sink, way, pieces))
        pair.tasks.append(writing)
        data = b"-"
        while data:
            await self._flowing[way].wait()
            try:
                data = await self._loop.sock_recv(source, _PIECE_BYTES)
            except OSError:
                data = b""  # a reset comes out as an end
            await pieces.put((self._loop.time() + self._delay_s, data))

    async def _write(
        self, sink: socket.socket, way: Way, pieces: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flowing[way].wait()
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if self._bytes_per_s is not None:
                    await asyncio.sleep(len(data) / self._bytes_per_s)
                await self._loop.sock_sendall(sink, data)
                self._count(way, len(data))

    def _count(self, way: Way | None = None, count: int = 0, *, accepted: int = 0) -> None:
        with self._changed:
            self.accepted += accepted
            if way is not None:
                self.passed[way] += count
            self._changed.notify_all()
