"""A service that says far too much: the program stays small, hears signals, ends the session."""

import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.counting import write_wav
from tests.hostile.floods import FLOODS, flooding_service
from tests.program import DEADLINE_S, Home, finish

MOST_MB = 150  # three times what a run takes
FLOODED_S = 2.0
ENDS_WITHIN_S = 20.0  # on a machine that has much else to do; seldom more than one


class Memory:
    """Watches how large a process becomes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = psutil.Process(process.pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory")
        self.most_mb = 0.0

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            try:
                self.most_mb = max(self.most_mb, self._process.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                return


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "reads nothing"])
@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.long
def test_flood_takes_no_memory_and_no_signal(
    home: Home, tmp_path: Path, name: str, reads: bool
) -> None:
    write_wav(home.work / "talk.wav", 600)
    out = tmp_path / "out.jsonl"
    with flooding_service(name, reads=reads) as service, out.open("wb") as stdout:
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "1"),
            stdout=stdout,
        )
        with Memory(process) as memory:
            assert service.begun.wait(DEADLINE_S)
            time.sleep(FLOODED_S)  # it is flooded, whatever the program does about it
            process.send_signal(signal.SIGINT)
            try:
                _, err = process.communicate(timeout=ENDS_WITHIN_S)
            finally:
                process.kill()
                process.wait()
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    assert memory.most_mb < MOST_MB
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert records[-1]["type"] == "Summary"


@pytest.mark.long
def test_service_that_only_floods_is_told_that_the_session_is_over(home: Home) -> None:
    write_wav(home.work / "talk.wav", 600)
    with flooding_service("the same partial") as service:
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--no-partials")
        )
        assert process.stdout is not None
        told = next(line for line in process.stdout if b"Disconnected" in line)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert "far more than anybody can speak" in json.loads(told)["reason"]
    assert outcome.code == 130, outcome.err
    assert service.terminated_at
