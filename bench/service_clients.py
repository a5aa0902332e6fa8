"""Many real-time sessions in one process; prints how long the answers took, in ms, as JSON.

Before, when all are open and the first chunk is due, it prints an empty line.

They share the machine with the server that is measured, so they do as little as they can: frames
are made before the first session opens, and what comes is timed and not read.
"""

import asyncio
import json
import random
import sys
import time
from urllib.parse import urlsplit

CHUNK_S = 0.05
_CHUNK_FRAMES = 800
_QUERY = "speech_model=u3-rt-pro&sample_rate=16000"
_UPGRADE = (
    "GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_HEAD = b"\x82\xfe" + (2 * _CHUNK_FRAMES).to_bytes(2, "big") + bytes(4)
"""Of a binary frame of one chunk, masked by zeros, which leave it as it is."""


def spoken(words: int) -> list[bytes]:
    """Counting audio in chunks of 50 ms: each chunk brings something new to say."""
    audio = b"".join(n.to_bytes(2, "little") * 960 + bytes(2 * 640) for n in range(1, words + 1))
    return [audio[at : at + 2 * _CHUNK_FRAMES] for at in range(0, len(audio), 2 * _CHUNK_FRAMES)]


class _Session(asyncio.Protocol):
    """One session: sends a frame every 50 ms, and times the first answer to each."""

    def __init__(
        self, upgrade: bytes, frames: list[bytes], started: float, waits: list[float]
    ) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._upgrade = upgrade
        self._frames = frames
        self._begin = started + random.random() * CHUNK_S  # nosec B311
        self._waits = waits
        self._sent_at: float | None = None  # of a chunk without an answer
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._upgrade)
        asyncio.get_running_loop().call_at(self._begin, self._send, 0)

    def data_received(self, data: bytes) -> None:
        if self._sent_at is not None:
            self._waits.append(time.monotonic() - self._sent_at)
            self._sent_at = None

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("the server closed a session"))

    def _send(self, number: int) -> None:
        assert self._transport is not None
        if number == len(self._frames):
            self.ended.set_result(None)
            return
        self._sent_at = time.monotonic()
        self._transport.write(self._frames[number])
        due = self._begin + (number + 1) * CHUNK_S
        asyncio.get_running_loop().call_at(due, self._send, number + 1)


async def _main(url: str, sessions: int, seconds: float) -> None:
    frames = [_HEAD + chunk for chunk in spoken(int(seconds * 10))]
    at = urlsplit(url)
    upgrade = _UPGRADE.format(path=at.path, query=_QUERY, host=at.netloc).encode()
    waits: list[float] = []
    started = time.monotonic() + 2 + sessions / 100  # until all are connected
    loop = asyncio.get_running_loop()
    ended = []
    for _ in range(sessions):
        _, session = await loop.create_connection(
            lambda: _Session(upgrade, frames, started, waits), at.hostname or "", at.port or 0
        )
        ended.append(session.ended)
    await asyncio.sleep(started - time.monotonic())
    opening_s = time.process_time()
    sys.stdout.write("\n")
    sys.stdout.flush()
    await asyncio.gather(*ended)
    own = time.process_time() - opening_s
    sys.stdout.write(json.dumps({"waits_ms": [1000 * wait for wait in waits], "cpu_s": own}))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
