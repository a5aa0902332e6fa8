"""How many sessions: what a machine is good for, and what an account allows."""

import contextlib

import pytest

from transcribe_cli.emulator.engines.registry import SpeechEngineInfo, speech_engines
from transcribe_cli.emulator.session_limits import (
    LEAST,
    STAND_IN_NEEDS,
    SessionLimits,
    SessionNeeds,
    most_sessions,
)
from transcribe_cli.emulator.session_refused import SessionRefused

MB, GB = 1 << 20, 1 << 30
SPHINX, MOONSHINE, WHISPER = (
    speech_engines()[name].needs for name in ("pocketsphinx", "moonshine", "whisper")
)
OTHERS = SpeechEngineInfo("own", "Own", "", "own", "own", "", "English", "MIT").needs


@pytest.mark.parametrize(
    ("needs", "processors", "memory_bytes", "most"),
    [
        (SPHINX, 2, 24 * GB, 8),  # by processors
        (SPHINX, 64, 16 * GB, 64),  # by memory: half of it, 128 MB each
        (SPHINX, 1, 512 * MB, 2),
        (SPHINX, 1, 64 * MB, LEAST),
        (SPHINX, 4, None, 16),
        (STAND_IN_NEEDS, 2, 24 * GB, 500),
        (MOONSHINE, 2, 24 * GB, 10),
        (WHISPER, 2, 24 * GB, 6),
        (OTHERS, 2, 24 * GB, 8),
        (OTHERS, 64, 12 * GB, 16),
        (STAND_IN_NEEDS, 8, 512 * MB, 64),
        (STAND_IN_NEEDS, 1, 1, LEAST),
    ],
)
def test_the_default_limit(
    needs: SessionNeeds, processors: int, memory_bytes: int | None, most: int
) -> None:
    assert most_sessions(needs, processors, memory_bytes) == most


def test_recognisers_never_take_more_than_half_of_the_memory() -> None:
    for memory_bytes in (256 * MB, GB, 3 * GB, 64 * GB):
        for processors in (1, 2, 64, 256):
            most = most_sessions(SPHINX, processors, memory_bytes)
            assert most * 83 * MB <= max(memory_bytes / 2, LEAST * 83 * MB)


def refusal(limits: SessionLimits, now: float = 0.0) -> str:
    with pytest.raises(SessionRefused) as e, limits.session(now):
        pass
    assert e.value.code == 1008
    return e.value.text


def test_one_too_many_at_once_is_refused_until_one_is_over() -> None:
    limits = SessionLimits(2, None, lambda line: None)
    with contextlib.ExitStack() as first, limits.session(0.0):
        first.enter_context(limits.session(0.0))
        assert refusal(limits) == "Unauthorized Connection: Too many concurrent sessions"
        first.close()
        with limits.session(0.0):
            refusal(limits)


def test_a_session_that_breaks_is_over_too() -> None:
    limits = SessionLimits(1, None, lambda line: None)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limits.session(0.0):
            raise ZeroDivisionError


def test_so_many_new_ones_in_any_minute() -> None:
    limits = SessionLimits(9, 2, lambda line: None)
    for now in (0.0, 30.0):
        with limits.session(now):
            pass
    refusal(limits, 59.9)
    with limits.session(60.0):
        pass
    refusal(limits, 89.9)


def test_that_it_is_full_is_told_once_until_there_was_room() -> None:
    said: list[str] = []
    limits = SessionLimits(1, None, said.append)
    for _ in range(2):
        with limits.session(0.0):
            assert len({refusal(limits) for _ in range(100)}) == 1
    assert said == ["Sessions are refused: no more than 1 at once (--max-sessions)."] * 2


def test_too_many_in_a_minute_is_the_account_s_and_not_told() -> None:
    said: list[str] = []
    limits = SessionLimits(9, 1, said.append)
    with limits.session(0.0):
        refusal(limits)
    assert said == []
