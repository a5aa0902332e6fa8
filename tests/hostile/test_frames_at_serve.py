"""100,000 frames and headers of all kinds: the local service neither dies nor grows."""

import asyncio
import gc
import json
import random
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.counting import speak
from tests.emulator.protocol_client import talk
from transcribe_cli.emulator.fault_schedule import FaultPlan
from transcribe_cli.emulator.key_checks import KeyChecks
from transcribe_cli.emulator.listening import url_of
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.script_choice import ScriptShelf
from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.emulator.session_records import MOST_RECORDS
from transcribe_cli.emulator.websocket_app import App
from transcribe_cli.testing.service import AssemblyAIService

FRAMES = 100_000
_SESSIONS_AT_ONCE = 100
_FRAMES_A_SESSION = 50
_GROWTH_MB = 40  # 3 where nothing is kept, 80 where each frame is
_FEW_FRAMES = 1000
_KEPT_KB = 50  # 10 where nothing is kept, 100 where 100 bytes of each frame are
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


async def all_clients(url: str, count: int, at_once: int = _SESSIONS_AT_ONCE) -> int:
    """Hostile clients, many at once, until they have sent so many frames."""
    chance = random.Random(count)
    sent = 0
    while sent < count:
        seeds = [random.Random(chance.random()) for _ in range(at_once)]
        sent += sum(await asyncio.gather(*(hostile_client(url, seed) for seed in seeds)))
    return sent


@pytest.mark.long
def test_a_hundred_thousand_frames_leave_the_service_as_it_was() -> None:
    with AssemblyAIService("--max-sessions", "2000") as service:
        process = psutil.Process(service._service.pid)
        # Compared is what it takes while as many sessions are remembered as ever are: what these
        # leave behind when they are forgotten is free, but not all of it the system's again.
        asyncio.run(all_clients(service.url, MOST_RECORDS * _FRAMES_A_SESSION))
        before = process.memory_info().rss
        asyncio.run(all_clients(service.url, FRAMES))
        grown_mb = (process.memory_info().rss - before) / (1 << 20)
        assert grown_mb < _GROWTH_MB
        listed = service.control.ask("GET", "/sessions")["sessions"]
        assert len(listed) == MOST_RECORDS  # the newest; each says how it ended
        assert all(session["ended"] is not None for session in listed[:-_SESSIONS_AT_ONCE])
        service.reset()
        assert talk(service.url, speak(5)).spoken == ["w1 w2 w3 w4 w5"]


async def memory_after_rounds(app: App, rounds: int) -> list[int]:
    """Bytes in use after each round of hostile clients and its reset."""
    sock = socket.create_server(("127.0.0.1", 0))
    server = await app.serve(sock, None)
    tasks = len(asyncio.all_tasks())
    sizes = []
    for _ in range(rounds):
        await all_clients(url_of(sock, "ws"), _FEW_FRAMES, at_once=20)
        await app.reset()
        while len(asyncio.all_tasks()) > tasks:  # connections whose client has just gone
            await asyncio.sleep(0.01)
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    server.close()
    await server.wait_closed()
    return sizes


@pytest.mark.long
def test_after_a_reset_nothing_is_kept_of_the_frames_before_it() -> None:
    options = ServiceOptions(
        port=0, engine="counting", max_sessions=2000, ready_json=True, keep_audio=True, quiet=True
    )
    app = App(
        options, ScriptShelf(()), FaultPlan(), Logbook(None), KeyChecks(), control_key="of a test"
    )
    tracemalloc.start()
    try:
        _, second, third = asyncio.run(memory_after_rounds(app, 3))
    finally:
        tracemalloc.stop()
    assert third - second < _KEPT_KB << 10
