"""One connection's tasks, without a socket."""

import asyncio
import gc
import warnings

import pytest

from transcribe_cli.emulator.actions import Close, Shape
from transcribe_cli.emulator.emulated_session import EmulatedSession, SessionTerms
from transcribe_cli.emulator.engine_runners import InProcessRunner
from transcribe_cli.emulator.engines.counting import CountingEngine
from transcribe_cli.emulator.fault_schedule import FaultPlan
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.session_task import ClientGone, SessionTask


class Client:
    """A client that sends nothing; keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.cut = False

    async def receive(self) -> str | bytes:
        await asyncio.Event().wait()
        raise ClientGone(1006)

    async def send(self, text: str) -> None:
        self.sent.append(text)

    def abort(self, reset: bool = False) -> None:
        self.cut = True

    def hold(self) -> None: ...

    def shape(self, shape: Shape) -> None: ...

    def release(self) -> None: ...


async def run_with(fault: str) -> tuple[Client, Close | None]:
    session = EmulatedSession("id", {"speech_model": "u3-rt-pro"}, SessionTerms(), 0.0)
    engine = InProcessRunner(CountingEngine(session.engine_settings))
    client = Client()
    schedule = FaultPlan([fault]).draw_next()
    return client, await SessionTask(client, session, engine, Logbook(None), schedule).run()


@pytest.mark.parametrize("fault", ["drop@begin", "reset@begin", "close=3005@begin"])
def test_a_fault_in_place_of_begin_leaves_nothing_undone(fault: str) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")  # "coroutine ... was never awaited" among them
        client, close = asyncio.run(run_with(fault))
        gc.collect()
    assert [str(each.message) for each in warned] == []
    assert client.sent == [] and client.cut == (close is None)
