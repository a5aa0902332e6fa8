"""What the local service takes for many sessions, beside a bare `websockets` server."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from websockets.sync.client import ClientConnection, connect

from bench.program import program
from bench.service_clients import CHUNK_S
from bench.table import Row, percentile

SESSIONS = (100, 150, 200, 300, 500)
_SECONDS = 10.0
_WORKERS = 2
_IDLE = 200  # sessions that are open and say nothing
_CPU_RATIO_TARGET = 2.0
_P95_TARGET_MS = 10.0
_MEMORY_TARGET_KB = 50.0
_STARTS = 9
_READY_TARGET_S = 0.15
_BARE = [sys.executable, "-m", "bench.bare_echo"]


class Load(NamedTuple):
    """What one server took for a number of sessions."""

    cpu_us_a_chunk: float
    core: float
    p95_ms: float
    clients_core: float


@contextmanager
def _server(command: list[str]) -> Iterator[tuple[str, psutil.Process]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"], psutil.Process(process.pid)
        finally:
            process.kill()


def _ours(folder: Path, workers: int = 1) -> list[str]:
    return [
        *(*program().command, "serve", "--port", "0", "--engine", "counting", "--ready-json"),
        *("--quiet", "--max-sessions", "2000", "--logbook", str(folder / "logbook.jsonl")),
        *("--workers", str(workers)),
    ]


def _cpu_s(process: psutil.Process) -> float:
    """CPU time of a server, all of its processes."""
    processes = [process, *process.children()]
    return float(sum(sum(each.cpu_times()[:2]) for each in processes))


def _load(command: list[str], sessions: int, seconds: float) -> Load:
    with _server(command) as (url, process):
        command = [sys.executable, "-m", "bench.service_clients", url, str(sessions), str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as clients:
            assert clients.stdout is not None
            clients.stdout.readline()  # all sessions are open
            before = _cpu_s(process)
            told = json.loads(clients.stdout.read())
            spent = _cpu_s(process) - before
    chunks = sessions * seconds / CHUNK_S
    return Load(
        1e6 * spent / chunks,
        spent / seconds,
        percentile(told["waits_ms"], 95),
        told["cpu_s"] / seconds,
    )


def _memory_kb(command: list[str]) -> float:
    """Memory of one more session that is open, in kB."""
    held: list[ClientConnection] = []
    with _server(command) as (url, process):
        sizes = []
        for _ in range(2):
            for _ in range(_IDLE):
                held.append(connect(f"{url}?speech_model=u3-rt-pro", proxy=None, compression=None))
                held[-1].recv(timeout=10)
            sizes.append(process.memory_info().rss)
        for connection in held:
            connection.socket.close()
    return float(sizes[1] - sizes[0]) / _IDLE / 1000


def _start_s(command: list[str], joins: bool = False) -> float:
    """From the start of a program to its first line, in seconds; the median of some starts.

    Args:
        joins: to the `Begin` of a session that is opened at once.
    """
    took = []
    for _ in range(_STARTS):
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if joins:
                url = f"{json.loads(line)['url']}?speech_model=u3-rt-pro"
                with connect(url, proxy=None, compression=None) as connection:
                    connection.recv(timeout=10)
            took.append(time.perf_counter() - began)
            process.kill()
    return statistics.median(took)


def _rows_of(sessions: int, bare: Load, ours: Load) -> list[Row]:
    """What so many sessions take."""
    ratio = ours.cpu_us_a_chunk / bare.cpu_us_a_chunk
    return [
        Row(
            f"serve, {sessions} sessions in real time: CPU a chunk",
            ratio,
            f"{ours.cpu_us_a_chunk:.0f} us, {ours.core:.2f} of a core",
            f"bare websockets {bare.cpu_us_a_chunk:.0f} us, {bare.core:.2f} of a core",
            f"at most {_CPU_RATIO_TARGET:.0f} times",
            ratio <= _CPU_RATIO_TARGET,
        ),
        Row(
            f"serve, {sessions} sessions: chunk to message, p95",
            ours.p95_ms / bare.p95_ms,
            f"{ours.p95_ms:.1f} ms (clients {ours.clients_core:.2f} of a core)",
            f"bare websockets {bare.p95_ms:.1f} ms",
            f"under {_P95_TARGET_MS:.0f} ms",
            ours.p95_ms < _P95_TARGET_MS,
        ),
    ]


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    sizes, seconds = ((100,), 5.0) if quick else (SESSIONS, _SECONDS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for sessions in sizes:
            bare = _load(_BARE, sessions, seconds)
            ours = _load(_ours(folder), sessions, seconds)
            shared = _load(_ours(folder, _WORKERS), sessions, seconds)
            rows += [
                *_rows_of(sessions, bare, ours),
                Row(
                    f"serve --workers {_WORKERS}, {sessions} sessions: chunk to message, p95",
                    shared.p95_ms / ours.p95_ms,
                    f"{shared.p95_ms:.1f} ms, {shared.cpu_us_a_chunk:.0f} us a chunk, "
                    f"{shared.core:.2f} of a core in all (clients {shared.clients_core:.2f})",
                    f"one process {ours.p95_ms:.1f} ms, {ours.cpu_us_a_chunk:.0f} us",
                ),
            ]
        memory_kb = _memory_kb(_ours(folder))
        bare_s = _start_s(_BARE)
        ready_s = _start_s(_ours(folder))
        begun_s = _start_s(_ours(folder), joins=True)
    return [
        *rows,
        Row(
            "serve: memory of one more session",
            None,
            f"{memory_kb:.0f} kB",
            target=f"under {_MEMORY_TARGET_KB:.0f} kB",
            met=memory_kb < _MEMORY_TARGET_KB,
        ),
        Row(
            "serve: from its start to the ready line",
            ready_s / bare_s,
            f"{ready_s:.3f} s (to the first Begin {begun_s:.3f} s)",
            f"bare websockets {bare_s:.3f} s",
            f"under {_READY_TARGET_S:.2f} s",
            ready_s < _READY_TARGET_S,
        ),
    ]
