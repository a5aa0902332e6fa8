"""Ctrl+Z: who gives the terminal back when, and that handlers come back."""

import signal
import sys
import threading

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.ui import suspend as suspending
from transcribe_cli.ui.suspend import suspend, suspend_signals, take_back

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


class Held:
    """Something that says when it is opened and closed."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self.name, self.calls = name, calls

    def open(self) -> None:
        self.calls.append(f"open {self.name}")

    def close(self) -> None:
        self.calls.append(f"close {self.name}")


def test_the_program_stops_between_giving_back_and_taking(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(suspending, "_stop", lambda: calls.append("stop"))
    suspend(Held("view", calls), Held("keys", calls))
    assert calls == ["close keys", "close view", "stop", "open view", "open keys"]


def test_taking_back_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(suspending, "_stop", lambda: calls.append("stop"))
    take_back(Held("view", calls), Held("keys", calls))
    assert calls == ["close keys", "close view", "open view", "open keys"]


def test_signals_are_posted_and_handlers_come_back() -> None:
    posted: list[str] = []
    before = [signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)]
    with suspend_signals(posted.append):
        signal.raise_signal(signal.SIGTSTP)
        signal.raise_signal(signal.SIGCONT)
    assert posted == ["suspend", "continue"]
    assert [signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)] == before


def test_a_shell_without_job_control_is_obeyed() -> None:
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        with suspend_signals(lambda _: None):
            assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTSTP, before)


def test_other_threads_have_no_signals() -> None:
    before = signal.getsignal(signal.SIGTSTP)
    seen: list[object] = []

    def run() -> None:
        with suspend_signals(lambda _: None):
            seen.append(signal.getsignal(signal.SIGTSTP))

    thread = threading.Thread(target=run, name="test-suspend")
    thread.start()
    thread.join(DEADLINE_S)
    assert seen == [before]
