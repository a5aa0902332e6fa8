"""From a source into the log."""

import errno
import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.audio.tones import pcm
from tests.program import DEADLINE_S
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.audio.source import DiskBack, DiskFull, Overflow, SourceEvent
from transcribe_cli.errors import AudioError, StreamError

AUDIO = AudioFormat(16000)
SECOND = pcm(*([5] * 16000))


class Given:
    """A source that gives what a test puts on its queue; an error is raised, None is the end."""

    name = "given"
    kind = "mic"
    length_s: float | None = None
    path: str | None = None

    def __init__(self, *items: bytes | Exception | None, live: bool = True) -> None:
        self.live = live
        self.items: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
        for item in items:
            self.items.put(item)

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        report(Overflow())
        while (item := self.items.get(timeout=DEADLINE_S)) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def stop(self) -> None:
        self.items.put(None)

    def close(self) -> None:
        self.stop()


class Desk:
    def __init__(self, source: Given, log: AudioLog, most_frames: int | None = None) -> None:
        self.log = log
        self.reports: list[SourceEvent] = []
        self.ended: queue.SimpleQueue[tuple[StreamError | None, bool]] = queue.SimpleQueue()
        self._grown: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.recorder = Recorder(
            source,
            log,
            lambda event, _: self.reports.append(event),
            lambda problem: self.ended.put((problem, log.ended)),
            lambda start, samples: self._grown.put(log.frames),
            most_frames=most_frames,
        )
        self.recorder.start()

    def grown(self, frames: int) -> None:
        """Wait until the log holds so many frames."""
        while self._grown.get(timeout=DEADLINE_S) < frames:
            pass

    def end(self) -> StreamError | None:
        problem, log_had_ended = self.ended.get(timeout=DEADLINE_S)
        self.recorder.join(DEADLINE_S)
        assert not log_had_ended  # main hears of the end before a sender can
        assert self.log.ended
        return problem


def test_blocks_go_into_the_log_in_order() -> None:
    with AudioLog.temporary(AUDIO) as log:
        desk = Desk(Given(pcm(1, 2), b"", pcm(3), None), log)

        assert desk.end() is None
        assert log.read(0, 10) == pcm(1, 2, 3)
        assert desk.reports == [Overflow()]


def test_loudest_sample_is_taken_once() -> None:
    with AudioLog.temporary(AUDIO) as log:
        desk = Desk(Given(pcm(1, -900), pcm(20), None), log)
        desk.end()

        assert [desk.recorder.take_levels(), desk.recorder.take_levels()] == [[900], [0]]


def test_mute_silences_the_microphone_of_a_call_alone() -> None:
    with AudioLog.temporary(AudioFormat(16000, 2)) as log:
        source = Given()
        desk = Desk(source, log)
        desk.recorder.muted = True
        source.items.put(pcm(100, 7, -900, -8))
        source.items.put(None)
        desk.end()

        assert log.read(0, 10) == pcm(0, 7, 0, -8)
        assert desk.recorder.take_levels() == [0, 8]


def test_stop_keeps_what_was_captured() -> None:
    with AudioLog.temporary(AUDIO) as log:
        desk = Desk(Given(*[SECOND] * 5), log)
        desk.recorder.stop()

        assert desk.end() is None
        assert log.frames == 5 * 16000


def test_source_that_breaks_is_told_and_what_came_before_is_kept() -> None:
    problem = AudioError("'a.wav' is damaged.")
    with AudioLog.temporary(AUDIO) as log:
        desk = Desk(Given(pcm(1), problem), log)

        assert desk.end() is problem
        assert log.frames == 1


def test_disk_that_is_full_is_told_once_and_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with AudioLog.temporary(AUDIO) as log:
        source = Given()
        desk = Desk(source, log)
        with monkeypatch.context() as full:
            full.setattr(log, "_write", no_space)
            source.items.put(pcm(1))
            source.items.put(pcm(2))
            desk.grown(2)
        source.items.put(pcm(3))
        source.items.put(None)

        assert desk.end() is None
        assert desk.reports == [Overflow(), DiskFull("No space left on device"), DiskBack()]
        assert log.read(0, 3) == pcm(1, 2, 3)
        assert log.missing == []


def no_space(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_fault_is_told() -> None:
    with AudioLog.temporary(AUDIO) as log:
        problem = Desk(Given(KeyError("wrong")), log).end()

    assert problem is not None
    assert problem.message == "A fault of this program while recording: KeyError: 'wrong'."


def test_file_is_decoded_only_a_little_ahead() -> None:
    with AudioLog.temporary(AUDIO) as log:
        desk = Desk(Given(*[SECOND] * 20, None, live=False), log)
        desk.grown(5 * 16000)
        with pytest.raises(queue.Empty):
            desk.ended.get(timeout=0.1)
        ahead = log.frames
        log.consumed(16000 * 20)

        assert desk.end() is None
        assert ahead == 5 * 16000
        assert log.frames == 20 * 16000


def test_stop_ends_the_wait_for_a_reader() -> None:
    with AudioLog.temporary(AUDIO) as log:
        desk = Desk(Given(*[SECOND] * 5, live=False), log)
        desk.grown(5 * 16000)
        desk.recorder.stop()

        assert desk.end() is None


def test_recording_of_a_given_length_ends_to_the_sample() -> None:
    with AudioLog.temporary(AUDIO) as log:
        desk = Desk(Given(SECOND, SECOND, SECOND, None), log, most_frames=20_000)

        assert desk.end() is None
        assert log.frames == 20_000
        assert desk.recorder.full


def test_recorder_that_was_never_started_can_be_joined() -> None:
    with AudioLog.temporary(AUDIO) as log:
        recorder = Recorder(Given(), log, lambda *_: None, lambda _: None)
        recorder.join(0.1)

        assert "aai-recorder" not in [thread.name for thread in threading.enumerate()]
