"""Runs a process to its end and says when that was, to a fraction of a millisecond."""

import subprocess
import threading
import time

_LIMIT_S = 120.0


def run_to_end(command: list[str]) -> tuple[float, float]:
    """When a silent process was started and when it was gone, on the monotonic clock.

    Not `wait(timeout)`: that looks again after growing sleeps, up to 50 ms, and would round what is
    measured here up to them.

    Raises:
        subprocess.CalledProcessError: it failed, or took too long and was killed.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    limit = threading.Timer(_LIMIT_S, process.kill)
    limit.start()
    try:
        status = process.wait()
        ended = time.monotonic()
    finally:
        limit.cancel()
    if status:
        raise subprocess.CalledProcessError(status, command)
    return began, ended
