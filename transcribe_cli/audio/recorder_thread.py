"""The thread between a source and the audio log."""

import contextlib
import threading
import time
from collections.abc import Callable

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.source import (
    DiskBack,
    DiskFull,
    Source,
    SourceEvent,
    event_within,
    is_spoken_now,
)
from transcribe_cli.errors import StreamError, explain_unexpected

SYNC_EVERY_S = 1.0  # a power cut costs at most this and one block
READ_AHEAD_S = 4.0  # how far a file is decoded ahead of its reader


class Recorder:
    """Runs `aai-recorder`; owns the writing end of the log.

    Args:
        report: called with an event of the source or the disk, and the log's length in frames.
        ended: called when the last block is in the log, with the error, if an error ended it.
        sync: writes other files through to the disk when the audio is.
        grew: called with the first frame and the samples of a new block, and with none at the end.
        most_frames: stop the source after exactly this many frames; None: never.

    Attributes:
        paused: a microphone's blocks are dropped, and the recording's clock stands still; audio
            from a pipe is kept, and sent after the pause, like that of a file.
        muted: the microphone is recorded as silence.
        full: it stopped because of `most_frames`, and not because the source ended.
        loudest: greatest sample amplitude of each track of a live source since `take_levels` was
            last called (0 to 32768).
    """

    def __init__(
        self,
        source: Source,
        log: AudioLog,
        report: Callable[[SourceEvent, int], None],
        ended: Callable[[StreamError | None], None],
        grew: Callable[[int, bytes], None] = lambda start, samples: None,
        sync: Callable[[], None] = lambda: None,
        most_frames: int | None = None,
    ) -> None:
        self._source = source
        self._log = log
        self._report = report
        self._ended = ended
        self._grew = grew
        self._also_sync = sync
        self._most_frames = most_frames
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aai-recorder", daemon=True)
        self.paused = False
        self.muted = False
        self.full = False
        self.loudest = [0] * log.audio.channels
        self._failing = False
        self._cut_frames = 0  # frames behind the limit, which were dropped

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the source; `ended` is called when the last block is in the log."""
        self._stopping.set()
        self._source.stop()
        self._log.wake()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread; it holds nothing that must be closed before the process ends."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def take_levels(self) -> list[int]:
        """The loudest sample of each track since the last call."""
        loudest, self.loudest = self.loudest, [0] * len(self.loudest)
        return loudest

    def _run(self) -> None:
        problem: StreamError | None = None
        try:
            self._record()
        except StreamError as e:
            problem = e
        except Exception as e:  # a worker never dies silently: main decides
            problem = explain_unexpected(e, "recording")
        finally:
            # In this order, so that main knows of the end before a sender can act on it.
            self._ended(problem)
            self._log.end()
            self._grew(self._log.frames, b"")

    def _record(self) -> None:
        ahead = self._log.audio.frames(READ_AHEAD_S)
        next_sync = time.monotonic() + SYNC_EVERY_S
        for block in self._source.blocks(self._pass_on):
            if not block:
                continue
            self.take(block)
            if time.monotonic() >= next_sync:
                self._sync()
                next_sync = time.monotonic() + SYNC_EVERY_S
            while not self._source.live and not self._stopping.is_set():
                if self._log.wait_for_reader(ahead):
                    break
            if self.full:
                self._source.stop()
                break
        self._sync()

    def _pass_on(self, event: SourceEvent) -> None:
        seconds = self._log.audio.seconds
        told = event_within(event, seconds(self._log.frames), seconds(self._cut_frames))
        if told is not None:
            self._report(told, self._log.frames)

    def take(self, block: bytes) -> None:
        """Write a block, and make it available to the sessions."""
        if self.paused and is_spoken_now(self._source):
            return
        block = self._up_to_limit(block)
        if not block:
            return
        if self.muted:
            from transcribe_cli.audio.level import without_microphone

            block = without_microphone(block, self._log.audio.channels)
        self._log.append(block, self._grew)
        if self._source.live:  # a file's level is not shown, and measuring is most of the work
            from transcribe_cli.audio.level import peaks

            now = peaks(block, self._log.audio.channels)
            self.loudest = list(map(max, self.loudest, now))
        failing = self._log.unwritable
        if (failing is not None) != self._failing:
            self._failing = failing is not None
            self._pass_on(DiskFull(failing.strerror or str(failing)) if failing else DiskBack())

    def _sync(self) -> None:
        if self._log.unwritable is None:
            with contextlib.suppress(OSError, ValueError):  # the next append reports it
                self._log.sync()
                self._also_sync()

    def _up_to_limit(self, block: bytes) -> bytes:
        if self._most_frames is None:
            return block
        frame_bytes = self._log.audio.frame_bytes
        left = (self._most_frames - self._log.frames) * frame_bytes
        self._cut_frames += max(0, len(block) - left) // frame_bytes
        # A live source may wait long for its next block; a file's next block shows if it ends.
        self.full = len(block) >= left if self._source.live else len(block) > left
        return block[:left]
