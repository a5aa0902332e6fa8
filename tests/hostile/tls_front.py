"""A TLS front before a plain service, such as a balancer or an inspecting proxy.

TLS keeps no borders of what passes through it: a front may put the answer to an upgrade and the
messages behind it into one record, or each byte into one of its own.
"""

import asyncio
import atexit
import contextlib
import functools
import random
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.certificates import Certificate, make_certificate

Records = Callable[[bytes], Sequence[bytes]]
"""How plain bytes are cut into records; each part is one."""

_SOON_S = 20.0
_MOST_BYTES = 1 << 14  # of a record


def whole(data: bytes) -> Sequence[bytes]:
    """As few records as there can be."""
    return cut_every(_MOST_BYTES)(data)


def cut_every(size: int) -> Records:
    """Records of so many bytes."""
    return lambda data: [data[at : at + size] for at in range(0, len(data), size)]


def cut_at_random(seed: int) -> Records:
    """Anything between one byte and all there is."""
    chance = random.Random(seed)

    def cut(data: bytes) -> Sequence[bytes]:
        parts = []
        while data:
            size = chance.choice((1, 2, 5, 40, 300, _MOST_BYTES))
            parts.append(data[:size])
            data = data[size:]
        return parts

    return cut


FRONTS: dict[str, Records] = {
    "joined": whole,
    "bytes": cut_every(1),
    "odd": cut_every(7),
    "random": cut_at_random(1),
}
"""Ways to cut, by name."""


class TlsFront:
    """Ends TLS, and speaks plainly with the service behind it.

    Args:
        target: the service's address.
        records: how what the service says is cut.
        gathers_s: what the service says within so long goes into the same records.
    """

    def __init__(
        self, target: str, certificate: Certificate, records: Records, gathers_s: float
    ) -> None:
        url = urlsplit(target)
        assert url.hostname is not None and url.port is not None
        self._target = (url.hostname, url.port)
        self._records = records
        self._gathers_s = gathers_s
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert, certificate.key)
        self._loop = asyncio.SelectorEventLoop()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """What a client is told."""
        return f"wss://localhost:{self.port}"

    def run(self, ready: threading.Event) -> None:
        """Serve until `stop`; on a thread of its own."""
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def stop(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            source, requests = await asyncio.open_connection(*self._target)
            up = self._loop.create_task(self._up(client, requests))
            try:
                await self._down(source, answers)
            finally:
                up.cancel()
                requests.close()
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has gone, or the test is over
        finally:
            answers.close()
            self._tasks.discard(task)

    async def _up(self, client: asyncio.StreamReader, requests: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await client.read(_MOST_BYTES):
                requests.write(data)
                await requests.drain()
            requests.write_eof()

    async def _down(self, source: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._gathers_s):
                    while more := await source.read(1 << 16):
                        data += more
            for record in self._records(data):
                if answers.is_closing():
                    return
                answers.write(record)
            await answers.drain()


@functools.cache
def _certificate() -> Certificate:
    """One for all fronts of a process: making a key takes long."""
    folder = tempfile.TemporaryDirectory(prefix="tls-front-")
    atexit.register(folder.cleanup)
    return make_certificate(Path(folder.name))


@contextmanager
def tls_front(
    target: str, records: Records, *, gathers_s: float = 0.0
) -> Iterator[tuple[TlsFront, dict[str, str]]]:
    """A front before a service, and the variables with which its certificate is trusted."""
    certificate = _certificate()
    front = TlsFront(target, certificate, records, gathers_s)
    ready = threading.Event()
    thread = threading.Thread(target=front.run, args=(ready,), name="tls-front")
    thread.start()
    assert ready.wait(_SOON_S)
    try:
        yield front, {"SSL_CERT_FILE": str(certificate.cert)}
    finally:
        front.stop()
        thread.join(_SOON_S)
        assert not thread.is_alive()
