"""Fixtures that all rooms share."""

import gc
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings, strategies
from hypothesis.internal.conjecture import providers

from tests.fault_figures import RULE, TITLES, figures_in
from tests.program import Home, Outcome, begin_test
from transcribe_cli import PROGRAM, cli
from transcribe_cli.redaction import forget_secrets

# How long an example takes says how busy the machine is. The README's test command tries a few
# examples and the long tests many; many runs find what one does not.
settings.register_profile("few", deadline=None, max_examples=10)
settings.register_profile("many", deadline=None, max_examples=50)

LONG_TIMEOUT_S = 300

# Tests that run under `nohup`, or behind a script's `&`, send SIGHUP and SIGINT all the same.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    if runs_long(config):
        settings.load_profile("many")
    else:
        settings.load_profile("few")
        # In few examples no constants of the code's own: each worker reads all modules for them.
        setattr(providers, "is_local_module_file", lambda path: False)  # noqa: B010


def runs_long(config: pytest.Config) -> bool:
    """Whether it is the long tests that run, or some of them, and no others."""
    return asks_for_long(str(config.getoption("markexpr")))


def asks_for_long(markers: str) -> bool:
    """Whether `-m` is given the marker `long`, and not `not long`."""
    return re.search(r"(?<!not )\blong\b", markers) is not None


def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Prepare once, before the workers start, what each would do itself, for 10 s and more."""
    if config.args != config.getini("testpaths"):
        return
    compiled = config.rootpath / ".pytest_cache" / f"compiled-{sys.implementation.cache_tag}"
    sources = [
        path
        for folder in ("tests", "transcribe_cli")
        for path in sorted((config.rootpath / folder).rglob("*.py"))
    ]
    newest = max(path.stat().st_mtime for path in sources)
    if not compiled.exists() or compiled.stat().st_mtime < newest:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.compiling"]
        halves = [
            subprocess.Popen(
                [*command, *map(str, half)],
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
                stdout=subprocess.DEVNULL,
                cwd=config.rootpath,
            )
            for half in (sources[::2], sources[1::2])
        ]
        strategies.text().validate()  # reads Unicode's tables, and keeps them in a file
        for half in halves:
            half.wait()
        compiled.parent.mkdir(exist_ok=True)
        compiled.touch()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without a search for garbage: what is made stays, and is never searched again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as long what `first` leaves out, and give what is long some minutes more.

    Among the long ones is each test of examples once more, with many of them.

    What may take longest begins first, so that nothing waits for it in the end. Files of tests that
    start the program, and so wait for it, come between files of those that only compute.
    """
    seen: Counter[str] = Counter()
    for item in items:
        if (first := item.get_closest_marker("first")) is not None:
            test = item.nodeid.partition("[")[0]
            seen[test] += 1
            if seen[test] > first.args[0]:
                item.add_marker(pytest.mark.long)
        if runs_long(config) and is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.long)
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_TIMEOUT_S))
    files = {path: list(those) for path, those in groupby(items, key=lambda item: item.path)}
    place: dict[Path, float] = {}
    for kind in (True, False):
        of_kind = [path for path, those in files.items() if starts_program(those) is kind]
        total = sum(len(files[path]) for path in of_kind)
        before = 0
        for path in of_kind:
            place[path] = before / total
            before += len(files[path])
    items.sort(key=lambda item: (-timeout_s(item), place[item.path]))


def starts_program(tests: Sequence[pytest.Item]) -> bool:
    """Whether most tests of a file start the program, or something else that they wait for."""
    starting = [test for test in tests if "home" in getattr(test, "fixturenames", ())]
    return 2 * len(starting) > len(tests)


def timeout_s(item: pytest.Item) -> float:
    """How long a test may take; 0: as long as most."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None else 0.0


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    begin_test(is_long=item.get_closest_marker("long") is not None)


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """No credential of one test is taken out of the texts of the next."""
    yield
    forget_secrets()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty home folder to run the program in."""
    home = Home(tmp_path / "home")
    yield home
    home.end()


@pytest.fixture
def call(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run a command line in this process, as a user would in this home; variables by name."""
    monkeypatch.chdir(home.work)
    for name in os.environ.keys() - home.environment().keys():
        monkeypatch.delenv(name)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, **variables: str) -> Outcome:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", [PROGRAM, *arguments])
            for name, value in variables.items():
                patch.setenv(name, value)
            code = cli.run(arguments)
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return run


@pytest.fixture
def in_process(home: Home, call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `home.run` do without a process of its own, where nothing is piped into it.

    For tests of what a run hears, writes and says: to start a process costs more than all of that.
    """

    def run(*arguments: str, data: bytes | None = None, **more: Any) -> Outcome:
        if data is not None:
            return Home.run(home, *arguments, data=data, **more)
        return call(*arguments, **more.get("env", {}))

    monkeypatch.setattr(home, "run", run)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the figures of the runs in which things went wrong, where there were any."""
    figures = figures_in(terminalreporter.getreports("passed"))
    if figures.runs:
        terminalreporter.section("random faults")
        for line in (TITLES, RULE, figures.as_row()):
            terminalreporter.line(line)
