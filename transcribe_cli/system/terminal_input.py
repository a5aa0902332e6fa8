"""The small door to the terminal's input: key by key instead of line by line, and back.

POSIX has it in `termios`, Windows in `msvcrt`. Signals stay signals: Ctrl+C and Ctrl+Z never become
keys.
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
"""The rest of an escape sequence, or of pasted text, comes sooner than this."""

LONGEST_KEY = 16
"""More bytes than this at once were pasted."""

_ANSWER_S = 0.2  # a terminal on this machine answers within a few ms
_POLL_S = 0.05  # a Windows console can be asked, but not waited for together with an event
_CURSOR = re.compile(rb"\x1b\[(\d+);\d+R")
_KEPT_BYTES = 4096  # of pasted text, of which nothing is used
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O|\[M.{,2}|[]PX^_][^\x07\x1b]*)?$", re.DOTALL)


class Keyboard(Protocol):
    """Keys of one terminal; `read` is for one thread, and `wake` ends it from another."""

    def take(self) -> bool:
        """Get keys one by one from now on; False while the terminal is another program's."""
        ...

    def read(self) -> bytes:
        """Wait for what is typed in one go; b"" once woken or when nothing more can come.

        Raises:
            OSError: the terminal is gone, or another program's now.
        """
        ...

    def wake(self) -> None:
        """End the `read` that waits, and every later one."""
        ...

    def give_back(self) -> None:
        """Leave the terminal as it was before `take`; harmless twice."""
        ...

    def close(self) -> None:
        """Let go of what the keyboard holds itself."""
        ...


def in_foreground(number: int) -> bool:
    """Whether the terminal with that file number listens to this program just now.

    True also of what is no terminal, or not the one that controls the program: nobody stops it
    there.
    """
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(number) == os.getpgrp()
    except OSError:
        return True


def open_keyboard(number: int) -> Keyboard | None:
    """The keyboard of a standard input with that file number; None where that is no terminal."""
    try:
        if not os.isatty(number):
            return None
    except OSError:
        return None
    if sys.platform == "win32":
        import msvcrt

        return WindowsKeyboard(msvcrt)
    return PosixKeyboard(number)


def cursor_row(number: int, ask: Callable[[], None]) -> int | None:
    """The row of the cursor, from 0, as the terminal says it; None where it does not.

    `ask` writes the question, `ESC [ 6 n`. What is typed just then is lost.
    """
    keyboard = open_keyboard(number)
    if keyboard is None or sys.platform == "win32":
        return None
    try:
        if not keyboard.take():
            return None
        ask()
        answer = b""
        while (said := _CURSOR.search(answer)) is None:
            ready, _, _ = select.select([number], [], [], _ANSWER_S)
            chunk = os.read(number, 64) if ready else b""
            if not chunk:
                return None
            answer += chunk
        return int(said[1]) - 1
    except OSError:
        return None
    finally:
        keyboard.give_back()
        keyboard.close()


class WindowsKeyboard:
    """A console, through the module `msvcrt`; it has no modes to change."""

    def __init__(self, msvcrt: Any) -> None:
        self._msvcrt = msvcrt
        self._woken = threading.Event()

    def take(self) -> bool:
        """Get keys one by one from now on."""
        return True

    def read(self) -> bytes:
        """Wait for what is typed in one go; b"" once woken."""
        while not self._woken.wait(_POLL_S):
            typed = ""
            while self._msvcrt.kbhit() and len(typed) < _KEPT_BYTES:
                key = self._msvcrt.getwch()
                if key in ("\0", "\xe0"):  # an arrow or a function key, which the next one says
                    self._msvcrt.getwch()
                    continue
                typed += key
            if typed:
                return typed.encode("utf-8", "replace")
        return b""

    def wake(self) -> None:
        """End the `read` that waits, and every later one."""
        self._woken.set()

    def give_back(self) -> None:
        """Nothing was changed."""

    def close(self) -> None:
        """Nothing is held."""


if sys.platform != "win32":
    import termios

    class PosixKeyboard:
        """A terminal whose input modes are changed while its keys are wanted."""

        def __init__(self, number: int) -> None:
            self._number = number
            self._woken, self._waker = os.pipe()
            self._before: list[Any] | None = None

        def take(self) -> bool:
            """Get keys one by one from now on; False while the terminal is another program's."""
            if not in_foreground(self._number):
                return False
            try:
                before = termios.tcgetattr(self._number)
                modes = [*before]
                modes[3] &= ~(termios.ICANON | termios.ECHO)
                modes[6] = [*before[6]]
                modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
                with _never_stopped():
                    # Now, and not when all output is out: that waits for ever after a Ctrl+S.
                    termios.tcsetattr(self._number, termios.TCSANOW, modes)
            except termios.error:
                return False
            self._before = before
            return True

        def read(self) -> bytes:
            """Wait for what is typed in one go; b"" once woken or at the end of input."""
            typed = b""
            while True:
                wait_s = QUIET_S if typed else None
                ready, _, _ = select.select([self._number, self._woken], [], [], wait_s)
                if self._woken in ready:
                    return b""
                if not ready:
                    return typed
                chunk = os.read(self._number, 1024)
                if not chunk:
                    return b""
                typed = (typed + chunk)[:_KEPT_BYTES]
                if len(typed) <= LONGEST_KEY and not _UNFINISHED.search(typed):
                    return typed

        def wake(self) -> None:
            """End the `read` that waits, and every later one."""
            os.write(self._waker, b"!")

        def give_back(self) -> None:
            """Set the modes from before; in the background the shell has set its own."""
            before, self._before = self._before, None
            if before is not None and in_foreground(self._number):
                with suppress(termios.error), _never_stopped():
                    termios.tcsetattr(self._number, termios.TCSANOW, before)

        def close(self) -> None:
            """Close the pipe that wakes."""
            os.close(self._woken)
            os.close(self._waker)

    @contextmanager
    def _never_stopped() -> Iterator[None]:
        """Should the program go to the background just now, changing modes does not stop it."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def without_signals(work: Callable[[], None]) -> None:
    """Run the work of a thread that gets no signals: they are main's, whom they must wake.

    A read from the background then fails instead of stopping the program.
    """
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    work()
