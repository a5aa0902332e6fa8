"""Both sides of a call in virtual time: two devices, each with what is said on it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from tests.simulated.source import BLOCK, BLOCK_S, SimulatedRecorder
from tests.simulated.talk import RATE, Talk
from tests.simulated.world import World
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.call.call_source import CallSource
from transcribe_cli.audio.device_timeline import DeviceTimeline, Given
from transcribe_cli.audio.source import SourceEvent
from transcribe_cli.errors import StreamError


class _Device:
    """A side; its blocks are given by the recorder."""

    kind = "mic"
    live = True
    path: str | None = None
    length_s: float | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def blocks(self, report: Callable[[SourceEvent], None]) -> Any:
        raise AssertionError("the recorder takes the audio itself")

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class SimulatedCall(CallSource):
    """The program's own source of a call, without its threads.

    Attributes:
        talk: what the microphone's side says; talks: what each says.
    """

    def __init__(self, talks: Sequence[Talk]) -> None:
        super().__init__(_Device("desk"), _Device("system"), RATE)
        self.talks = talks
        self.talk = talks[0]

    def hear(self, side: int, given: list[Given], now: float) -> Iterator[bytes]:
        """What can be recorded, of what a side gave."""
        for one in given:
            if isinstance(one, bytes):
                self._hear(side, one, now)
            else:
                self._tell(side, one)
        yield from self._taken()

    def end(self) -> Iterator[bytes]:
        """The rest of the recording."""
        self._came.put((0, None, None))
        yield from self._taken()

    def tell(self, report: Callable[[SourceEvent], None]) -> None:
        """Who is told of events."""
        self._report = report

    def _taken(self) -> Iterator[bytes]:
        """Block by block, as the recorder takes them: an event between two is told between them."""
        while not self._came.empty():
            yield from self._take(*self._came.get())


class CallRecorder(SimulatedRecorder):
    """A recorder of two devices, of which one or both may be gone."""

    def __init__(self, world: World, source: SimulatedCall, log: AudioLog, **told: Any) -> None:
        super().__init__(world, source, log, **told)
        self._call = source
        self._devices = DeviceTimeline(RATE), DeviceTimeline(RATE)
        self._gone = [0, 0]  # how often a side is unplugged, and not yet plugged in again

    def start(self) -> None:
        self._call.tell(self._pass_on)
        for device in self._devices:
            device.opened("talk", self._now)
        self._world.after(BLOCK_S, self._capture)

    def unplug(self, seconds: float, side: int | None = None) -> None:
        """One side is gone for so long, or both are; what is said goes on."""
        if self._done or not self._said:
            return
        for number in (0, 1) if side is None else (side,):
            if not self._gone[number]:
                self._give_of(number, self._devices[number].lost(self._now))
            self._gone[number] += 1
            self._world.after(seconds, partial(self._plug, number))

    def sleep(self, seconds: float) -> None:
        """The machine sleeps; what is said on either side is not heard."""
        if not self._done and self._said:
            self._said += round(seconds * RATE)
            self._slept_s += seconds

    def _plug(self, side: int) -> None:
        self._gone[side] -= 1
        if not self._gone[side]:
            self._devices[side].opened("talk", self._now)

    def _give_of(self, side: int, given: list[Given]) -> None:
        for block in self._call.hear(side, given, self._now):
            self.take(block)

    def _capture(self) -> None:
        if self._done:
            return
        now, at = self._now, self._said
        self._said += BLOCK
        for side, (device, talk) in enumerate(zip(self._devices, self._call.talks, strict=True)):
            block = talk.audio(at, BLOCK).ljust(2 * BLOCK, b"\0")
            gone = self._gone[side]
            self._give_of(side, device.away(now) if gone else device.took(block, now))
            if not gone:
                self._give_of(side, device.quiet(now))
        if self.full or self._said >= max(talk.frames for talk in self._call.talks):
            self._finish()
        else:
            self._world.after(BLOCK_S, self._capture)

    def _finish(self, problem: StreamError | None = None) -> None:
        if not self._done:
            for side, device in enumerate(self._devices):
                self._give_of(side, device.ended(self._now))
            for block in self._call.end():
                self.take(block)
            super()._finish(problem)
