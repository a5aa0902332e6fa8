"""Signals become posts, and what was there before comes back."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.system.signals import stop_signals, stop_signals_wait

NAMES = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.mark.parametrize("name", NAMES)
def test_signal_is_posted_by_name(name: str) -> None:
    posted: list[str] = []
    with stop_signals(posted.append):
        signal.raise_signal(signal.Signals[name])
        signal.raise_signal(signal.Signals[name])

    assert posted == [name, name]


@pytest.mark.parametrize("name", NAMES)
def test_handler_that_was_there_comes_back(name: str) -> None:
    before = signal.getsignal(signal.Signals[name])
    with pytest.raises(RuntimeError), stop_signals(lambda _: None):
        raise RuntimeError

    assert signal.getsignal(signal.Signals[name]) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="SIGHUP is of POSIX")
def test_nohup_is_obeyed() -> None:
    posted: list[str] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals(posted.append):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)

    assert posted == []


def test_ctrl_c_reaches_a_program_that_a_script_put_in_the_background() -> None:
    posted: list[str] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_signals(posted.append):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)

    assert posted == ["SIGINT"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mask of signals")
def test_signal_waits_until_what_must_be_whole_is_so() -> None:
    done = []

    with pytest.raises(KeyboardInterrupt), stop_signals_wait():
        signal.raise_signal(signal.SIGINT)
        done.append("whole")

    assert done == ["whole"]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_other_threads_have_no_signals() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def run() -> None:
        with stop_signals(lambda _: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run, name="test-signals")
    thread.start()
    thread.join(DEADLINE_S)

    assert seen == [before]


_SWALLOWED = """
import signal, sys, threading, time, weakref
from transcribe_cli.system.signals import resend_swallowed_signals

start = threading.Thread.start

def start_slowly(thread):
    start(thread)
    time.sleep(float(sys.argv[2]))  # on a busy machine

threading.Thread.start = start_slowly

class Freed: pass

def leave(number, frame):
    raise SystemExit(143)

resend_swallowed_signals()
signal.signal(signal.SIGTERM, leave)
freed = Freed()
callback = weakref.ref(freed, lambda _: signal.raise_signal(int(sys.argv[1])))
try:
    del freed  # the signal arrives in the callback, which cannot raise
    time.sleep(30)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.skipif(os.name != "posix", reason="an exit code of POSIX")
@pytest.mark.parametrize("busy_s", [0, 0.2])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_in_a_callback_of_the_interpreter_still_ends_the_program(
    number: signal.Signals, code: int, busy_s: float
) -> None:
    command = [sys.executable, "-c", _SWALLOWED, str(int(number)), str(busy_s)]
    ended = subprocess.run(command, capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stderr) == (code, b"")
