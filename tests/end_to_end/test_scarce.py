"""A machine that has little: what is missing is said, and nothing is a traceback."""

import resource
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from tests.counting import counting_service, write_wav
from tests.program import Home, Outcome, finish

MEGABYTE = 1 << 20


def limited(kind: int, most: int) -> Callable[[], None]:
    """What a shell's `ulimit` does before the program begins."""
    return lambda: resource.setrlimit(kind, (most, most))


def transcribe(home: Home, name: str, limit: Callable[[], None]) -> Outcome:
    with counting_service() as service:
        started = home.start(
            *("file", name, "--endpoint", service.url, "--pace", "max", "--no-save"),
            preexec_fn=limit,
            env={"PYTHONWARNINGS": ""},
        )
        return finish(started)


def test_plain_wav_takes_little_memory(home: Home) -> None:
    write_wav(home.work / "talk.wav", 2)

    outcome = transcribe(home, "talk.wav", limited(resource.RLIMIT_AS, 150 * MEGABYTE))

    assert outcome.code == 0, outcome.err
    assert outcome.out == "w1 w2\n"


@pytest.mark.parametrize("megabytes", [150, 75])
def test_memory_that_is_not_enough_for_numpy_is_said(home: Home, megabytes: int) -> None:
    soundfile.write(home.work / "a.flac", np.zeros((44_100, 2)), 44_100)

    outcome = transcribe(home, "a.flac", limited(resource.RLIMIT_AS, megabytes * MEGABYTE))

    assert "Traceback" not in outcome.err
    assert "fault of this program" not in outcome.err
    told = outcome.err.splitlines()
    if outcome.code and "OpenBLAS" not in outcome.err:  # which ends the process by itself
        assert outcome.code == 1
        assert told[-2].startswith("error: ")
        assert "memory" in outcome.err or "cannot be loaded" in outcome.err


def test_files_that_are_too_many_are_said(home: Home) -> None:
    write_wav(home.work / "talk.wav", 1)

    outcome = transcribe(home, "talk.wav", limited(resource.RLIMIT_NOFILE, 7))

    assert outcome.code == 1
    assert "error: Too many files are open." in outcome.err
    assert "ulimit -n" in outcome.err
