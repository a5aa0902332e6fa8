"""A log that forgets: what is left in it is what was written, and it takes little room."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.tones import pcm
from transcribe_cli.audio import trimmed_log
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.trimmed_log import TrimmedLog

AUDIO = AudioFormat(1000)
SEGMENT = 20  # frames


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimmed_log, "SEGMENT_S", SEGMENT / 1000)


def counted(start: int, count: int) -> bytes:
    return pcm(*(frame % 30_000 for frame in range(start, start + count)))


def room(log: AudioLog) -> int:
    """Frames for which the file has room."""
    return os.fstat(log._file.fileno()).st_size // AUDIO.frame_bytes


steps = st.tuples(st.sampled_from(["append", "forget", "read"]), st.integers(0, 75))


@given(st.lists(steps, max_size=60))
def test_what_is_not_forgotten_is_read_as_it_was_written(taken: list[tuple[str, int]]) -> None:
    most = 0
    with TrimmedLog.temporary(AUDIO) as log:
        for action, number in taken:
            if action == "append":
                log.append(counted(log.frames, number))
            elif action == "forget":
                before, first = min(log.first + number, log.frames), log.first
                log.forget(before)
                assert first <= log.first <= max(before, first)
                assert before - log.first < SEGMENT or log.first == first
            else:
                start = min(log.first + number, log.frames)
                got = log.read(start, 50)
                assert got == counted(start, min(50, log.frames - start))
            most = max(most, log.frames - log.first)
        assert room(log) <= most + 2 * SEGMENT


def test_a_long_file_takes_the_room_of_a_moment(tmp_path: Path) -> None:
    with TrimmedLog.temporary(AUDIO, tmp_path) as log:
        for _ in range(1000):
            log.append(counted(log.frames, 10))
            log.forget(log.frames - 30)
            start = max(0, log.frames - 30)
            assert log.read(start, 30) == counted(start, min(30, log.frames))
        assert log.frames == 10_000
        assert room(log) <= 4 * SEGMENT


def test_what_is_forgotten_cannot_be_read_by_accident() -> None:
    with TrimmedLog.temporary(AUDIO) as log:
        log.append(counted(0, 100))
        log.append(counted(100, 1))
        log.forget(50)
        assert log.first == 40
        assert log.read(40, 10) == counted(40, 10)
        with pytest.raises(ValueError, match="frame 39 has been forgotten"):
            log.read(39, 1)


def test_to_forget_less_than_before_changes_nothing() -> None:
    with TrimmedLog.temporary(AUDIO) as log:
        log.append(counted(0, 100))
        log.forget(80)
        log.forget(10)
        assert log.first == 80


def test_what_is_forgotten_before_it_comes_takes_no_room() -> None:
    """A recording that is taken up again is decoded from its beginning."""
    with TrimmedLog.temporary(AUDIO) as log:
        log.append(counted(0, 5))
        log.forget(1000)
        while log.frames < 1100:
            log.append(counted(log.frames, 7))
        assert room(log) <= 7 * SEGMENT
        assert log.read(1000, 100) == counted(1000, 100)


def test_a_log_that_is_a_recording_forgets_nothing() -> None:
    with AudioLog.temporary(AUDIO) as log:
        log.append(counted(0, 100))
        log.append(counted(100, 10))
        log.forget(90)
        assert log.first == 0
        assert log.read(0, 110) == counted(0, 110)
