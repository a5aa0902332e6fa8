"""Signals become events: a handler posts and returns, and main decides."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from transcribe_cli.settings.environment import point_at_nothing

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # what the platform has of them


_STDOUT = 1
_STUCK_AFTER_S = 0.5  # main takes a signal within a few ms, unless it is blocked


class StopSignals:
    """Posts signals, and frees main where it does not take them.

    Main blocks when it writes to a pipe whose reader has stopped reading. A further signal then
    finds the one before it not taken: standard output is pointed at nothing, which ends the write,
    and main goes on to end the run properly.
    """

    def __init__(self, post: Callable[[str], None]) -> None:
        self._post = post
        self._waiting_since: float | None = None

    def taken(self) -> None:
        """Main has seen what was posted."""
        self._waiting_since = None

    def handle(self, number: int, _: FrameType | None) -> None:
        """Called by Python between two steps of main's own code, so it must not wait."""
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        elif now - self._waiting_since > _STUCK_AFTER_S:
            with suppress(OSError):
                point_at_nothing(_STDOUT)
        self._post(signal.Signals(number).name)


@contextmanager
def stop_signals(post: Callable[[str], None]) -> Iterator[StopSignals]:
    """While open, `post` is called with the name of each signal that asks the program to stop.

    `post` must not wait; a `SimpleQueue.put` is made for that. Outside the main thread this does
    nothing: Python delivers signals there only.
    """
    signals = StopSignals(post)
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {}
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is None:
            continue
        # `nohup` has SIGHUP ignored, and means it. A script's `&` has SIGINT ignored too, but there
        # a SIGINT that comes is meant for this program.
        if name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, signals.handle) or signal.SIG_DFL
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
