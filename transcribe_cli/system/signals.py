"""Receives stop signals; what one means is decided in `supervisor/stop_requests.py`.

The handler posts the signal's name to main, and frees main if it is blocked in standard output.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FrameType

from transcribe_cli.settings.environment import point_at_nothing

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that the platform has are handled


_STDOUT = 1
_RESEND_AFTER_S = 0.02
_STUCK_AFTER_S = 0.5  # main takes a signal within a few ms, unless it is blocked


class StopSignals:
    """Posts signals, and unblocks main if it does not take them.

    Main may be blocked in a write to a pipe whose reader has stopped reading. If a signal arrives
    while an earlier one has not been taken for `_STUCK_AFTER_S`, standard output is redirected to
    the null device. That ends the write, and main can end the run properly.
    """

    def __init__(self, post: Callable[[str], None]) -> None:
        self._post = post
        self._waiting_since: float | None = None

    def taken(self) -> None:
        """Main has taken the posted signals."""
        self._waiting_since = None

    def handle(self, number: int, _: FrameType | None) -> None:
        """The signal handler. It runs on the main thread, so it must not block."""
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        elif now - self._waiting_since > _STUCK_AFTER_S:
            with suppress(OSError):
                point_at_nothing(_STDOUT)
        self._post(signal.Signals(number).name)


@contextmanager
def stop_signals_wait() -> Iterator[None]:
    """While open, stop signals wait; afterwards each has its usual effect.

    Only for short work that waits for nobody and starts no process: a child would inherit the
    blocked signals.
    """
    if sys.platform == "win32":  # Windows cannot block signals
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def resend_swallowed_signals() -> None:
    """Send a stop signal again if the interpreter drops the exception that it raised.

    Outside a run a signal raises KeyboardInterrupt or SystemExit. If it arrives during a callback
    of the interpreter, for example the one that frees the lock of an import, the exception is
    printed and ignored, and the program would go on.
    """

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            _resend(signal.SIGINT, hook.__code__)
        elif issubclass(unraisable.exc_type, SystemExit):
            _resend(signal.SIGTERM, hook.__code__)
        else:
            sys.__unraisablehook__(unraisable)

    sys.unraisablehook = hook


def _resend(number: signal.Signals, after: CodeType) -> None:
    """Send a signal to main once it has left `after`, where the signal would be dropped again."""
    main = threading.main_thread().ident or 0

    def send() -> None:
        while True:
            time.sleep(_RESEND_AFTER_S)
            frame = sys._current_frames().get(main)
            while frame is not None and frame.f_code is not after:
                frame = frame.f_back
            if frame is None:
                break
        if os.name == "posix":  # also ends a read that main is blocked in
            signal.pthread_kill(main, number)
        else:
            signal.raise_signal(number)

    threading.Thread(target=send, name="aai-signal", daemon=True).start()


@contextmanager
def stop_signals(post: Callable[[str], None]) -> Iterator[StopSignals]:
    """While open, calls `post` with the name of each signal that asks the program to stop.

    `post` must not block; `SimpleQueue.put` is reentrant and fits. Outside the main thread this
    does nothing, since Python delivers signals there only.
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
        # `nohup` ignores SIGHUP: leave it so. A script's `&` ignores SIGINT too, but a SIGINT that
        # arrives then is meant for this program.
        if name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, signals.handle) or signal.SIG_DFL
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
