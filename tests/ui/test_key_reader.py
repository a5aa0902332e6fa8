"""Keys: which names they get, and that the terminal is the same before and after."""

import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.program import DEADLINE_S
from transcribe_cli.system.terminal_input import WindowsKeyboard, cursor_row, keys_kept_back
from transcribe_cli.ui.key_reader import (
    MOST_AT_ONCE,
    REPEAT_S,
    Key,
    KeyReader,
    keys_of,
)

SEQUENCES = [
    b"\x1b[A",  # up
    b"\x1bOP",  # F1
    b"\x1b[[A",  # F1 on the Linux console
    b"\x1b[15~",  # F5
    b"\x1b[1;5C",  # Ctrl and right
    b"\x1b[<0;12;7M",  # a mouse
    b"\x1b[M !!",  # an older mouse
    b"\x1b[?62;c",  # the terminal says what it is
    b"\x1b]11;rgb:0000/0000/0000\x07",  # and its background
    b"\x1bP1$r0m\x1b\\",
    b"\x1bq",  # Alt and q
    b"\x1b",  # Escape
    b"\x1b[200~q\x1b[201~",  # a paste
    "é".encode(),
    b"\x00",
    b"\x7f",
]


def key_names(burst: bytes) -> list[str]:
    """The names of the keys in one read."""
    return [key.name for key in keys_of(burst) if key.name]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (b" ", ["space"]),
        (b"m", ["m"]),
        (b"M", ["m"]),
        (b"?", ["?"]),
        (b"\r", ["enter"]),
        (b"mb", ["m", "b"]),
        (b"\x1b[Aq", ["q"]),
        (b"q\x1b[", ["q"]),
    ],
)
def test_a_key_has_a_name(typed: bytes, names: list[str]) -> None:
    assert key_names(typed) == names


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_what_is_no_key_of_ours_is_swallowed_whole(sequence: bytes) -> None:
    assert key_names(sequence) == []
    if sequence not in (b"\x1b", b"\x1bq"):
        assert key_names(sequence + b" ") == ["space"]


def test_pasted_text_is_no_command() -> None:
    assert key_names(b"quit") == []
    assert key_names("ménu".encode()) == []
    assert key_names(b"m\nq\n") == []
    assert key_names(b"\x1b[200~q\x1b[201~") == []


def test_what_is_no_key_is_still_text_for_a_line() -> None:
    assert keys_of(b"M") == [Key("m", "M")]
    assert keys_of("Zoë\r".encode()) == [Key("", "Zoë\r")]
    assert keys_of("é".encode()) == [Key("", "é")]
    assert keys_of(b"\x7f") == [Key("", "\x7f")]
    assert keys_of(b"\x1b") == [Key("", "\x1b")]


@given(st.lists(st.sampled_from([*SEQUENCES, b"q", b" "]), max_size=12).map(b"".join))
def test_one_burst_is_never_a_storm(typed: bytes) -> None:
    assert len(key_names(typed)) <= MOST_AT_ONCE


@given(st.binary(max_size=60))
def test_no_bytes_are_an_error(typed: bytes) -> None:
    assert all(name.isascii() and name.isprintable() for name in key_names(typed))


class Board:
    """A keyboard on which a test types; main waits for what it posts."""

    def __init__(self, *, ours: bool = True) -> None:
        self.typed: queue.SimpleQueue[bytes | OSError] = queue.SimpleQueue()
        self.ours = ours
        self.took = threading.Event()
        self.calls: list[str] = []

    def take(self) -> bool:
        self.calls.append("take")
        if self.ours:
            self.took.set()
        return self.ours

    def read(self) -> bytes:
        burst = self.typed.get(timeout=DEADLINE_S)
        if isinstance(burst, OSError):
            raise burst
        return burst

    def wake(self) -> None:
        self.typed.put(b"")

    def give_back(self) -> None:
        self.calls.append("give back")

    def close(self) -> None:
        self.calls.append("close")


def names_only(put: Callable[[str], None]) -> Callable[[Key], None]:
    """Takes the names of keys, and leaves out what has none."""

    def post(key: Key) -> None:
        if key.name:
            put(key.name)

    return post


def posted(board: Board, *bursts: bytes, clock: Iterator[float] | None = None) -> list[str]:
    """What is posted of these bursts, and then of `z`."""
    got: queue.SimpleQueue[str] = queue.SimpleQueue()
    times = clock or iter(range(1000))
    names = []
    post = names_only(got.put)
    with KeyReader(post, open_keyboard=lambda _: board, clock=lambda: next(times)):
        for burst in (*bursts, b"z"):
            board.typed.put(burst)
        while (name := got.get(timeout=DEADLINE_S)) != "z":
            names.append(name)
    return names


def test_keys_are_posted_in_order() -> None:
    assert posted(Board(), b" ", b"m", b"\x1b[A", b"some pasted text", b"?") == ["space", "m", "?"]


def test_a_key_that_is_held_down_is_no_storm() -> None:
    times = (REPEAT_S / 2 * count for count in range(100))
    assert posted(Board(), *[b"b"] * 20, clock=times) == ["b", "b"]


def test_a_key_that_is_pressed_again_counts_again() -> None:
    times = (REPEAT_S * 2 * count for count in range(100))
    assert posted(Board(), *[b"b"] * 5, clock=times) == ["b"] * 5


def test_the_keyboard_is_given_back_once() -> None:
    board = Board()
    keys = KeyReader(lambda _: None, open_keyboard=lambda _: board)
    keys.open()
    keys.open()
    keys.close()
    keys.close()
    assert board.calls == ["take", "give back", "close"]
    keys.open()
    keys.close()
    assert board.calls == ["take", "give back", "close"] * 2


def test_keys_come_back_with_the_foreground() -> None:
    board = Board(ours=False)
    got: queue.SimpleQueue[str] = queue.SimpleQueue()
    with KeyReader(names_only(got.put), open_keyboard=lambda _: board):
        board.ours = True
        assert board.took.wait(DEADLINE_S)
        board.took.clear()
        board.typed.put(OSError("another program's"))
        assert board.took.wait(DEADLINE_S)
        board.typed.put(b"q")
        assert got.get(timeout=DEADLINE_S) == "q"


def test_without_a_terminal_there_are_no_keys() -> None:
    read, write = os.pipe()
    before = threading.active_count()
    with KeyReader(lambda _: None, number=read):
        assert threading.active_count() == before
        os.write(write, b"q")
    assert os.read(read, 1) == b"q"
    for number in (read, write):
        os.close(number)
    with KeyReader(lambda _: None, number=read):  # closed by now
        assert threading.active_count() == before


class Console:
    """`msvcrt` with keys in it."""

    def __init__(self, *keys: str) -> None:
        self.keys = [*keys]

    def kbhit(self) -> bool:
        return bool(self.keys)

    def getwch(self) -> str:
        return self.keys.pop(0)


def test_a_windows_console_has_keys_too() -> None:
    board = WindowsKeyboard(Console("q", "\xe0", "H", "\0", ";", "m"))
    assert board.take()
    assert key_names(board.read()) == ["q", "m"]
    board.wake()
    assert board.read() == b""


if sys.platform != "win32":
    import termios

    @contextmanager
    def pseudo_terminal() -> Iterator[tuple[int, int]]:
        ours, theirs = os.openpty()
        try:
            yield ours, theirs
        finally:
            os.close(ours)
            os.close(theirs)

    def test_the_modes_of_the_terminal_are_the_same_before_and_after() -> None:
        got: queue.SimpleQueue[str] = queue.SimpleQueue()
        with pseudo_terminal() as (ours, theirs):
            before = termios.tcgetattr(theirs)
            keys = KeyReader(names_only(got.put), number=theirs)
            for _ in range(2):
                keys.open()
                flags: Any = termios.tcgetattr(theirs)[3]
                assert not flags & (termios.ICANON | termios.ECHO)
                assert flags & termios.ISIG  # Ctrl+C stays a signal
                os.write(ours, b"\x1b[B")
                os.write(ours, b"m")
                assert got.get(timeout=DEADLINE_S) == "m"
                keys.close()
                assert termios.tcgetattr(theirs) == before
            assert got.empty()

    def test_closing_does_not_wait_for_a_key() -> None:
        with pseudo_terminal() as (_, theirs):
            threads = threading.active_count()
            with KeyReader(lambda _: None, number=theirs):
                assert threading.active_count() == threads + 1
            assert threading.active_count() == threads

    def test_a_terminal_that_hangs_up_is_no_error() -> None:
        ours, theirs = os.openpty()
        with KeyReader(lambda _: None, number=theirs):
            os.close(ours)
        os.close(theirs)

    @pytest.mark.parametrize("ending", ["raise SystemExit(3)", "raise ValueError", "pass"])
    def test_a_program_that_forgets_to_close_gives_the_terminal_back(ending: str) -> None:
        imports = "from transcribe_cli.ui.key_reader import KeyReader"
        code = f"{imports}\nKeyReader(print).open()\nprint('on')\n{ending}"
        with pseudo_terminal() as (_, theirs):
            before = termios.tcgetattr(theirs)
            done = subprocess.run(
                [sys.executable, "-c", code], stdin=theirs, capture_output=True, timeout=30
            )
            assert done.stdout == b"on\n"
            assert termios.tcgetattr(theirs) == before

    def test_the_terminal_says_where_its_cursor_is() -> None:
        with pseudo_terminal() as (ours, theirs):
            before = termios.tcgetattr(theirs)

            def answer() -> None:
                os.write(ours, b"x\x1b[12;40R")

            assert cursor_row(theirs, answer) == (11, b"x")
            assert termios.tcgetattr(theirs) == before

    def test_what_is_typed_before_keys_are_read_is_not_shown_and_not_lost() -> None:
        got: queue.SimpleQueue[str] = queue.SimpleQueue()
        with pseudo_terminal() as (ours, theirs):
            with keys_kept_back(theirs):
                os.write(ours, b"m")
                assert select.select([theirs], [], [], 30)[0]  # not at the end of a line
                assert not select.select([ours], [], [], 0)[0]  # no echo
            _, typed = cursor_row(theirs, lambda: None)
            with KeyReader(names_only(got.put), number=theirs, typed_ahead=lambda: typed):
                assert got.get(timeout=DEADLINE_S) == "m"

    def test_a_terminal_that_says_nothing_is_not_waited_for_long() -> None:
        with pseudo_terminal() as (_, theirs):
            assert cursor_row(theirs, lambda: None) == (None, b"")
