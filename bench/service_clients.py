"""Many real-time sessions in one process; prints how long the answers took, in ms, as JSON."""

import asyncio
import json
import random
import sys
import time

from websockets.asyncio.client import ClientConnection, connect

CHUNK_S = 0.05
_CHUNK_FRAMES = 800
_QUERY = "speech_model=u3-rt-pro&sample_rate=16000"


def spoken(words: int) -> list[bytes]:
    """Counting audio in chunks of 50 ms: each chunk brings something new to say."""
    audio = b"".join(n.to_bytes(2, "little") * 960 + bytes(2 * 640) for n in range(1, words + 1))
    return [audio[at : at + 2 * _CHUNK_FRAMES] for at in range(0, len(audio), 2 * _CHUNK_FRAMES)]


async def _session(url: str, chunks: list[bytes], started: float, waits: list[float]) -> None:
    async with connect(f"{url}?{_QUERY}", proxy=None, compression=None) as connection:
        sent: list[float] = []
        reader = asyncio.create_task(_read(connection, sent, waits))
        begin = started + random.random() * CHUNK_S  # nosec B311
        for number, chunk in enumerate(chunks):
            await asyncio.sleep(max(0.0, begin + number * CHUNK_S - time.monotonic()))
            sent.append(time.monotonic())
            await connection.send(chunk)
        await asyncio.sleep(CHUNK_S)
        reader.cancel()


async def _read(connection: ClientConnection, sent: list[float], waits: list[float]) -> None:
    answered = 0
    async for _ in connection:
        if len(sent) > answered:  # the first message after a chunk
            waits.append(time.monotonic() - sent[-1])
            answered = len(sent)


async def _main(url: str, sessions: int, seconds: float) -> None:
    chunks = spoken(int(seconds * 10))
    waits: list[float] = []
    started = time.monotonic() + 2 + sessions / 100  # until all are connected
    await asyncio.gather(*(_session(url, chunks, started, waits) for _ in range(sessions)))
    own = time.process_time()
    print(json.dumps({"waits_ms": [1000 * wait for wait in waits], "cpu_s": own}))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
