"""Each engine in mid-recognition, and its client, its program or its service is killed."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.emulator.protocol_client import meeting, next_message, session, talk, until_close
from tests.emulator.test_local_service import is_gone, wait_until, workers
from tests.program import Home
from tests.requirements import require_package
from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.jobs.sources import SAMPLE

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9"),
]

# A client that sends on and on, and says when it has heard something.
CLIENT = """
import sys, threading, time
from tests.emulator.protocol_client import meeting, next_message, session
with session(sys.argv[1]) as connection:
    def send():
        while True:
            connection.send(meeting(800, 1800))
            time.sleep(0.5)
    threading.Thread(target=send, daemon=True).start()
    while next_message(connection)["type"] != "Turn":
        pass
    print("heard", flush=True)
    time.sleep(3600)
"""


@pytest.fixture(params=["pocketsphinx", "moonshine", "whisper"])
def engine(request: pytest.FixtureRequest) -> str:
    """What `--engine` is to be."""
    name: str = request.param
    if name == "whisper":
        base: Path = request.getfixturevalue("base")
        return f"whisper:{base}"
    require_package({"moonshine": "moonshine_voice"}.get(name, name))
    return name


def test_a_service_that_is_killed_leaves_no_engine(engine: str) -> None:
    with LocalService("--engine", engine) as service:
        assert service.pid is not None
        with session(service.url) as connection:
            for start_ms in (0, 1000, 2000):
                connection.send(meeting(start_ms, start_ms + 1000))
            while next_message(connection)["type"] != "Turn":
                pass
            (worker,) = workers(service)
            psutil.Process(service.pid).kill()
            assert until_close(connection).code == 1006
        wait_until(lambda: is_gone(worker), "the engine outlived its service")


def test_a_program_that_is_killed_leaves_no_engine(engine: str, home: Home) -> None:
    process = home.start("file", str(SAMPLE), "--engine", engine, "--pace", "1", "--jsonl")
    assert process.stdout is not None
    while b'"Turn"' not in process.stdout.readline():
        pass
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2  # the service and the engine
    process.kill()
    process.communicate()
    wait_until(lambda: all(map(is_gone, children)), "something outlived the program")


def test_a_client_that_is_killed_leaves_nothing_of_its_session(engine: str) -> None:
    with LocalService("--engine", engine) as service:
        (first, its_own), (second, its_own_too) = (killed_client(service) for _ in range(2))
        if engine == "pocketsphinx":
            wait_until(lambda: is_gone(first), "the engine outlived its client")
            wait_until(lambda: is_gone(second), "the engine outlived its client")
        else:  # sessions share it: a thread for each
            assert first == second
            if sys.platform == "linux":
                # Threads of models stay, and a second model may be loaded for the second client.
                ends = [its_own, its_own_too]
                wait_until(lambda: all(came - threads(first) for came in ends), "a session is left")
        assert talk(service.url, meeting(0, 4000)).finals


def killed_client(service: LocalService) -> tuple[psutil.Process, set[int]]:
    """Kill a client in mid-recognition; its engine, and the threads that came with it."""
    before = {thread for worker in workers(service) for thread in threads(worker)}
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, service.url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == "heard\n"
        worker = workers(service)[-1]
        return worker, threads(worker) - before
    finally:
        client.kill()
        client.communicate()


def threads(process: psutil.Process) -> set[int]:
    """The ids of a process's threads, where the system tells them; none of one that is gone."""
    try:
        return {thread.id for thread in process.threads()}
    except psutil.Error:
        return set()
