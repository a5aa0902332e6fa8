"""Fixtures that all rooms share."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.figures import RULE, TITLES, figures_in
from tests.program import Home
from transcribe_cli.redaction import forget_secrets

# How long an example takes says how busy the machine is; many runs find what one does not.
settings.register_profile("unhurried", deadline=None, max_examples=40)
settings.load_profile("unhurried")

# Tests that run under `nohup` send SIGHUP all the same.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """No credential of one test is taken out of the texts of the next."""
    yield
    forget_secrets()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home folder to run the program in."""
    return Home(tmp_path / "home")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the figures of the runs in which things went wrong, where there were any."""
    figures = figures_in(terminalreporter.getreports("passed"))
    if figures.runs:
        terminalreporter.section("random faults")
        for line in (TITLES, RULE, figures.as_row()):
            terminalreporter.line(line)
