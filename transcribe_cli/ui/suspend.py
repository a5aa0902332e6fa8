"""Ctrl+Z and `fg`: restores the terminal before the program stops, and sets it up again after.

The signal handlers only post; main then calls `suspend` or `take_back`. Windows has no such
signals, and nothing happens there.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

Cause = Literal["suspend", "continue"]

_CAUSES: dict[str, Cause] = {"SIGTSTP": "suspend", "SIGCONT": "continue"}


class TerminalHolder(Protocol):
    """Something that holds the terminal: the live view, the keys."""

    def open(self) -> None: ...
    def close(self) -> None: ...


@contextmanager
def suspend_signals(post: Callable[[Cause], None]) -> Iterator[None]:
    """While open, calls `post` when one of the two signals arrives.

    It is called with `suspend` after Ctrl+Z: main calls `suspend`. It is called with `continue`
    when the program was stopped by SIGSTOP and goes on: main calls `take_back`. `post` must not
    block. Outside the main thread this does nothing, since Python delivers signals there only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for name, cause in _CAUSES.items():
        number = getattr(signal, name, None)
        # A shell without job control starts programs with SIGTSTP ignored: leave it so.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, lambda *_, cause=cause: post(cause))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def suspend(view: TerminalHolder, keys: TerminalHolder) -> None:
    """Restore the terminal, stop the program until it is continued, and set the terminal up again.

    The other programs of a pipeline got the terminal's own signal; this stops only this program.
    Without a shell that could continue it, the system does not stop it.
    """
    _give_back(view, keys)
    _stop()
    _take(view, keys)


def take_back(view: TerminalHolder, keys: TerminalHolder) -> None:
    """Set the terminal up again after another program has used it."""
    _give_back(view, keys)
    _take(view, keys)


def _give_back(view: TerminalHolder, keys: TerminalHolder) -> None:
    keys.close()
    view.close()


def _take(view: TerminalHolder, keys: TerminalHolder) -> None:
    view.open()  # before the keys, which would read the answer to its cursor query
    keys.open()


def _stop() -> None:
    stop = getattr(signal, "SIGTSTP", None)
    if stop is None:
        return
    # SIGCONT needs no handler here: the caller learns of it when this returns.
    before = {
        number: signal.signal(number, signal.SIG_DFL) or signal.SIG_DFL
        for number in (stop, signal.SIGCONT)
    }
    try:
        signal.raise_signal(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
