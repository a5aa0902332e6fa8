"""A microphone, a pipe or a file in virtual time, and the recorder that takes its blocks."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.simulated.talk import RATE, Talk
from tests.simulated.world import World
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.device_timeline import DeviceTimeline, Given
from transcribe_cli.audio.recorder_thread import READ_AHEAD_S, Recorder
from transcribe_cli.audio.source import AudioGap, SourceEvent
from transcribe_cli.errors import StreamError
from transcribe_cli.recordings.journal import NO_AUDIO

BLOCK_S = 0.05
BLOCK = round(BLOCK_S * RATE)
_LATE_S = 0.03  # the recorder's thread notices that it is to stop


class Speaker:
    """A source; its recorder takes the audio without a thread.

    Attributes:
        talk: what it says; None: it is in the log already.
    """

    path: str | None = None

    def __init__(self, kind: str, live: bool, talk: Talk | None) -> None:
        self.name = "talk"
        self.kind = kind
        self.live = live
        self.talk = talk
        self.length_s = None if live or talk is None else talk.frames / RATE

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        raise AssertionError("the recorder takes the audio itself")

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class SimulatedRecorder(Recorder):
    """The program's own recorder, with the world's events in place of its thread."""

    def __init__(self, world: World, source: Any, log: AudioLog, **told: Any) -> None:
        super().__init__(source, log, **told)
        self._world = world
        self._speaker = source
        self._said = 0
        self._done = False
        is_one = source.kind == "mic" and log.audio.channels == 1
        self._device = DeviceTimeline(RATE) if is_one else None
        self._slept_s = 0.0
        self._unplugged = 0  # how often, and not yet plugged in again

    def start(self) -> None:
        if self._speaker.talk is None:
            self._world.after(0.0, self._finish)
        elif self._speaker.live:
            if self._device is not None:
                self._device.opened("talk", self._now)
            self._world.after(BLOCK_S, self._capture)
        else:
            self._world.after(0.0, self._decode)

    def stop(self) -> None:
        self._stopping.set()
        self._world.after(_LATE_S, self._finish)

    def join(self, timeout_s: float) -> None:
        if self._stopping.is_set():
            self._finish()

    def break_off(self, problem: StreamError) -> None:
        """No more audio comes, and that is not the source's end."""
        self._finish(problem)

    def unplug(self, seconds: float, side: int | None = None) -> None:
        """The microphone is gone for so long; what is said goes on. `side`: only of a call."""
        if self._device is None or self._done or not self._said:
            return  # a recording's clock begins with its first audio
        if not self._unplugged:
            self._give(self._device.lost(self._now))
        self._unplugged += 1
        self._world.after(seconds, self._plug_in)

    def sleep(self, seconds: float) -> None:
        """The machine sleeps, and only the device's clock tells; what is said is not heard.

        What is no microphone is live at an address, and connected to again.
        """
        if self._done or not self._speaker.live or not self._said:
            return
        frames = round(seconds * RATE)
        self._said += frames
        if self._device is not None:
            self._slept_s += seconds
        else:
            self.take(bytes(2 * frames))
            self._pass_on(AudioGap(seconds, NO_AUDIO))

    @property
    def _now(self) -> float:
        """On the clock that goes on while the machine sleeps."""
        return self._world.now + self._slept_s

    def _plug_in(self) -> None:
        assert self._device is not None
        self._unplugged -= 1
        if not self._unplugged:
            self._device.opened("talk", self._now)

    def _give(self, all_given: list[Given]) -> None:
        for given in all_given:
            if isinstance(given, bytes):
                self.take(given)
            else:
                self._pass_on(given)

    def _next_block(self) -> bytes:
        assert self._speaker.talk is not None
        block: bytes = self._speaker.talk.audio(self._said, BLOCK)
        self._said += len(block) // 2
        return block

    def _capture(self) -> None:
        """A block of 50 ms has been spoken."""
        if self._done:
            return
        block = self._next_block()
        now = self._now
        if block:
            if self._device is None:
                self.take(block)
            elif self._unplugged:
                self._give(self._device.away(now))
            else:
                self._give(self._device.took(block, now) + self._device.quiet(now))
            self._world.after(BLOCK_S, self._capture)
        if not block or self.full:
            self._finish()

    def _decode(self) -> None:
        """A file is read a little ahead of its reader."""
        ahead = self._log.audio.frames(READ_AHEAD_S)
        while not self._done:
            self._log.wake()  # so that it does not wait
            if not self._log.wait_for_reader(ahead):
                break
            block = self._next_block()
            if block:
                self.take(block)
            if not block or self.full:
                self._finish()
        if not self._done:
            self._world.after(BLOCK_S, self._decode)

    def _finish(self, problem: StreamError | None = None) -> None:
        if not self._done:
            if self._device is not None and problem is None and not self.full:
                self._give(self._device.ended(self._now))
            self._done = True
            self._ended(problem)
            self._log.end()
            self._grew(self._log.frames, b"")
