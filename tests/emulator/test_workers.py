"""`--workers`: several processes share one port, and end together."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.counting import speak
from tests.emulator.protocol_client import talk
from tests.emulator.test_local_service import is_gone, wait_until
from tests.program import DEADLINE_S, ROOT, Home
from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.emulator.workers import check_workers
from transcribe_cli.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="--workers is for Linux")


def test_workers_share_the_sessions_and_end_together(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    logbook = home.work / "logbook.jsonl"
    process = home.start(
        *("serve", "--engine", "counting", "--port", "0", "--workers", "3", "--ready-json"),
        *("--logbook", str(logbook), "--key", "swordfish", "--quiet"),
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert "control_url" not in ready
        children = psutil.Process(process.pid).children()
        assert len(children) == 2
        for _ in range(30):
            heard = talk(ready["url"], speak(5), key="swordfish")
            assert heard.spoken == ["w1 w2 w3 w4 w5"]
        sessions = [json.loads(line) for line in logbook.read_text().splitlines()]
        assert sum(event["event"] == "close" for event in sessions) == 30
        busy = [sum(child.cpu_times()[:2]) for child in children]
        assert all(busy)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
        wait_until(lambda: all(map(is_gone, children)), "a worker outlived the first one")
    finally:
        process.kill()
        process.communicate()


def test_workers_end_when_the_first_one_is_killed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    process = home.start(
        *("serve", "--engine", "counting", "--port", "0", "--workers", "2", "--ready-json")
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        (child,) = psutil.Process(process.pid).children()
        process.kill()
        wait_until(lambda: is_gone(child), "a worker outlived the first one")
    finally:
        process.kill()
        process.communicate()


def end_a_worker(fault: str) -> tuple[int, str]:
    """What the first of two processes raises, and what a worker says that ends by an error."""
    script = (
        "from transcribe_cli.emulator.workers import Workers\n"
        "from transcribe_cli.errors import StreamError, UsageError\n"
        "workers = Workers()\n"
        "workers.fork(2)\n"
        f"workers.end(None if workers.is_first else {fault})\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S
    )
    return ran.returncode, ran.stderr


def test_a_worker_that_ends_by_an_error_says_why_and_so_does_the_first_one() -> None:
    code, said = end_a_worker("ValueError('a fault of ours')")
    assert code == 1 and "ValueError: a fault of ours" in said
    assert "ServiceError: 1 of 2 workers of the local service had ended." in said
    code, said = end_a_worker("UsageError('no such port')")
    assert code == 1 and ": no such port\n" in said
    assert end_a_worker("None") == (0, "")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (ServiceOptions(workers=2, faults=("drop@3s",)), "--fault"),
        (ServiceOptions(workers=2, scripts=("x",)), "--script"),
        (ServiceOptions(workers=2, new_sessions_per_minute=5), "--new-sessions-per-minute"),
    ],
)
def test_what_is_counted_is_not_for_workers(options: ServiceOptions, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        check_workers(options)
