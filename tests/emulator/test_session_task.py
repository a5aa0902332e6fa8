"""One connection's tasks, without a socket."""

import asyncio
import errno
import gc
import json
import time
import warnings
from typing import Any, NamedTuple

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.emulator.actions import Close, Shape
from transcribe_cli.emulator.emulated_session import EmulatedSession, SessionTerms
from transcribe_cli.emulator.engine_runners import InProcessRunner
from transcribe_cli.emulator.engines.counting import CountingEngine
from transcribe_cli.emulator.fault_schedule import FaultPlan
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.session_records import SessionRecord
from transcribe_cli.emulator.session_task import SessionTask
from transcribe_cli.emulator.websocket_connection import FrameTaker


class Client:
    """A client that sends nothing; keeps what it is sent."""

    is_full = False

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.cut = False

    def send(self, text: str) -> None:
        self.sent.append(text)

    def hand_to(self, taker: FrameTaker) -> None:
        """Nothing will come."""

    def go_on(self) -> None: ...

    def abort(self, reset: bool = False) -> None:
        self.cut = True

    def hold(self) -> None: ...

    def shape(self, shape: Shape) -> None: ...

    def release(self) -> None: ...


class Ran(NamedTuple):
    """What a session with a fault leaves."""

    client: Client
    close: Close | None
    task: SessionTask
    record: SessionRecord


class FullDisk(Logbook):
    """A logbook that can write no end."""

    def __init__(self) -> None:
        super().__init__(None)

    def write(self, event: str, **fields: object) -> None:
        if event == "close":
            raise OSError(errno.ENOSPC, "no room")


def make_task(client: Client, logbook: Logbook, *parts: Any) -> SessionTask:
    session = EmulatedSession("id", {"speech_model": "u3-rt-pro"}, SessionTerms(), time.monotonic())
    engine = InProcessRunner(CountingEngine(session.engine_settings))
    return SessionTask(client, session, engine, logbook, *parts)


async def run_with(fault: str, logbook: Logbook | None = None) -> Ran:
    client, record = Client(), SessionRecord(0, "/", [])
    schedule = FaultPlan([fault]).draw_next()
    task = make_task(client, logbook or Logbook(None), schedule, record)
    return Ran(client, await task.run(), task, record)


@pytest.mark.parametrize("fault", ["drop@begin", "reset@begin", "close=3005@begin"])
def test_a_fault_in_place_of_begin_leaves_nothing_undone(fault: str) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")  # "coroutine ... was never awaited" among them
        client, close, _, _ = asyncio.run(run_with(fault))
        gc.collect()
    assert [str(each.message) for each in warned] == []
    assert client.sent == [] and client.cut == (close is None)


def test_an_error_on_purpose_is_told_as_one_of_the_session_itself() -> None:
    ran = asyncio.run(run_with("error=1008 no room@begin"))
    assert ran.record.ended == {"code": 1008, "by": "service", "error": "no room"}
    assert ran.task.why_ended == "closed with 1008: no room"


@pytest.mark.parametrize("fault", ["drop@begin", "close=3005@begin"])
def test_a_session_is_over_though_its_end_cannot_be_logged(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene = asyncio.wait_for(run_with(fault, FullDisk()), DEADLINE_S)
    client, close, task, record = asyncio.run(scene)
    assert client.cut == (close is None)
    assert task.why_ended and record.ended is not None
    assert "no room" in caplog.text


def test_a_fault_while_the_engine_has_room_again_ends_the_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Faulty(Client):
        def go_on(self) -> None:
            raise ValueError("a fault of the service")

    async def scene() -> Close | None:
        task = make_task(Faulty(), Logbook(None))
        running = asyncio.create_task(task.run())
        await asyncio.sleep(0)
        task.engine_has_room()
        return await running

    close = asyncio.run(asyncio.wait_for(scene(), DEADLINE_S))
    assert close is not None and close.code == 3005
    assert "a fault of the service" in caplog.text


def test_a_message_that_is_held_back_is_sent_when_the_service_stops() -> None:
    async def scene() -> tuple[list[str], Close | None]:
        client = Client()
        task = make_task(client, Logbook(None), FaultPlan(["swap@begin"]).draw_next())
        running = asyncio.create_task(task.run())
        await asyncio.sleep(0)
        assert client.sent == []
        task.stop("enough")
        return client.sent, await running

    sent, close = asyncio.run(asyncio.wait_for(scene(), DEADLINE_S))
    assert [json.loads(text)["type"] for text in sent] == ["Begin"]
    assert close == Close(1001, "enough")


def test_a_client_may_leave_a_session_that_was_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> SessionTask:
        record = SessionRecord(0, "/", [])
        task = make_task(Client(), Logbook(None), None, record)
        running = asyncio.create_task(task.run())
        await asyncio.sleep(0)
        running.cancel()
        task.client_left(1000, "")
        with pytest.raises(asyncio.CancelledError):
            await running
        assert record.ended == {"code": 1000, "by": "client"}
        return task

    task = asyncio.run(asyncio.wait_for(scene(), DEADLINE_S))
    assert task.why_ended == "the client left (1000)"
    assert caplog.text == ""
