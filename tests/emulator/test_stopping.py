"""A service that is stopped or reset while a session opens."""

import asyncio
import socket
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.program import DEADLINE_S
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.serve_options import ServiceOptions
from transcribe_cli.emulator.service_loop import make_parts
from transcribe_cli.emulator.session_engines import SessionEngine
from transcribe_cli.emulator.websocket_app import App


async def end(app: App, how: str) -> None:
    """Stop a service, or reset it; until all that belongs to it is over."""
    if how == "reset":
        await app.reset()
    else:
        app.stop()
        await app.wait_closed()


async def close_of_a_client(how: str, where: str) -> tuple[int, str]:
    """The close that a client gets whose session is still opening at that end."""
    faults = ("stall@connect",) if where == "before the upgrade" else ()
    options = ServiceOptions(engine="counting", faults=faults, quiet=True)
    app = App(options, *make_parts(options, Logbook(None)))
    opening, may_open, open_engine = asyncio.Event(), asyncio.Event(), app.engines.open

    async def open_late(*args: Any) -> SessionEngine:
        opening.set()
        await may_open.wait()
        return await open_engine(*args)

    app.engines.open = open_late  # type: ignore[assignment, method-assign]
    with socket.create_server(("127.0.0.1", 0)) as sock:
        host, port = sock.getsockname()
        async with await app.serve(sock, None):
            url = f"ws://{host}:{port}/v3/ws?speech_model=u3-rt-pro&sample_rate=16000"
            connecting = asyncio.ensure_future(connect(url, proxy=None).__aenter__())
            while not (opening.is_set() or (app.plan.connections and faults)):
                await asyncio.sleep(0.001)
            ending = asyncio.create_task(end(app, how))
            await asyncio.sleep(0)  # it has begun
            may_open.set()
            client = await connecting
            with pytest.raises(ConnectionClosed) as e:
                await client.recv()
            await ending
    close = e.value.rcvd
    assert close is not None
    return close.code, close.reason


@pytest.mark.parametrize("where", ["before the upgrade", "waiting for its engine"])
@pytest.mark.parametrize("how", ["stopped", "reset"])
def test_a_session_that_is_opening_at_that_moment_ends_too(how: str, where: str) -> None:
    scene = close_of_a_client(how, where)
    code, reason = asyncio.run(asyncio.wait_for(scene, DEADLINE_S))
    assert (code, reason) == (1001, f"The local service was {how}")
