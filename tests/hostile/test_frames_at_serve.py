"""100,000 frames and headers of all kinds: the local service neither dies nor grows."""

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.counting import speak
from tests.emulator.protocol_client import talk
from transcribe_cli.testing.service import AssemblyAIService

FRAMES = 100_000
_SESSIONS_AT_ONCE = 100
_FRAMES_A_SESSION = 50
_GROWTH_MB = 40
_NAMES = ("speech_model", "sample_rate", "encoding", "keyterms_prompt", "token", "mode", "x", "")
_TEXTS = ('{"type":"KeepAlive"}', '{"type":"ForceEndpoint"}', '{"type":"Turn"}', "[]", "null", "")


def frames(chance: random.Random) -> Iterator[str | bytes]:
    """What one hostile client sends: much that is let pass, and in the end what is not."""
    for _ in range(_FRAMES_A_SESSION):
        match chance.randrange(6):
            case 0:
                yield chance.choice(_TEXTS[:2])
            case 1:
                update = {"type": "UpdateConfiguration", chance.choice(_NAMES): chance.random()}
                yield json.dumps(update)
            case _:
                yield bytes(1600) if chance.random() < 0.95 else chance.randbytes(3200)
    yield chance.choice((*_TEXTS[2:], "{" * 2000, "\ud7ff" * 50, '{"type":"Terminate"}'))


def query(chance: random.Random) -> str:
    model = chance.choice(("u3-rt-pro", "whisper-rt", "universal-streaming-english", "none"))
    odd = f"&{chance.choice(_NAMES)}={chance.randrange(10**6)}" if chance.random() < 0.2 else ""
    return f"speech_model={model}&sample_rate={chance.choice((8000, 16000, 48000))}{odd}"


async def hostile_client(url: str, chance: random.Random) -> int:
    """One client; how many frames it sent."""
    sent = 0
    headers = {f"X-{n}": "\u00e9" * chance.randrange(200) for n in range(chance.randrange(20))}
    with suppress(WebSocketException, OSError, TimeoutError):
        address = f"{url}?{query(chance)}"
        async with connect(
            address, proxy=None, additional_headers=headers, close_timeout=2, ping_interval=None
        ) as connection:
            for frame in frames(chance):
                sent += 1
                await connection.send(frame)
            if chance.random() < 0.5:
                connection.transport.abort()
                return sent
            async with asyncio.timeout(2):
                async for _ in connection:
                    pass
    return max(sent, 1)


async def all_clients(url: str, count: int) -> int:
    """Hostile clients, many at once, until they have sent so many frames."""
    chance = random.Random(count)
    sent = 0
    while sent < count:
        seeds = [random.Random(chance.random()) for _ in range(_SESSIONS_AT_ONCE)]
        sent += sum(await asyncio.gather(*(hostile_client(url, seed) for seed in seeds)))
    return sent


@pytest.mark.long
def test_a_hundred_thousand_frames_leave_the_service_as_it_was() -> None:
    with AssemblyAIService("--max-sessions", "2000") as service:
        process = psutil.Process(service._service.pid)
        asyncio.run(all_clients(service.url, FRAMES // 10))
        service.reset()
        before = process.memory_info().rss
        asyncio.run(all_clients(service.url, FRAMES))
        listed = service.control.ask("GET", "/sessions")["sessions"]
        assert len(listed) == 1000  # the newest; each says how it ended
        assert all(session["ended"] is not None for session in listed[:-_SESSIONS_AT_ONCE])
        service.reset()
        grown_mb = (process.memory_info().rss - before) / (1 << 20)
        assert grown_mb < _GROWTH_MB
        assert talk(service.url, speak(5)).spoken == ["w1 w2 w3 w4 w5"]
