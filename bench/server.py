"""Starts the echo server, and reads what it says of each session."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import NamedTuple

START_LIMIT_S = 20.0


class SessionReport(NamedTuple):
    """Times on the monotonic clock, in seconds."""

    began_at: float
    arrivals: list[float]
    terminated_at: float


class EchoServer:
    """A running echo server.

    Attributes:
        host: its URL without a path, as the SDK wants it.
        url: the whole endpoint, as aai-stream wants it.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.host = self._lines.get(timeout=START_LIMIT_S)
        self.url = f"{self.host}/v3/ws"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def report(self, timeout_s: float) -> SessionReport:
        """What it says of the next session that ends.

        Raises:
            queue.Empty: none ended in time.
        """
        return SessionReport(**json.loads(self._lines.get(timeout=timeout_s)))


@contextlib.contextmanager
def echo_server(*, every: int = 1, growing: bool = False) -> Iterator[EchoServer]:
    """An echo server in a process of its own, which answers each Nth chunk."""
    command = [sys.executable, "-m", "bench.echo_server"]
    command += ["--every", str(every), "--growing", str(int(growing))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield EchoServer(process)
        finally:
            process.kill()
