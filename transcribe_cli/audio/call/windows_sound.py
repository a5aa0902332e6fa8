"""Records what the machine plays, on Windows: WASAPI's loopback of the default loudspeaker.

SoundCard opens it. While nothing is played, WASAPI gives nothing, and SoundCard gives silence by
the clock. Each of its calls waits, and COM is initialised for each thread, so one thread for each
capture makes all calls.
"""

import contextlib
import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from transcribe_cli.audio.capture import Block, Capture, CaptureLost
from transcribe_cli.audio.convert import Converter
from transcribe_cli.audio.devices import DeviceOpener
from transcribe_cli.audio.format import EACH
from transcribe_cli.errors import AudioError

_KEPT_S = 0.25  # how much audio the system keeps for a late reader
_ASK_EVERY_S = 1.0
_OPENS_WITHIN_S = 5.0
_CLOSE_LIMIT_S = 2.0
_SLEPT_S = 5.0
"""After a longer call the capture ends, as if the device were lost: the machine slept, and the
silence of a night in one piece would take gigabytes."""


class LoopbackCapture:
    """What the default loudspeaker plays, as s16le stereo: a `Capture` from its construction on.

    Args:
        block_ms: length of a block.

    Attributes:
        device: the loudspeaker's name.
        default: the name of the loudspeaker that is the default now.

    Raises:
        AudioError: SoundCard is not installed, there is no loudspeaker, or it does not open.
    """

    title = "system"
    channels = 2  # on Windows SoundCard gives garbage for a single one, as its README says

    def __init__(self, rate_hz: int, block_ms: int) -> None:
        self.rate_hz = rate_hz
        self.device = self.default = ""
        self._frames = rate_hz * block_ms // 1000
        self._converter = Converter(rate_hz, rate_hz, channel=EACH, channels=self.channels)
        self._queue: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
        self._opened: queue.SimpleQueue[AudioError | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._news = False
        self._thread = threading.Thread(target=self._run, name="aai-loudspeaker", daemon=True)
        self._thread.start()
        try:
            problem = self._opened.get(timeout=_OPENS_WITHIN_S)
        except queue.Empty:
            problem = _refused("it does not answer")
        if problem is not None:
            self._stopped.set()
            raise problem

    def _run(self) -> None:
        try:
            soundcard = _import_soundcard()
            with _com():
                loudspeaker = soundcard.default_speaker()
                loopback = soundcard.get_microphone(loudspeaker.id, include_loopback=True)
                kept = round(_KEPT_S * self.rate_hz)
                with loopback.recorder(self.rate_hz, self.channels, kept) as recorder:
                    self.device = self.default = loudspeaker.name
                    self._opened.put(None)
                    self._record(recorder, loudspeaker.id, soundcard.default_speaker)
        except AudioError as e:
            self._opened.put(e)
        except Exception as e:  # RuntimeError, AssertionError and what CFFI raises
            self._opened.put(_refused(str(e) or type(e).__name__))
        finally:
            self._queue.put(None)

    def _record(self, recorder: Any, own_id: str, find_default: Callable[[], Any]) -> None:
        """Put blocks on the queue until it is stopped, or the machine has slept."""
        asked_at = time.monotonic()
        while not self._stopped.is_set():
            since = time.monotonic()
            samples = recorder.record(self._frames)
            now = time.monotonic()
            if now - since > _SLEPT_S:
                break
            self._queue.put(Block(self._converter.convert(samples)))
            if now - asked_at >= _ASK_EVERY_S:
                asked_at = now
                default = find_default()
                self.default = self.device if default.id == own_id else default.name
                self._news = self.default != self.device

    def read(self, timeout_s: float) -> Block | None:
        """The next block; None if none comes in time.

        Raises:
            CaptureLost: the loudspeaker is gone, the machine slept, or it was stopped.
        """
        try:
            block = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if block is None:
            self._queue.put(None)  # for the next call
            raise CaptureLost
        return block

    def has_news(self) -> bool:
        """Whether another loudspeaker has become the default; checked once a second."""
        news, self._news = self._news, False
        return news

    def stop(self) -> None:
        """Stop capturing; what has come by now can still be read."""
        self._stopped.set()

    def close(self) -> None:
        """Close the loudspeaker, within a time limit; another call does nothing."""
        self.stop()
        self._thread.join(_CLOSE_LIMIT_S)


def find_loopback(rate_hz: int, block_ms: int, *, all_channels: bool = False) -> DeviceOpener:
    """How to open what the machine plays: the loopback of the loudspeaker that is the default.

    Args:
        all_channels: ignored: two channels are always given.
    """

    def best(capture: Capture, stands_in: bool) -> str | None:
        assert isinstance(capture, LoopbackCapture)
        return capture.default

    return DeviceOpener(None, lambda name: LoopbackCapture(rate_hz, block_ms), best, 1)


def _refused(why: str) -> AudioError:
    return AudioError(
        f"What this system plays cannot be recorded: {why}.",
        "choose a loudspeaker that no program has alone, in the sound settings",
    )


def _import_soundcard() -> Any:
    try:
        import soundcard
    except ModuleNotFoundError as e:
        raise AudioError(
            "Recording what this system plays needs the extra 'call'.",
            "pip install 'aai-stream[call]'",
        ) from e
    # It warns of lost samples on standard error, but the timeline fills them anyway.
    warnings.filterwarnings("ignore", module="soundcard")
    return soundcard


@contextlib.contextmanager
def _com() -> Iterator[None]:
    """Initialise COM on this thread: SoundCard does so only on the thread that imports it first."""
    if sys.platform == "win32":
        import ctypes

        begun = ctypes.windll.ole32.CoInitializeEx(None, 0) >= 0
        try:
            yield
        finally:
            if begun:
                ctypes.windll.ole32.CoUninitialize()
    else:
        yield
