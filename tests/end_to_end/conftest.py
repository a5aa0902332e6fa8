"""The program without a process of its own, for what ends before there is a run."""

import os
import sys
from collections.abc import Callable

import pytest

from tests.program import Home, Outcome
from transcribe_cli import cli


@pytest.fixture
def call(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run a command line in this process: a wrong one, or one that only reads and writes files."""
    monkeypatch.chdir(home.work)
    for name in os.environ.keys() - home.environment().keys():
        monkeypatch.delenv(name)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", [cli.PROGRAM, *arguments])
        code = cli.run(arguments)
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return run
