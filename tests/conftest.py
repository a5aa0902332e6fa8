"""Fixtures that all rooms share."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fault_figures import RULE, TITLES, figures_in
from tests.program import Home
from transcribe_cli.redaction import forget_secrets

# How long an example takes says how busy the machine is; many runs find what one does not.
settings.register_profile("unhurried", deadline=None, max_examples=25)
settings.load_profile("unhurried")

LONG_TIMEOUT_S = 300

# Tests that run under `nohup` send SIGHUP all the same.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Compile all tests once before the workers start: each would do so itself, for 10 s."""
    if config.args != config.getini("testpaths"):
        return
    compiled = config.rootpath / ".pytest_cache" / "compiled"
    newest = max(path.stat().st_mtime for path in Path(__file__).parent.rglob("*.py"))
    if not compiled.exists() or compiled.stat().st_mtime < newest:
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-m", ""]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, cwd=config.rootpath)
        compiled.parent.mkdir(exist_ok=True)
        compiled.touch()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as long what `first` leaves out, and give what is long some minutes more."""
    seen: Counter[str] = Counter()
    for item in items:
        if (first := item.get_closest_marker("first")) is not None:
            test = item.nodeid.partition("[")[0]
            seen[test] += 1
            if seen[test] > first.args[0]:
                item.add_marker(pytest.mark.long)
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_TIMEOUT_S))


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
