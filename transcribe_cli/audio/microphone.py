"""The microphone: an input device that may go away and come back, on the wall's clock.

Missing audio is replaced by silence (`device_timeline.py`). Everything slow happens on the
recorder's thread, which also opens the device again.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from transcribe_cli.audio.capture import Block, Capture, CaptureLost
from transcribe_cli.audio.device_timeline import DeviceTimeline, Given
from transcribe_cli.audio.devices import DeviceOpener, find_device
from transcribe_cli.audio.pcm_source import PcmConverter
from transcribe_cli.audio.source import Overflow, SourceEvent, SourceNote, SourceWarning
from transcribe_cli.audio.wav import WavHeader
from transcribe_cli.errors import AudioError

GIVE_UP_S = 5.0  # an open device that gives no audio for this long is closed and opened again
AGAIN_EVERY_S = 0.5  # how often to try to open a device that is gone
_FIRST_BLOCK_S = 3.0  # Bluetooth and sound servers may take 2 s to wake a device up
_READ_S = 0.1
_DRAINED_S = 0.01


class Microphone:
    """An open input device, which captures from its construction on.

    Args:
        device: its number, its name or a part of its name; None: the default.
        falls_back: the default device stands in for it while it is gone.
        opener: opens the device, instead of the opener found for `device`.
        tells_choice: report which device it is, if none was named and there are several.

    Raises:
        AudioError: no device fits, or it cannot be opened.
    """

    kind = "mic"
    live = True
    length_s: float | None = None
    path: str | None = None

    def __init__(
        self,
        device: str | None,
        rate_hz: int,
        block_ms: int,
        *,
        falls_back: bool = False,
        opener: DeviceOpener | None = None,
        tells_choice: bool = False,
    ) -> None:
        self._rate_hz = rate_hz
        self._falls_back = falls_back
        self._stopped = threading.Event()
        self._opener = opener or find_device(device, rate_hz, block_ms)
        self._tells_choice = tells_choice and device is None and self._opener.count > 1
        self._timeline = DeviceTimeline(rate_hz)
        self._capture: Capture | None = None
        self._quiet_since = 0.0
        self._silenced = ""  # the last reported reason why the device is silent
        with contextlib.ExitStack() as stack:
            stack.callback(self._close_capture)
            self._use(self._opener.open(self._opener.wanted))
            assert self._capture is not None
            self.name: str = self._capture.title
            # Wait for the first block, which shows that the device captures. What is said from
            # now on is heard, so a session may begin.
            self._first: Block | None = None
            with contextlib.suppress(CaptureLost):  # the next read raises it again
                self._first = self._capture.read(_FIRST_BLOCK_S)
            stack.pop_all()

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The captured audio, in order, from the moment the device was opened; with silence in
        place of missing audio.
        """
        for given in self._given():
            if isinstance(given, bytes):
                yield given
            else:
                report(given)

    def _given(self) -> Iterator[Given]:
        timeline = self._timeline
        if self._tells_choice:
            yield SourceNote(f"the microphone is '{self.name}'; --device takes another")
        if self._first is not None:
            yield from self._take(self._first)
        yield from self._tell_silenced()
        while True:
            capture = self._capture
            if capture is None:
                if self._stopped.is_set():
                    break
                yield from timeline.away(now_s())
                self._open_again()
                yield from self._tell_silenced()
                continue
            if self._stopped.is_set():
                capture.stop()  # it may have been opened after `stop` was called
            try:
                block = capture.read(_DRAINED_S if timeline.settles else _READ_S)
            except CaptureLost:
                if self._stopped.is_set():
                    break
                yield from self._lose()
                continue
            if block is not None:
                self._quiet_since = now_s()
                yield from self._take(block)
            else:
                yield from timeline.quiet(now_s())
                if timeline.is_lost and now_s() - self._quiet_since >= GIVE_UP_S:
                    yield from self._lose()
            if capture.has_news():
                yield from self._change_device()
                yield from self._tell_silenced()
        yield self._converter.flush()
        yield from timeline.ended(now_s())

    def _take(self, block: Block) -> Iterator[Given]:
        if block.overflowed:
            yield Overflow()
        yield from self._timeline.took(self._converter.convert(block.samples), now_s())

    def _lose(self) -> Iterator[Given]:
        """Close a device that is gone, after what it still gives."""
        yield from self._timeline.lost(now_s())
        self._close_capture()

    def _open_again(self) -> None:
        """Try to open the wanted device, then its stand-in; wait a little if neither opens."""
        opener = self._opener
        names = [opener.wanted]
        if self._falls_back and opener.wanted is not None:
            names.append(None)
        for name in names:
            with contextlib.suppress(AudioError):
                self._use(opener.open(name))
                return
        self._stopped.wait(AGAIN_EVERY_S)

    def _change_device(self) -> Iterator[Given]:
        """Change to another device if it is the one to use now: the wanted device is back, or
        the default has changed.
        """
        old = self._capture
        assert old is not None
        best = self._opener.best(old, self._falls_back)
        if best is None or best == old.device:
            return
        try:
            new = self._opener.open(best)
        except AudioError:
            return
        old.stop()
        with contextlib.suppress(CaptureLost):  # read all that the old device still gives
            while (block := old.read(0.0)) is not None:
                yield from self._take(block)
        yield from self._lose()
        self._use(new)

    def _tell_silenced(self) -> Iterator[Given]:
        """Report once that the open device is silent, and once that it is heard again."""
        if self._capture is None:
            return
        before, self._silenced = self._silenced, self._opener.silenced(self._capture)
        if self._silenced and self._silenced != before:
            yield SourceWarning(self._silenced)
        elif before and not self._silenced:
            yield SourceNote(f"'{self._capture.title}' is heard again")

    def _use(self, capture: Capture) -> None:
        self._capture = capture
        self._converter = PcmConverter(
            WavHeader(capture.rate_hz, capture.channels, "<i2", None), self._rate_hz
        )
        self._quiet_since = now_s()
        self._timeline.opened(capture.device, self._quiet_since)

    def stop(self) -> None:
        """Stop capturing, without waiting; `blocks` still gives what has been captured.

        Any thread may call it.
        """
        self._stopped.set()
        if (capture := self._capture) is not None:
            capture.stop()

    def close(self) -> None:
        """Close the device, within a time limit."""
        self.stop()
        self._close_capture()

    def _close_capture(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()


def now_s() -> float:
    """Seconds on a clock that also runs while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; the monotonic clocks of others do so
    return time.monotonic() if clock is None else time.clock_gettime(clock)
