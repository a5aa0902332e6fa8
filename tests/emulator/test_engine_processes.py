"""Engines in processes: shared by sessions, killed, at fault."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from tests.emulator.engine_answers import EngineAnswers
from transcribe_cli.emulator.actions import (
    Configure,
    Finish,
    Finished,
    FromEngine,
    Hear,
    Send,
)
from transcribe_cli.emulator.engine_processes import EngineProcesses, ProcessRunner
from transcribe_cli.emulator.engine_runners import EngineFailed
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.registry import GROUP, ChosenEngine, SpeechEngineInfo
from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.emulator.session_engines import SessionEngines

# An engine of another package, which tells its process and session; audio of one byte is a fault,
# of two is computed for ever.
ENGINE = """
import os, threading, time
from transcribe_cli.emulator.actions import Send
from transcribe_cli.emulator.engines.registry import SpeechEngineInfo
from transcribe_cli.errors import UsageError

INFO = SpeechEngineInfo(
    "trial", "Trial", "", "trial_engine", "trial_engine", "", "", "", shares_process=True
)

class Engine:
    def hear(self, data, more_waiting):
        if len(data) == 1:
            raise ValueError("a fault of the engine")
        while len(data) == 2:
            time.sleep(1)
        return [Send(str(os.getpid()) + " " + threading.current_thread().name)]
    def configure(self, settings): return []
    def end_turn(self): return []
    def finish(self): return []
    def take_speech_probability(self): return 0.5

def make_engine(settings, model):
    if model == "none":
        raise UsageError("There is no model none.")
    return Engine()
"""

SETTINGS = EngineSettings()
INFO = SpeechEngineInfo(
    *("trial", "Trial", "", "trial_engine", "trial_engine", "", "", ""), shares_process=True
)
SHARED, ALONE = ChosenEngine(INFO), ChosenEngine(INFO._replace(shares_process=False))


Scene = Callable[[EngineProcesses], Awaitable[None]]
Play = Callable[[Scene], None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a scene with the worker processes of a service."""
    (tmp_path / "trial_engine.py").write_text(ENGINE)
    metadata = tmp_path / "trial_engine-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: trial-engine\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\ntrial = trial_engine:INFO\n")
    # Workers get the path of this process.
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(scene: Scene) -> None:
        async def whole() -> None:
            processes = EngineProcesses()
            try:
                await asyncio.wait_for(scene(processes), 30)
            finally:
                await processes.close()

        asyncio.run(whole())

    return run


async def heard_from(runner: ProcessRunner) -> list[str]:
    """What a session of the trial engine says: its process and thread."""
    answers = EngineAnswers(runner)
    runner.order(Hear(bytes(4)))
    said = await answers.next()
    assert isinstance(said, Send)
    return said.text.split()


async def place(processes: EngineProcesses, engine: ChosenEngine) -> tuple[str, str]:
    """The process and thread of a new session; it stays open."""
    runner = await processes.run(engine, SETTINGS)
    pid, thread = await heard_from(runner)
    return pid, thread


def test_sessions_of_an_engine_that_shares_are_threads_of_one_process(
    play: Play,
) -> None:
    async def scene(processes: EngineProcesses) -> None:
        first, second = await place(processes, SHARED), await place(processes, SHARED)
        assert first[0] == second[0]
        assert (first[1], second[1]) == ("aai-engine-0", "aai-engine-1")

    play(scene)


def test_others_have_a_process_each_which_ends_with_them(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        first = await processes.run(ALONE, SETTINGS)
        pid = int((await heard_from(first))[0])
        assert psutil.pid_exists(pid)
        await first.close()
        assert not psutil.pid_exists(pid)

    play(scene)


def test_a_session_that_is_closed_leaves_the_others_alone(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        busy = await processes.run(SHARED, SETTINGS)
        other = await processes.run(SHARED, SETTINGS)
        answers = EngineAnswers(other)
        busy.order(Hear(bytes(2)))
        await busy.close()
        other.order(Finish())
        assert isinstance(await answers.next(), Finished)

    play(scene)


def test_a_fault_of_an_engine_ends_its_session_and_no_other(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        failing = await processes.run(SHARED, SETTINGS)
        other = await processes.run(SHARED, SETTINGS)
        failed, answers = EngineAnswers(failing), EngineAnswers(other)
        failing.order(Hear(bytes(1)))
        with pytest.raises(EngineFailed, match=r"^ValueError$"):
            await failed.next()
        other.order(Finish())
        assert isinstance(await answers.next(), Finished)

    play(scene)


def test_a_fault_in_taking_an_answer_ends_that_session_and_no_other(play: Play) -> None:
    class Faulty(EngineAnswers):
        def hear(self, answer: FromEngine) -> None:
            raise ValueError("a fault of the service")

    async def scene(processes: EngineProcesses) -> None:
        failing = await processes.run(SHARED, SETTINGS)
        other = await processes.run(SHARED, SETTINGS)
        failed, answers = Faulty(failing), EngineAnswers(other)
        failing.order(Hear(bytes(4)))
        with pytest.raises(ValueError, match="a fault of the service"):
            await failed.next()
        other.order(Finish())
        assert isinstance(await answers.next(), Finished)

    play(scene)


def test_an_engine_that_cannot_be_made_says_why(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        runner = await processes.run(SHARED._replace(model="none"), SETTINGS)
        with pytest.raises(EngineFailed, match=r"^There is no model none\.$"):
            await EngineAnswers(runner).next()

    play(scene)


def test_a_process_that_is_killed_ends_its_sessions_and_the_next_has_another(
    play: Play,
) -> None:
    async def scene(processes: EngineProcesses) -> None:
        pid, _ = await place(processes, SHARED)
        busy = await processes.run(SHARED, SETTINGS)
        answers = EngineAnswers(busy)
        busy.order(Hear(bytes(2)))
        assert busy.is_ready
        busy.order(Hear(bytes(SETTINGS.bytes_per_second * 5)))
        assert not busy.is_ready  # it is too far behind
        psutil.Process(int(pid)).kill()
        await answers.has_room.wait()
        with pytest.raises(EngineFailed, match=r"^$"):
            await answers.next()
        await busy.close()
        another, _ = await place(processes, SHARED)
        assert another != pid

    play(scene)


def test_what_sessions_share_can_be_loaded_before_the_first(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        await processes.prepare(SHARED)
        _, thread = await place(processes, SHARED)
        assert thread == "aai-engine-1"  # in the process that is there

    play(scene)


def test_what_sessions_share_ends_with_the_service(play: Play) -> None:
    async def scene(_: EngineProcesses) -> None:
        others = set(psutil.Process().children())
        engines = SessionEngines(ServiceOptions(engine="trial"))
        await engines.prepare()
        (worker,) = set(psutil.Process().children()) - others
        await engines.close()
        assert not worker.is_running()

    play(scene)


def test_orders_that_a_process_does_not_read_are_not_piled_up(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        runner = await processes.run(SHARED, SETTINGS)
        pid = int((await heard_from(runner))[0])
        answers = EngineAnswers(runner)
        process = psutil.Process(pid)
        process.suspend()
        given = 0
        while runner.is_ready:
            assert given < 10_000
            runner.order(Configure(SETTINGS))
            given += 1
        assert not answers.has_room.is_set()
        process.resume()
        await answers.has_room.wait()
        assert runner.is_ready

    play(scene)
