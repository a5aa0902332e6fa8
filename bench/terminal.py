"""Runs a program in a pseudo-terminal, and watches what it takes of the machine."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil

ROWS, COLUMNS = 30, 100
_POLL_S = 0.25


class Usage(NamedTuple):
    """Of one process, without its children.

    Attributes:
        cpu_share: of one core, between `settle_s` after its start and `stop_s` or its end.
        peak_mb: most memory that was resident.
        cpu_s: user and system time in all.
        drawn_bytes: what it wrote to the terminal.
    """

    cpu_share: float
    peak_mb: float
    cpu_s: float
    drawn_bytes: int


def watch(
    command: list[str],
    *,
    settle_s: float,
    stop_s: float,
    interrupt: bool,
    environment: dict[str, str] | None = None,
) -> Usage:
    """Run a program to its end.

    Args:
        settle_s: start-up, which the share leaves out.
        stop_s: when the share ends; with `interrupt`, when it gets Ctrl+C.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
    ) as process:
        os.close(slave)
        drawn = [0]
        threading.Thread(target=_drain, args=(master, drawn), daemon=True).start()
        began = time.monotonic()
        try:
            return _watch(process, began, settle_s, stop_s, interrupt, drawn)
        finally:
            process.kill()


def _watch(
    process: "subprocess.Popen[bytes]",
    began: float,
    settle_s: float,
    stop_s: float,
    interrupt: bool,
    drawn: list[int],
) -> Usage:
    seen = psutil.Process(process.pid)
    first: tuple[float, float] | None = None  # time and CPU time where the share begins
    last = (began, 0.0)
    peak = cpu_s = 0.0
    asked = False
    while process.poll() is None:
        now = time.monotonic()
        if now - began > stop_s + 30:
            break
        try:
            times = seen.cpu_times()
            peak = max(peak, _peak_mb(seen))
        except psutil.NoSuchProcess:
            break
        cpu_s = times.user + times.system
        if first is None and now - began >= settle_s:
            first = now, cpu_s
        if now - began <= stop_s:
            last = now, cpu_s
        elif interrupt and not asked:
            asked = True
            process.send_signal(signal.SIGINT)
        time.sleep(_POLL_S)
    if first is None or last[0] <= first[0]:
        raise RuntimeError(f"it ended after {time.monotonic() - began:.1f} s")
    return Usage((last[1] - first[1]) / (last[0] - first[0]), peak, cpu_s, drawn[0])


def _peak_mb(process: psutil.Process) -> float:
    """The kernel's own peak where it tells one, else what is resident now."""
    try:
        text = Path(f"/proc/{process.pid}/status").read_text()
        return next(int(x.split()[1]) for x in text.splitlines() if x.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return float(process.memory_info().rss) / 2**20


def _drain(master: int, drawn: list[int]) -> None:
    try:
        while data := os.read(master, 1 << 16):
            drawn[0] += len(data)
    except OSError:  # how a pseudo-terminal ends on Linux
        pass
    finally:
        os.close(master)
