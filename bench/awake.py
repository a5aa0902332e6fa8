"""Keeps the processors from sleeping while something short is measured.

A processor that has nothing to do sleeps, and waking it takes long beside what a chunk costs: on a
virtual machine several times as long. That time is counted as the program's that it wakes for,
though it is the machine's doing and the same for every program.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LOOP = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


def can_keep_awake() -> bool:
    """Whether this system has a priority below all others (Linux)."""
    return hasattr(os, "SCHED_IDLE")


@contextmanager
def kept_awake() -> Iterator[None]:
    """A loop for each processor that runs only while nobody else wants to."""
    command = [sys.executable, "-c", _LOOP]
    loops = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
