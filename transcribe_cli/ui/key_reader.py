"""Reads keys while the program runs, and posts each by its name and its text.

A thread reads; main decides what a key does (`key_table.py`). Keys come from the terminal also
where standard input is a pipe. There are none without a terminal, nor while the program is in the
background.
"""

import atexit
import re
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Self

from transcribe_cli.system.terminal_input import Keyboard, open_keyboard, without_signals

MOST_AT_ONCE = 3
"""More characters than this in one read are pasted text, and are ignored."""

REPEAT_S = 0.08
"""The same key at shorter intervals is being held down: only two of its presses count."""

_LOOK_AGAIN_S = 0.5  # between two checks for the foreground

_SEQUENCE = re.compile(
    rb"\x1b(?:"
    rb"\[200~.*?(?:\x1b\[201~|$)"  # bracketed paste
    rb"|\[\[."  # function keys of the Linux console
    rb"|\[M.{3}"  # a mouse event, with positions as raw bytes
    rb"|\[[0-?]*[ -/]*[@-~]?"  # arrows, function keys, answers of the terminal
    rb"|[]PX^_].*?(?:\x07|\x1b\\|$)"  # longer answers
    rb"|O[ -~]"  # arrows and function keys of older terminals
    rb"|[ -~]?"  # Alt with a key, or Escape alone
    rb")",
    re.DOTALL,
)
_NAMES = {" ": "space", "\r": "enter", "\n": "enter", "\t": "tab"}


class Key(NamedTuple):
    """What was typed in one go.

    Attributes:
        name: of the key, letters in lower case; "" where it is no key of ours: a character outside
            ASCII, pasted text, a key that is held down.
        text: what a line that is being typed takes.
    """

    name: str
    text: str


def keys_of(burst: bytes) -> list[Key]:
    """The keys in one read. Escape sequences give none.

    >>> keys_of(b"M"), keys_of(b"quit")
    ([Key(name='m', text='M')], [Key(name='', text='quit')])
    """
    if burst == b"\x1b":  # the key Escape
        return [Key("", "\x1b")]
    typed = _SEQUENCE.sub(b"", burst).decode("utf-8", "replace")
    if sum(char in _NAMES or char.isprintable() for char in typed) > MOST_AT_ONCE:
        return [Key("", typed)]
    return [Key(_name_of(char), char) for char in typed]


def _name_of(char: str) -> str:
    is_key = char in _NAMES or (char.isprintable() and char.isascii())
    return _NAMES.get(char, char.lower()) if is_key else ""


class KeyReader:
    """Posts what is typed, by the names of keys: `space`, `enter`, `tab`, `m`, `?` ...

    A context manager. `close` restores the terminal's modes; `open` may be called again after it.

    Args:
        post: called on the thread with each key; must not block.
        number: the file descriptor of a terminal, as `open_keyboard` takes it.
        typed_ahead: what was typed before each `open` and read by somebody else.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        post: Callable[[Key], None],
        *,
        number: int | None = None,
        open_keyboard: Callable[[int | None], Keyboard | None] = open_keyboard,
        typed_ahead: Callable[[], bytes] = bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._post = post
        self._number = number
        self._open_keyboard = open_keyboard
        self._typed_ahead = typed_ahead
        self._clock = clock
        self._keyboard: Keyboard | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start reading keys, if there is a terminal. May be called when open."""
        if self._keyboard is not None:
            return
        keyboard = self._open_keyboard(self._number)
        if keyboard is None:
            return
        self._keyboard = keyboard
        self._ended = ended = threading.Event()
        taken = keyboard.take()  # not on the thread: no key is echoed from here on
        atexit.register(self.close)
        for key in keys_of(self._typed_ahead()):
            self._post(key)
        self._thread = threading.Thread(
            target=lambda: without_signals(lambda: self._read(keyboard, ended, taken)),
            name="aai-keys",
            daemon=True,  # a caller that forgets to close it can still exit
        )
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether there is a terminal whose keys are read."""
        return self._keyboard is not None

    def close(self) -> None:
        """Stop reading keys and restore the terminal. May be called twice."""
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

    def __exit__(self, *_: object) -> None:
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
            except OSError:  # the terminal is gone, or another program has the foreground
                taken = False
                continue
            if not burst:
                return
            now = self._clock()
            for key in keys_of(burst):
                times = times + 1 if key.name == last and now - last_at < REPEAT_S else 1
                last, last_at = key.name, now
                self._post(key if times <= 2 else key._replace(name=""))
