"""The search for garbage is off while the program starts, and on when its work begins."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from transcribe_cli.run.loop import Loop
from transcribe_cli.system import garbage


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.enable()
    gc.unfreeze()


def test_what_is_there_when_it_begins_is_not_searched_again() -> None:
    garbage.put_off()
    assert not gc.isenabled()
    garbage.begin()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_program_that_did_not_put_it_off_is_left_alone() -> None:
    garbage.begin()
    assert gc.get_freeze_count() == 0


def test_the_loop_begins_with_it() -> None:
    garbage.put_off()
    with Loop() as loop:
        loop.run([])
    assert gc.isenabled()


@pytest.mark.parametrize("arguments", [["models"], ["--help"], ["recordings", "--help"]])
def test_a_command_without_a_loop_begins_with_it(arguments: list[str]) -> None:
    script = (
        "import atexit, gc, sys; from transcribe_cli.cli import main;"
        "atexit.register(lambda: print('on' if gc.isenabled() else 'off'));"
        "main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "on"
