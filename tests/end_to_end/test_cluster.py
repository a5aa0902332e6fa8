"""Files on workers of a Dask cluster of this machine, started by the command itself."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests import program
from tests.counting import RATE, WORD_MS, CountingService, counting_service
from tests.end_to_end.counted_files import words_by_heading, write_talks
from tests.end_to_end.test_cluster_recipes import end, free_ports, wait_for_port
from tests.program import LONG_DEADLINE_S, Home, finish
from tests.requirements import require_package

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def cluster_is_installed() -> None:
    require_package("distributed")


def start(home: Home, service: CountingService, *more: str) -> subprocess.Popen[bytes]:
    return home.start(
        *("file", "talks", "--cluster", "local", "--endpoint", service.url, *more),
        start_new_session=True,
    )


wait_until = partial(program.wait_until, within_s=120.0)


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes in which files are transcribed."""
    children = psutil.Process(process.pid).children()
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def ports_of(process: subprocess.Popen[bytes]) -> list[tuple[str, int]]:
    """Where the scheduler and the workers listen."""
    return [
        address
        for one in (psutil.Process(process.pid), *workers_of(process))
        for address in listening(one)
    ]


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    """Where one process listens."""
    return [
        (connection.laddr.ip, connection.laddr.port)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


def test_a_worker_that_is_killed_loses_and_doubles_no_word(home: Home) -> None:
    said = write_talks(home.work / "talks", *[20] * 9)
    with counting_service() as service:
        running = start(home, service, "--jobs", "4", "--pace", "1", "-o", "{stem}.txt", "--text")
        wait_until(lambda: len(service.sessions) >= 4)
        workers_of(running)[0].kill()
        outcome = finish(running, deadline_s=LONG_DEADLINE_S)
        assert outcome.code == 0, outcome.err
        assert dict(words_by_heading(outcome.out)) == said
        for name, words in said.items():
            assert (home.work / f"{Path(name).stem}.txt").read_text().split() == words

        opened = len(service.sessions)
        again = home.run(
            *("file", "talks", "--jobs", "4", "--text", "--endpoint", service.url, "--pace", "1")
        )
        assert again.out == outcome.out  # in the same order, and found without a cluster
        assert len(service.sessions) == opened


def speaking(path: Path) -> set[str]:
    """The files of which there are words, in JSON lines that are being written."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    records = map(json.loads, lines)
    return {record["source"] for record in records if record["type"] == "Turn"}


def is_refused(port: int) -> bool:
    """Whether who has no certificate of the cluster gets nothing but refusals there."""
    asked = b"GET /info/main/workers.html HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.suppress(ConnectionError):
        with socket.create_connection(("127.0.0.1", port), timeout=30.0) as plain:
            plain.sendall(asked)
            answer = plain.recv(4096)
        if answer.startswith(b"HTTP/"):  # Dask opens it in any case
            return b" 404 " in answer
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=30.0) as plain:
        try:
            with context.wrap_socket(plain) as stranger:
                # With TLS 1.3 it is told after the handshake.
                stranger.sendall(asked)
                return stranger.recv(64) == b""
        except (ssl.SSLError, ConnectionError):
            return True


def test_strangers_are_refused_and_ctrl_c_ends_every_session_properly(home: Home) -> None:
    write_talks(home.work / "talks", *[150] * 6)
    (home.work / "talks" / "broken.wav").write_bytes(b"RIFF but nothing like it")
    with counting_service() as service:
        # So slow that no file ends by itself.
        running = start(home, service, "--jobs", "4", "--pace", "0.1", "-o", "all.jsonl", "--text")
        # Four at once, and the broken one comes first: it has been tried when four others run.
        wait_until(lambda: len(service.sessions) >= 4)
        # What is said comes while it is said, of all that run.
        wait_until(lambda: len(speaking(home.work / "all.jsonl")) == 4)
        ports = ports_of(running)
        assert len(ports) > 3
        for address, port in ports:
            assert address == "127.0.0.1"
            assert is_refused(port)
        os.killpg(running.pid, signal.SIGINT)
        outcome = finish(running, deadline_s=LONG_DEADLINE_S)
        assert outcome.code == 130, outcome.err
        assert all(seen.terminated_at for seen in service.sessions)
    records = [json.loads(line) for line in (home.work / "all.jsonl").read_text().splitlines()]
    failed = {record["source"] for record in records if record.get("exit_code") == 3}
    assert failed == {"broken.wav"}
    assert "not begun" in outcome.err


class ByHand:
    """A scheduler and two workers of this machine, which no nanny starts again.

    Args:
        services: ends them.
    """

    def __init__(self, home: Home, services: contextlib.ExitStack) -> None:
        self._port = free_ports()[0]
        self._log = home.path / "dask.log"
        self._home = home
        self._services = services
        self._start("scheduler", "--host", "127.0.0.1", "--port", str(self._port))
        wait_for_port(self._port)
        options = (self.address, "--nthreads", "2", "--no-nanny")
        self.workers = [self._start("worker", *options) for _ in range(2)]

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        variables = {"PYTHONWARNINGS": "default", "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "15 s"}
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
                cwd=self._home.work,
                env=self._home.environment(variables),
                stdout=log,
                stderr=log,
            )
        self._services.callback(end, process)
        return process

    def start(self, service: CountingService) -> subprocess.Popen[bytes]:
        """A command whose four files run at once, in real time."""
        return self._home.start(
            *("file", "talks", "--cluster", self.address, "--jobs", "4", "-o", "{stem}.txt"),
            *("--endpoint", service.url, "--pace", "1"),
        )

    def gives_up(self, worker: subprocess.Popen[bytes]) -> bool:
        """Whether the scheduler has found that this worker stands still."""
        lines = self._log.read_text(errors="replace").splitlines()
        given_up = [line for line in lines if "failed to heartbeat" in line]
        ports = [port for _, port in listening(psutil.Process(worker.pid))]
        return any(f"'tcp://127.0.0.1:{port}'" in line for port in ports for line in given_up)


@pytest.fixture
def by_hand(home: Home) -> Iterator[ByHand]:
    with contextlib.ExitStack() as services:
        yield ByHand(home, services)


def check_files(home: Home, said: dict[str, list[str]]) -> None:
    for name, words in said.items():
        assert (home.work / f"{Path(name).stem}.txt").read_text().split() == words


def check_audio(service: CountingService, said: dict[str, list[str]]) -> None:
    """No more was heard again than what each further session has to: a turn that was open."""
    spoken_s = sum(map(len, said.values())) * WORD_MS / 1000
    heard_s = sum(len(seen.audio) for seen in service.sessions) / 2 / RATE
    assert heard_s <= spoken_s + 2.0 * (len(service.sessions) - len(said))


def test_a_worker_that_stood_still_past_its_lease_and_comes_back_doubles_nothing(
    home: Home, by_hand: ByHand
) -> None:
    said = write_talks(home.work / "talks", *[150] * 4)
    with counting_service(pings=False) as service:
        running = by_hand.start(service)
        service.wait_for_words(40)
        still = by_hand.workers[0]
        still.send_signal(signal.SIGSTOP)
        wait_until(lambda: by_hand.gives_up(still))
        still.send_signal(signal.SIGCONT)
        outcome = finish(running, deadline_s=LONG_DEADLINE_S)
        assert outcome.code == 0, outcome.err
        check_audio(service, said)
    check_files(home, said)


def test_a_command_that_is_killed_ends_its_sessions_and_the_next_one_goes_on(
    home: Home, by_hand: ByHand
) -> None:
    said = write_talks(home.work / "talks", *[80] * 4)
    with counting_service() as service:
        killed = by_hand.start(service)
        service.wait_for_words(40)
        killed.kill()
        killed.communicate()
        service.wait_for_close()
        assert all(seen.terminated for seen in service.sessions)
        outcome = finish(by_hand.start(service), deadline_s=LONG_DEADLINE_S)
        assert outcome.code == 0, outcome.err
        check_audio(service, said)
    check_files(home, said)
