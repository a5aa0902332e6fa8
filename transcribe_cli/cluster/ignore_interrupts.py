"""Preloaded by workers of this machine: Ctrl+C in a terminal reaches every process of its group.

They are told by the client instead, so that every session is ended properly and once.
"""

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """What Dask calls when the worker's process begins."""
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
