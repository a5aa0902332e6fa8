"""Signals become events: a handler posts and returns, and main decides."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # what the platform has of them


@contextmanager
def stop_signals(post: Callable[[str], None]) -> Iterator[None]:
    """While open, `post` is called with the name of each signal that asks the program to stop.

    `post` runs between two steps of main's own code, so it must not wait; a `SimpleQueue.put` is
    made for that. Outside the main thread this does nothing: Python delivers signals there only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: FrameType | None) -> None:
        post(signal.Signals(number).name)

    before = {}
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is None:
            continue
        # `nohup` has SIGHUP ignored, and means it. A script's `&` has SIGINT ignored too, but there
        # a SIGINT that comes is meant for this program.
        if name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handle) or signal.SIG_DFL
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
