"""Ctrl+Z and `fg`: the terminal is given back before the program stops, and taken again after.

A handler only posts; main calls `suspend` or `take_back` when it gets there. Windows has no such
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
    """While open, `post` is called with what a signal asks for.

    `suspend`: someone pressed Ctrl+Z; call `suspend`. `continue`: the program was stopped without
    being asked (SIGSTOP) and goes on; call `take_back`. `post` must not wait. Outside the main
    thread this does nothing: Python delivers signals there only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for name, cause in _CAUSES.items():
        number = getattr(signal, name, None)
        # Shells without job control start programs with SIGTSTP ignored, and mean it.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, lambda *_, cause=cause: post(cause))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def suspend(view: TerminalHolder, keys: TerminalHolder) -> None:
    """Give the terminal back, stop the program until it is continued, and take it again.

    The other programs of a pipeline got the terminal's own signal; this stops this one. Where
    nobody could continue it (no shell that watches), the system does not stop it at all.
    """
    _give_back(view, keys)
    _stop()
    _take(view, keys)


def take_back(view: TerminalHolder, keys: TerminalHolder) -> None:
    """Take the terminal again after whatever another program did with it."""
    _give_back(view, keys)
    _take(view, keys)


def _give_back(view: TerminalHolder, keys: TerminalHolder) -> None:
    keys.close()
    view.close()


def _take(view: TerminalHolder, keys: TerminalHolder) -> None:
    view.open()  # first: it may ask the terminal something, and the keys would hear the answer
    keys.open()


def _stop() -> None:
    stop = getattr(signal, "SIGTSTP", None)
    if stop is None:
        return
    # Going on is no news here: the caller is told by this function's return.
    before = {
        number: signal.signal(number, signal.SIG_DFL) or signal.SIG_DFL
        for number in (stop, signal.SIGCONT)
    }
    try:
        signal.raise_signal(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
