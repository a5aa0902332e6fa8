"""Engines in processes: shared by sessions, killed, at fault."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from transcribe_cli.emulator.actions import Finish, Finished, Hear
from transcribe_cli.emulator.engine_processes import EngineProcesses
from transcribe_cli.emulator.engine_runners import EngineFailed
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.registry import GROUP, ChosenEngine, SpeechEngineInfo

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


async def place(processes: EngineProcesses, engine: ChosenEngine) -> tuple[str, str]:
    """The process and thread of a new session; it stays open."""
    runner = await processes.run(engine, SETTINGS)
    await runner.order(Hear(bytes(4)))
    pid, thread = str((await runner.answer()).text).split()  # type: ignore[union-attr]
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
        await first.order(Hear(bytes(4)))
        pid = int(str((await first.answer()).text).split()[0])  # type: ignore[union-attr]
        assert psutil.pid_exists(pid)
        await first.close()
        assert not psutil.pid_exists(pid)

    play(scene)


def test_a_session_that_is_closed_leaves_the_others_alone(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        busy = await processes.run(SHARED, SETTINGS)
        other = await processes.run(SHARED, SETTINGS)
        await busy.order(Hear(bytes(2)))
        await busy.close()
        await other.order(Finish())
        assert isinstance(await other.answer(), Finished)

    play(scene)


def test_a_fault_of_an_engine_ends_its_session_and_no_other(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        failing = await processes.run(SHARED, SETTINGS)
        other = await processes.run(SHARED, SETTINGS)
        await failing.order(Hear(bytes(1)))
        with pytest.raises(EngineFailed, match=r"^ValueError$"):
            await failing.answer()
        await other.order(Finish())
        assert isinstance(await other.answer(), Finished)

    play(scene)


def test_an_engine_that_cannot_be_made_says_why(play: Play) -> None:
    async def scene(processes: EngineProcesses) -> None:
        runner = await processes.run(SHARED._replace(model="none"), SETTINGS)
        with pytest.raises(EngineFailed, match=r"^There is no model none\.$"):
            await runner.answer()

    play(scene)


def test_a_process_that_is_killed_ends_its_sessions_and_the_next_has_another(
    play: Play,
) -> None:
    async def scene(processes: EngineProcesses) -> None:
        pid, _ = await place(processes, SHARED)
        busy = await processes.run(SHARED, SETTINGS)
        await busy.order(Hear(bytes(2)))
        too_far = asyncio.create_task(busy.order(Hear(bytes(SETTINGS.bytes_per_second * 5))))
        await asyncio.sleep(0)
        assert not too_far.done()
        psutil.Process(int(pid)).kill()
        await too_far
        with pytest.raises(EngineFailed, match=r"^$"):
            await busy.answer()
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
