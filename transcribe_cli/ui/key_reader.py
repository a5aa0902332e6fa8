"""Keys that are pressed while the program runs, by name.

A thread reads them and posts each; what they do is for main to decide. Without a terminal on
standard input there are none, and in the background there are none until the program is called to
the foreground.
"""

import atexit
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from transcribe_cli.system.terminal_input import Keyboard, open_keyboard, without_signals

MOST_AT_ONCE = 3
"""More keys than this without a break between them are pasted text, and none of them counts."""

REPEAT_S = 0.08
"""The same key again and again, each time sooner than this, is held down; it counts twice."""

_LOOK_AGAIN_S = 0.5  # whether the program is in the foreground by now

_SEQUENCE = re.compile(
    rb"\x1b(?:"
    rb"\[200~.*?(?:\x1b\[201~|$)"  # text that the terminal says was pasted
    rb"|\[\[."  # function keys of the Linux console
    rb"|\[M.{3}"  # a mouse, with positions as raw bytes
    rb"|\[[0-?]*[ -/]*[@-~]?"  # arrows, function keys, answers of the terminal
    rb"|[]PX^_].*?(?:\x07|\x1b\\|$)"  # longer answers
    rb"|O[ -~]"  # arrows and function keys of older terminals
    rb"|[ -~]?"  # Alt with a key, or Escape alone
    rb")",
    re.DOTALL,
)
_NAMES = {" ": "space", "\r": "enter", "\n": "enter", "\t": "tab"}


def key_names(burst: bytes) -> list[str]:
    """The keys in what was typed in one go; letters are told as small ones.

    Escape sequences and characters outside ASCII are no keys of ours; pasted text is none at all.

    >>> key_names(b"q"), key_names(b"\\x1b[A \\x1bOP"), key_names("é".encode()), key_names(b"quit")
    (['q'], ['space'], [], [])
    """
    typed = _SEQUENCE.sub(b"", burst).decode("utf-8", "replace")
    shown = [char for char in typed if char in _NAMES or char.isprintable()]
    if len(shown) > MOST_AT_ONCE:
        return []
    return [_NAMES.get(char, char.lower()) for char in shown if char.isascii()]


class KeyReader:
    """Posts the name of each key that is pressed: `space`, `enter`, `tab`, `m`, `?` ...

    A context manager; `close` gives the terminal back exactly as it was, and a new `open` takes it
    again. `post` is called by the thread and must not wait. `number`: the file number of standard
    input; `clock`: seconds, only forward.
    """

    def __init__(
        self,
        post: Callable[[str], None],
        *,
        number: int = 0,
        open_keyboard: Callable[[int], Keyboard | None] = open_keyboard,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._post = post
        self._number = number
        self._open_keyboard = open_keyboard
        self._clock = clock
        self._keyboard: Keyboard | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start taking keys, where there is a terminal; harmless when open."""
        if self._keyboard is not None:
            return
        keyboard = self._open_keyboard(self._number)
        if keyboard is None:
            return
        self._keyboard = keyboard
        self._ended = ended = threading.Event()
        taken = keyboard.take()  # here, so that no key is shown by the terminal after this
        atexit.register(self.close)
        self._thread = threading.Thread(
            target=lambda: without_signals(lambda: self._read(keyboard, ended, taken)),
            name="aai-keys",
            daemon=True,  # it waits for a person: what forgets to close it must end all the same
        )
        self._thread.start()

    def close(self) -> None:
        """Stop taking keys and give the terminal back; harmless twice."""
        keyboard, self._keyboard = self._keyboard, None
        if keyboard is None:
            return
        atexit.unregister(self.close)
        self._ended.set()
        keyboard.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        keyboard.give_back()
        keyboard.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, keyboard: Keyboard, ended: threading.Event, taken: bool) -> None:
        last, last_at, times = "", float("-inf"), 0
        while not ended.is_set():
            if not taken:
                if ended.wait(_LOOK_AGAIN_S):
                    return
                taken = keyboard.take()
                continue
            try:
                burst = keyboard.read()
            except OSError:  # the terminal is gone, or another program's
                taken = False
                continue
            if not burst:
                return
            now = self._clock()
            for name in key_names(burst):
                times = times + 1 if name == last and now - last_at < REPEAT_S else 1
                last, last_at = name, now
                if times <= 2:
                    self._post(name)
