"""The source of a call: a microphone, and what the machine plays, as two tracks."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial

from transcribe_cli.audio.call.shared_silence import SharedSilence
from transcribe_cli.audio.call.track_clock import TrackPair
from transcribe_cli.audio.format import SAMPLE_BYTES
from transcribe_cli.audio.microphone import now_s
from transcribe_cli.audio.source import DeviceBack, DeviceLost, Source, SourceEvent, SourceWarning
from transcribe_cli.errors import AudioError

_ENDS_WITHIN_S = 2.0
_NAMES = ("the microphone", "what the system plays")
_FRAME_BYTES = 2 * SAMPLE_BYTES

_Came = bytes | bool | AudioError | None
"""From one side: samples; whether it is lost now; the error that ended it; None at its end."""


class CallSource:
    """Gives interleaved s16: the microphone, then the system. It ends when the microphone does.

    A side that gives no audio is recorded as silence, and this is reported; the other goes on. If
    neither gives audio, as when the machine slept, the call reports its device as lost.
    """

    kind = "mic"
    live = True
    length_s: float | None = None
    path: str | None = None

    def __init__(self, microphone: Source, system: Source, rate_hz: int) -> None:
        self.name = f"{microphone.name} + {system.name}"
        self._sides = (microphone, system)
        self._pair = TrackPair(rate_hz)
        self._silence = SharedSilence()
        self._frames = 0  # given so far
        self._lost = [False, False]
        self._over = False
        self._came: queue.SimpleQueue[tuple[int, float | None, _Came]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._listen, args=(0,), name="aai-microphone", daemon=True),
            threading.Thread(target=self._listen, args=(1,), name="aai-system", daemon=True),
        ]
        self._report: Callable[[SourceEvent], None] = lambda event: None

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """Both tracks, until the microphone ends.

        Raises:
            AudioError: one of the sides broke.
        """
        self._report = report
        for thread in self._threads:
            thread.start()
        while not self._over:
            yield from self._take(*self._came.get())

    def _take(self, side: int, at: float | None, came: _Came) -> Iterator[bytes]:
        """Take what came from a side at time `at`; yields what can be recorded now."""
        if isinstance(came, bytes):
            yield from self._give(self._pair.take(side, came, at))
        elif isinstance(came, bool):
            self._silence.tell(side, self._pair.frames(side), is_lost=came)
        elif came is not None or side == 0:
            self._over = True
            yield from self._give(self._pair.finish())
            if came is not None:
                raise came

    def _give(self, samples: bytes) -> Iterator[bytes]:
        """Yield both tracks, and report between their samples if both are lost or back."""
        end = self._frames + len(samples) // _FRAME_BYTES
        for at, is_lost in self._silence.changes(end):
            cut = max(0, at - self._frames) * _FRAME_BYTES
            yield samples[:cut]
            samples = samples[cut:]
            self._frames = max(at, self._frames)
            self._report(DeviceLost(self.name) if is_lost else DeviceBack(self.name))
        self._frames = end
        yield samples

    def _listen(self, side: int) -> None:
        """Runs on a side's thread; the arrival times of blocks keep the two clocks together."""
        problem: AudioError | None = None
        try:
            for block in self._sides[side].blocks(partial(self._tell, side)):
                if block:
                    self._hear(side, block, now_s())
        except AudioError as e:
            problem = e
        except Exception as e:  # a worker never dies silently
            problem = AudioError(f"{_NAMES[side].capitalize()} broke: {e}.", "start it again")
        self._came.put((side, None, problem))

    def _hear(self, side: int, block: bytes, at: float) -> None:
        self._came.put((side, None if self._lost[side] else at, block))

    def _tell(self, side: int, event: SourceEvent) -> None:
        """Take an event of a side, between its blocks; a lost side alone ends no session."""
        match event:
            case DeviceLost():
                self._lost[side] = True
                self._came.put((side, None, True))
                event = SourceWarning(
                    f"{_NAMES[side]} gives no sound; the other side goes on, with silence for it"
                )
            case DeviceBack(device=device):
                self._lost[side] = False
                self._came.put((side, None, False))
                event = SourceWarning(f"{_NAMES[side]} is back: {device}")
        self._report(event)

    def stop(self) -> None:
        """Stop both sides; another call does nothing."""
        for side in self._sides:
            side.stop()

    def close(self) -> None:
        """Close both sides, once their threads have ended; another call does nothing."""
        self.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_ENDS_WITHIN_S)
        with contextlib.ExitStack() as stack:
            for side in self._sides:
                stack.callback(side.close)


def open_call(microphone: Source, rate_hz: int, block_ms: int) -> CallSource:
    """A call with an open microphone; the microphone is closed if the system's sound fails to open.

    Raises:
        AudioError: the system's sound cannot be opened.
    """
    from transcribe_cli.audio.call.system_sound import open_system_sound

    try:
        system = open_system_sound(rate_hz, block_ms)
    except BaseException:
        microphone.close()
        raise
    return CallSource(microphone, system, rate_hz)
