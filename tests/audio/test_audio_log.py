"""The audio log: an append-only WAV that is valid at every moment."""

import errno
import os
import signal
import subprocess
import sys
import threading
import wave
from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.program import DEADLINE_S
from transcribe_cli.audio import audio_log as module
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.system.regular_file import open_regular

AUDIO = AudioFormat(16000)
BLOCK = bytes(range(200)) * 8  # 50 ms


def in_thread(target: object, *args: object) -> threading.Thread:
    assert callable(target)
    thread = threading.Thread(target=target, args=args, name="test-log")
    thread.start()
    return thread


def test_file_is_valid_after_every_append(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with AudioLog.create(path, AUDIO) as log:
        for count in range(20):
            with wave.open(str(path)) as file:
                assert file.readframes(10**6) == BLOCK * count
            with soundfile.SoundFile(str(path)) as other:
                assert (other.frames, other.samplerate) == (800 * count, 16000)
            log.append(BLOCK)

    assert path.stat().st_size == 44 + 20 * len(BLOCK)


def test_stereo_frames_are_counted(tmp_path: Path) -> None:
    with AudioLog.create(tmp_path / "a.wav", AudioFormat(8000, 2)) as log:
        log.append(bytes(400))

        assert (log.frames, log.seconds) == (100, 0.0125)
        assert log.read(90, 100) == bytes(40)


def test_what_was_there_before_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(100_000))
    with AudioLog.create(path, AUDIO) as log:
        log.append(BLOCK)

    assert path.stat().st_size == 44 + len(BLOCK)


def test_a_log_of_an_earlier_run_is_no_link(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim.wav", tmp_path / "a.wav"
    victim.write_bytes(bytes(100))
    path.symlink_to(victim)
    with pytest.raises(OSError, match="it is a symbolic link"):
        AudioLog.open(path, AUDIO)
    with pytest.raises(OSError, match="it is a symbolic link"):
        AudioLog.create(path, AUDIO, open_regular)

    assert victim.read_bytes() == bytes(100)


def test_path_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        AudioLog.create(tmp_path / "none" / "a.wav", AUDIO)


def test_read_gives_what_there_is(tmp_path: Path) -> None:
    with AudioLog.create(tmp_path / "a.wav", AUDIO) as log:
        log.append(BLOCK)
        log.append(BLOCK)

        assert log.read(0, 800) == BLOCK
        assert log.read(400, 800) == BLOCK[800:] + BLOCK[:800]
        assert log.read(1599, 10) == BLOCK[-2:]
        assert log.read(1600, 10) == b""
        assert log.read(5000, 10) == b""


def test_samples_can_be_read_before_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    found: list[bytes] = []
    with AudioLog.create(path, AUDIO) as log:
        log.append(BLOCK)

        def look(start: int, samples: bytes) -> None:
            with wave.open(str(path)) as file:
                assert file.readframes(10**6) == BLOCK
            assert (start, samples) == (800, BLOCK[::-1])
            found.extend([log.read(800, 800), log.read(400, 1200), log.read(0, 400)])

        log.append(BLOCK[::-1], look)
        assert log.read(0, 1600) == BLOCK + BLOCK[::-1]

    assert found == [BLOCK[::-1], BLOCK[800:] + BLOCK[::-1], BLOCK[:800]]


def test_reader_may_be_behind_the_writer() -> None:
    read: list[bytes] = []

    def follow(log: AudioLog) -> None:
        position = 0
        while not (log.ended and position == log.frames):
            part = log.read(position, 333)
            position += len(part) // 2
            read.append(part)

    with AudioLog.temporary(AUDIO) as log:
        reader = in_thread(follow, log)
        for number in range(500):
            log.append(number.to_bytes(2, "little") * 100)
        log.end()
        reader.join(DEADLINE_S)

    assert b"".join(read) == b"".join(n.to_bytes(2, "little") * 100 for n in range(500))


def test_temporary_log_leaves_nothing_behind(tmp_path: Path) -> None:
    with AudioLog.temporary(AUDIO, tmp_path) as log:
        log.append(BLOCK)

        assert log.path is None
        assert log.read(0, 800) == BLOCK
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    log = AudioLog.create(tmp_path / "a.wav", AUDIO)
    log.close()
    log.close()

    assert log.ended


def test_sync_keeps_the_log_usable(tmp_path: Path) -> None:
    with AudioLog.create(tmp_path / "a.wav", AUDIO) as log, AudioLog.temporary(AUDIO) as other:
        log.append(BLOCK)
        log.sync()
        other.sync()

        assert log.read(0, 800) == BLOCK


# Waiting.


def test_writer_waits_for_its_reader() -> None:
    with AudioLog.temporary(AUDIO) as log:
        log.append(BLOCK)
        results: list[bool] = []
        waiter = in_thread(lambda: results.append(log.wait_for_reader(400)))
        log.consumed(400)  # half of what it may be ahead is taken first
        waiter.join(0.05)
        assert waiter.is_alive()
        log.consumed(600)
        waiter.join(DEADLINE_S)

        assert results == [True]


def test_writer_that_was_woken_before_it_waits_does_not_wait() -> None:
    with AudioLog.temporary(AUDIO) as log:
        log.append(BLOCK)
        log.wake()
        results: list[bool] = []
        in_thread(lambda: results.append(log.wait_for_reader(400))).join(DEADLINE_S)

        assert results == [False]


def test_writer_that_is_not_too_far_ahead_does_not_wait() -> None:
    with AudioLog.temporary(AUDIO) as log:
        log.append(BLOCK)

        log.wake()  # so that it does not wait
        assert log.wait_for_reader(800)
        assert not log.wait_for_reader(799)


def test_reader_that_goes_back_holds_the_writer_again() -> None:
    with AudioLog.temporary(AUDIO) as log:
        log.append(BLOCK)
        log.consumed(800)
        log.consumed(0)

        log.wake()  # so that it does not wait
        assert not log.wait_for_reader(400)


# The worst.

_APPEND_FOR_EVER = """
import sys
from pathlib import Path
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.audio_log import AudioLog

log = AudioLog.create(Path(sys.argv[1]), AudioFormat(16000))
number = 0
while True:
    number += 1
    log.append(number.to_bytes(2, "little") * 800)
    if number == 100:
        print("going", flush=True)
    if number == 65535:
        number = 0
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX")
def test_killed_writer_leaves_all_but_the_last_moment(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with subprocess.Popen(
        [sys.executable, "-c", _APPEND_FOR_EVER, str(path)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"going\n"
        child.send_signal(signal.SIGKILL)
        child.wait(DEADLINE_S)

    written = path.stat().st_size - 44
    with wave.open(str(path)) as file:
        samples = file.readframes(file.getnframes())
    with soundfile.SoundFile(str(path)) as other:
        assert other.frames >= 80_000
    assert len(samples) >= 100 * 1600
    assert written - len(samples) <= 3200  # 0.1 s
    for number in range(1, min(len(samples) // 1600, 60_000)):
        assert samples[1600 * (number - 1) : 1600 * (number - 1) + 2] == number.to_bytes(
            2, "little"
        )


# A full disk.


class Disk:
    """Takes the place of a log's file, and takes only so much at a time."""

    def __init__(self, log: AudioLog) -> None:
        self._write = log._write
        self.room = 1 << 60

    def write(self, data: bytes | memoryview, at: int) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._write(data[: self.room], at)
        self.room -= taken
        return taken


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 900)), max_size=30), st.booleans())
def test_full_disk_changes_nothing_that_is_read(steps: list[tuple[int, int]], freed: bool) -> None:
    said = b""
    with AudioLog.temporary(AUDIO) as log:
        disk = Disk(log)
        log._write = disk.write  # type: ignore[method-assign]
        for number, (frames, room) in enumerate(steps):
            disk.room = room
            block = number.to_bytes(2, "little") * frames
            said += block
            seen: list[bytes] = []
            log.append(block, lambda *_, seen=seen: seen.append(log.read(0, log.frames)))
            assert seen == [said]
            assert log.read(0, log.frames) == said
            assert log.read(log.frames // 2, 100) == said[log.frames // 2 * 2 :][:200]
        missing = log.missing
        assert all(0 <= start < end <= log.frames for start, end in missing)
        disk.room = 1 << 60 if freed else 0
        log.append(b"\x07\x00")

        assert log.read(0, log.frames) == said + b"\x07\x00"
        assert bool(log.missing) is not freed
        assert (log.unwritable is None) is freed


def test_what_no_memory_is_left_for_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNSAVED_BYTES", 1000)
    with AudioLog.temporary(AUDIO) as log:
        disk = Disk(log)
        log._write = disk.write  # type: ignore[method-assign]
        log.append(b"\x01\x00" * 100)
        disk.room = 0
        for _ in range(10):
            log.append(b"\x02\x00" * 100)
        assert log.missing == [
            (100, 200),
            (200, 300),
            (300, 400),
            (400, 500),
            (500, 600),
            (600, 1100),
        ]
        disk.room = 1 << 60
        log.append(b"\x03\x00")

        assert log.frames == 1101
        assert log.read(0, 1101) == (
            b"\x01\x00" * 100 + bytes(1000) + b"\x02\x00" * 500 + b"\x03\x00"
        )
