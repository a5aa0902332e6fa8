"""Reads a terminal's input key by key instead of line by line.

POSIX uses `termios`, Windows `msvcrt`. Ctrl+C and Ctrl+Z stay signals and never become keys.
"""

import os
import re
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

QUIET_S = 0.05
"""The rest of an escape sequence or of pasted text arrives within this time."""

LONGEST_KEY = 16
"""More bytes than this in one read are pasted text."""

_ANSWER_S = 0.2  # a terminal on this machine answers within a few ms
_POLL_S = 0.05  # Windows cannot wait for a console and an event together
_CURSOR = re.compile(rb"\x1b\[(\d+);\d+R")
_KEPT_BYTES = 4096  # of pasted text, which is ignored anyway
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O|\[M.{,2}|[]PX^_][^\x07\x1b]*)?$", re.DOTALL)


class Keyboard(Protocol):
    """The keys of one terminal. One thread calls `read`; another ends it by `wake`."""

    def take(self) -> bool:
        """Switch to key-by-key input. False while another program has the foreground."""
        ...

    def read(self) -> bytes:
        """Wait for keys, and return their bytes; b"" once woken or at the end of input.

        Raises:
            OSError: the terminal is gone, or another program has the foreground.
        """
        ...

    def wake(self) -> None:
        """End the waiting `read`, and every later one."""
        ...

    def give_back(self) -> None:
        """Restore the terminal's modes from before `take`. May be called twice."""
        ...

    def close(self) -> None:
        """Release the keyboard's own resources."""
        ...


def in_foreground(number: int) -> bool:
    """Whether this program is in the foreground of the terminal with that file descriptor.

    True also if it is no terminal, or not the controlling one, since nothing stops the program
    then.
    """
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(number) == os.getpgrp()
    except OSError:
        return True


def open_keyboard(number: int | None = None) -> Keyboard | None:
    """The keyboard of the terminal with that file descriptor; None if it is no terminal.

    Without a number: the keyboard of standard input; if that is no terminal, since it may be the
    audio, the keyboard of the terminal that the program was started from.
    """
    if sys.platform == "win32":
        import msvcrt

        # `msvcrt` reads the console, whatever standard input is.
        return WindowsKeyboard(msvcrt) if number is None or _is_terminal(number) else None
    if _is_terminal(0 if number is None else number):
        return PosixKeyboard(number or 0)
    if number is not None:
        return None
    try:
        own = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    return PosixKeyboard(own, owned=True)


def _is_terminal(number: int) -> bool:
    try:
        return os.isatty(number)
    except OSError:
        return False


@contextmanager
def keys_kept_back(number: int | None = None) -> Iterator[None]:
    """While open, typed text is not shown, and is kept for whoever reads keys next.

    `number` as in `open_keyboard`.
    """
    keyboard = open_keyboard(number)
    if keyboard is None:
        yield
        return
    try:
        keyboard.take()
        yield
    finally:
        keyboard.give_back()
        keyboard.close()


def cursor_row(number: int | None, ask: Callable[[], None]) -> tuple[int | None, bytes]:
    """Ask a terminal for its cursor's row.

    Returns the row, from 0, or None if the terminal does not answer; and what was typed meanwhile.
    `number` as in `open_keyboard`; `ask` writes the query `ESC [ 6 n`.
    """
    answer = b""
    if sys.platform == "win32":
        return None, answer
    keyboard = open_keyboard(number)
    if not isinstance(keyboard, PosixKeyboard):
        return None, answer
    try:
        if not keyboard.take():
            return None, answer
        ask()
        while (said := _CURSOR.search(answer)) is None:
            ready, _, _ = select.select([keyboard.number], [], [], _ANSWER_S)
            chunk = os.read(keyboard.number, 64) if ready else b""
            if not chunk:
                return None, answer
            answer += chunk
        return int(said[1]) - 1, _CURSOR.sub(b"", answer, count=1)
    except OSError:
        return None, answer
    finally:
        keyboard.give_back()
        keyboard.close()


class WindowsKeyboard:
    """A Windows console, read by the module `msvcrt`; it has no modes to change."""

    def __init__(self, msvcrt: Any) -> None:
        self._msvcrt = msvcrt
        self._woken = threading.Event()

    def take(self) -> bool:
        """Get keys one by one from now on."""
        return True

    def read(self) -> bytes:
        """Wait for keys, and return those typed at once; b"" once woken."""
        while not self._woken.wait(_POLL_S):
            typed = ""
            while self._msvcrt.kbhit() and len(typed) < _KEPT_BYTES:
                key = self._msvcrt.getwch()
                if key in ("\0", "\xe0"):  # an arrow or function key, named by the next character
                    self._msvcrt.getwch()
                    continue
                typed += key
            if typed:
                return typed.encode("utf-8", "replace")
        return b""

    def wake(self) -> None:
        """End the waiting `read`, and every later one."""
        self._woken.set()

    def give_back(self) -> None:
        """Do nothing: no modes were changed."""

    def close(self) -> None:
        """Do nothing: there are no resources to release."""


if sys.platform != "win32":
    import termios

    class PosixKeyboard:
        """A POSIX terminal; `take` changes its input modes.

        `owned`: `close` closes the file descriptor `number` too.
        """

        def __init__(self, number: int, *, owned: bool = False) -> None:
            self.number = number
            self._owned = owned
            self._woken, self._waker = os.pipe()
            self._before: list[Any] | None = None

        def take(self) -> bool:
            """Get keys one by one from now on; False while the terminal is another program's."""
            if not in_foreground(self.number):
                return False
            try:
                before = termios.tcgetattr(self.number)
                modes = [*before]
                modes[3] &= ~(termios.ICANON | termios.ECHO)
                modes[6] = [*before[6]]
                modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
                with _never_stopped():
                    # TCSANOW: waiting for pending output would block for ever after Ctrl+S.
                    termios.tcsetattr(self.number, termios.TCSANOW, modes)
            except termios.error:
                return False
            self._before = before
            return True

        def read(self) -> bytes:
            """Wait for keys, and return those typed at once; b"" once woken or at the end."""
            typed = b""
            while True:
                wait_s = QUIET_S if typed else None
                ready, _, _ = select.select([self.number, self._woken], [], [], wait_s)
                if self._woken in ready:
                    return b""
                if not ready:
                    return typed
                chunk = os.read(self.number, 1024)
                if not chunk:
                    return b""
                typed = (typed + chunk)[:_KEPT_BYTES]
                if len(typed) <= LONGEST_KEY and not _UNFINISHED.search(typed):
                    return typed

        def wake(self) -> None:
            """End the waiting `read`, and every later one."""
            os.write(self._waker, b"!")

        def give_back(self) -> None:
            """Restore the modes, unless in the background: there the shell has set its own."""
            before, self._before = self._before, None
            if before is not None and in_foreground(self.number):
                with suppress(termios.error), _never_stopped():
                    termios.tcsetattr(self.number, termios.TCSANOW, before)

        def close(self) -> None:
            """Close the pipe that wakes `read`, and the terminal if it is owned."""
            if self._owned:
                os.close(self.number)
            os.close(self._woken)
            os.close(self._waker)

    @contextmanager
    def _never_stopped() -> Iterator[None]:
        """Block SIGTTOU, so that changing modes in the background does not stop the program."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def without_signals(work: Callable[[], None]) -> None:
    """Run a thread's work with signals blocked, so that they interrupt the main thread.

    A terminal read in the background then fails instead of stopping the program.
    """
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    work()
