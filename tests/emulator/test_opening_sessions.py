"""Sessions that are still opening when the service is stopped or reset, or something fails."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from tests.program import DEADLINE_S
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.service_loop import make_parts
from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.emulator.session_engines import SessionEngine
from transcribe_cli.emulator.websocket_app import App


class Running:
    """A service in this process; what opens its engines can be replaced."""

    def __init__(self, *faults: str, logbook: Logbook | None = None) -> None:
        options = ServiceOptions(engine="counting", faults=faults, quiet=True)
        parts = make_parts(options, logbook or Logbook(None))
        self.app = App(options, *parts, control_key="key")
        self.address = "", 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[App]:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.address = sock.getsockname()
            async with await self.app.serve(sock, None):
                yield self.app

    def connecting(self) -> asyncio.Task[ClientConnection]:
        """A client that asks for a session."""
        host, port = self.address
        url = f"ws://{host}:{port}/v3/ws?speech_model=u3-rt-pro&sample_rate=16000"
        return asyncio.ensure_future(connect(url, proxy=None).__aenter__())

    async def end(self, how: str) -> None:
        """Stop the service, or reset it; until all that belongs to it is over."""
        if how == "reset":
            await self.app.reset()
        else:
            self.app.stop()
            await self.app.wait_closed()

    @property
    def last_end(self) -> dict[str, Any] | None:
        """How the last connection ended, as the control tells it."""
        record = self.app.records.find("last")
        return None if record is None else record.ended


async def close_of(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as e:
        await client.recv()
    close = e.value.rcvd
    assert close is not None
    return close.code, close.reason


async def close_of_a_client(how: str, where: str) -> tuple[int, str]:
    """The close that a client gets whose session is still opening at that end."""
    running = Running(*(("stall@connect",) if where == "before the upgrade" else ()))
    opening, may_open, open_engine = asyncio.Event(), asyncio.Event(), running.app.engines.open

    async def open_late(*args: Any) -> SessionEngine:
        opening.set()
        await may_open.wait()
        return await open_engine(*args)

    async with running.serving() as app:
        app.engines.open = open_late  # type: ignore[assignment, method-assign]
        connecting = running.connecting()
        while not (opening.is_set() or (app.plan.connections and app.plan)):
            await asyncio.sleep(0.001)
        ending = asyncio.create_task(running.end(how))
        await asyncio.sleep(0)  # it has begun
        may_open.set()
        close = await close_of(await connecting)
        await ending
        return close


@pytest.mark.parametrize("where", ["before the upgrade", "waiting for its engine"])
@pytest.mark.parametrize("how", ["stopped", "reset"])
def test_a_session_that_is_opening_at_that_moment_ends_too(how: str, where: str) -> None:
    scene = close_of_a_client(how, where)
    code, reason = asyncio.run(asyncio.wait_for(scene, DEADLINE_S))
    assert (code, reason) == (1001, f"The local service was {how}")


def test_a_fault_of_the_service_is_told_to_client_and_control(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(*args: Any) -> SessionEngine:
        raise ZeroDivisionError("a mistake")

    async def scene() -> None:
        running = Running()
        async with running.serving() as app:
            app.engines.open = fail  # type: ignore[assignment, method-assign]
            assert await close_of(await running.connecting()) == (1011, "")
            ended = {"code": 1011, "by": "service", "error": "a fault of the local service"}
            assert running.last_end == ended

    asyncio.run(asyncio.wait_for(scene(), DEADLINE_S))
    assert "a mistake" in caplog.text


def test_no_engine_is_left_of_a_session_that_cannot_be_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class FullDisk(Logbook):
        def write(self, event: str, **fields: object) -> None:
            raise OSError(errno.ENOSPC, "no room")

    async def scene() -> None:
        running, closed = Running(logbook=FullDisk(None)), asyncio.Event()
        open_engine = running.app.engines.open

        async def close() -> None:
            closed.set()

        async def open_watched(*args: Any) -> SessionEngine:
            engine = await open_engine(*args)
            engine.runner.close = close  # type: ignore[method-assign]
            return engine

        async with running.serving() as app:
            app.engines.open = open_watched  # type: ignore[assignment, method-assign]
            assert await close_of(await running.connecting()) == (1011, "")
            assert closed.is_set()

    asyncio.run(asyncio.wait_for(scene(), DEADLINE_S))
    assert "no room" in caplog.text


def test_a_connection_that_is_cut_before_its_session_has_an_end() -> None:
    async def scene() -> None:
        running = Running("stall@connect")
        async with running.serving() as app:
            app._pending.most = 1
            connecting = running.connecting()
            while not app.plan.connections:
                await asyncio.sleep(0.001)
            _, another = await asyncio.open_connection(*running.address)
            while running.last_end is None:
                await asyncio.sleep(0.001)
            assert running.last_end == {"code": 1006, "by": "service"}
            another.close()
            with pytest.raises((OSError, EOFError, InvalidMessage)):
                await connecting

    asyncio.run(asyncio.wait_for(scene(), DEADLINE_S))
