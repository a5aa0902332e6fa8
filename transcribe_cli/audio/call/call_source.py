"""The source of a call: a microphone, and beside it what the machine plays, as two tracks."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial

from transcribe_cli.audio.call.track_clock import TrackPair
from transcribe_cli.audio.microphone import now_s
from transcribe_cli.audio.source import DeviceBack, DeviceLost, Source, SourceEvent, SourceWarning
from transcribe_cli.errors import AudioError

_ENDS_WITHIN_S = 2.0
_NAMES = ("the microphone", "what the system plays")


class CallSource:
    """Gives interleaved s16: the microphone, then the system. It ends when the microphone does.

    A side that gives nothing is silent in the recording, and that is told; the other one goes on.
    """

    kind = "mic"
    live = True
    length_s: float | None = None
    path: str | None = None

    def __init__(self, microphone: Source, system: Source, rate_hz: int) -> None:
        self.name = f"{microphone.name} + {system.name}"
        self._sides = (microphone, system)
        self._pair = TrackPair(rate_hz)
        self._lost = [False, False]
        self._came: queue.SimpleQueue[tuple[int, float | None, bytes | AudioError | None]] = (
            queue.SimpleQueue()
        )
        self._threads = [
            threading.Thread(target=self._listen, args=(0,), name="aai-microphone", daemon=True),
            threading.Thread(target=self._listen, args=(1,), name="aai-system", daemon=True),
        ]
        self._report: Callable[[SourceEvent], None] = lambda event: None

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """Both tracks, until the microphone ends.

        Raises:
            AudioError: one of them broke.
        """
        self._report = report
        for thread in self._threads:
            thread.start()
        while True:
            side, at, block = self._came.get()
            if isinstance(block, bytes):
                yield self._pair.take(side, block, at)
            elif block is not None:
                yield self._pair.finish()
                raise block
            elif side == 0:
                yield self._pair.finish()
                return

    def _listen(self, side: int) -> None:
        """Runs on a thread: when a block arrives is what the clocks are kept together by."""
        problem: AudioError | None = None
        try:
            for block in self._sides[side].blocks(partial(self._tell, side)):
                if block:
                    self._came.put((side, None if self._lost[side] else now_s(), block))
        except AudioError as e:
            problem = e
        except Exception as e:  # a worker never dies silently
            problem = AudioError(f"{_NAMES[side].capitalize()} broke: {e}.", "start it again")
        self._came.put((side, None, problem))

    def _tell(self, side: int, event: SourceEvent) -> None:
        """Called between the blocks of a side; one that is lost ends no session."""
        match event:
            case DeviceLost():
                self._lost[side] = True
                event = SourceWarning(
                    f"{_NAMES[side]} gives no sound; the other side goes on, with silence for it"
                )
            case DeviceBack(device=device):
                self._lost[side] = False
                event = SourceWarning(f"{_NAMES[side]} is back: {device}")
        self._report(event)

    def stop(self) -> None:
        """Stop both; harmless twice."""
        for side in self._sides:
            side.stop()

    def close(self) -> None:
        """Give both back, once nobody listens to them; harmless twice."""
        self.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_ENDS_WITHIN_S)
        with contextlib.ExitStack() as stack:
            for side in self._sides:
                stack.callback(side.close)


def open_call(microphone: Source, rate_hz: int, block_ms: int) -> CallSource:
    """A call of an open microphone, which is closed where the system's sound cannot be opened.

    Raises:
        AudioError: it cannot.
    """
    from transcribe_cli.audio.call.system_sound import open_system_sound

    try:
        system = open_system_sound(rate_hz, block_ms)
    except BaseException:
        microphone.close()
        raise
    return CallSource(microphone, system, rate_hz)
