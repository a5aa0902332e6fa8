"""The microphone: the only door to sounddevice, and through it to PortAudio.

The callback copies the block onto a queue and returns; everything slow happens on the recorder's
thread. The device is opened at a rate that it has; where that is not the session's rate, the blocks
are resampled on the way out of the queue.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from transcribe_cli.audio.pcm_source import PcmConverter
from transcribe_cli.audio.source import DeviceBack, DeviceLost, Overflow, SourceEvent
from transcribe_cli.audio.wav import WavHeader
from transcribe_cli.errors import AudioError
from transcribe_cli.system.stderr_redirect import libraries_are_silent

SILENT_DEVICE_S = 2.0  # an unplugged device gives no error, only no blocks
GONE_S = 30.0  # so long a session goes on without a device that has ended: it is billed
_FIRST_BLOCK_S = 3.0  # Bluetooth and sound servers may take 2 s to wake a device up
_CLOSE_LIMIT_S = 2.0  # PortAudio can hang when it closes a device that is gone

_NO_PORTAUDIO = "sudo apt install libportaudio2 (Debian, Ubuntu), or the system's portaudio"


@dataclass(frozen=True, slots=True)
class InputDevice:
    """One device that can record."""

    index: int
    name: str
    host_api: str
    channels: int
    default_rate_hz: int
    is_default: bool


class Microphone:
    """An open input device; it captures from the moment it is made.

    Raises:
        AudioError: PortAudio is missing, no device fits, or the device cannot be opened.
    """

    kind = "mic"
    live = True
    length_s: float | None = None
    path: str | None = None

    def __init__(self, device: str | None, rate_hz: int, block_ms: int) -> None:
        self._queue: queue.SimpleQueue[tuple[bytes, bool] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._stop_once = threading.Lock()
        self._heard = threading.Event()
        self._stopping = threading.Thread(target=self._stop, name="aai-device-stop", daemon=True)
        self._opened = False
        with contextlib.ExitStack() as stack:
            stack.enter_context(libraries_are_silent())
            sd = _import_sounddevice()
            chosen = _choose(list_devices(), device)
            self.name = chosen.name
            self._stream, device_hz, channels = self._open(sd, chosen, rate_hz, block_ms)
            stack.callback(_within, _CLOSE_LIMIT_S, self._stream.close)
            self._opened = True
            if not self._stream.active:  # it has gone meanwhile
                self._on_end()
            self._converter = PcmConverter(WavHeader(device_hz, channels, "<i2", None), rate_hz)
            # Open means that it captures: what is said from now on is heard, and a session
            # may begin.
            self._heard.wait(_FIRST_BLOCK_S)
            self._in_use = stack.pop_all()

    def _open(
        self, sd: Any, chosen: InputDevice, rate_hz: int, block_ms: int
    ) -> tuple[Any, int, int]:
        """Try mono at the wanted rate first, then what the device has of its own."""
        problem: Exception | None = None
        for channels in dict.fromkeys((1, min(2, chosen.channels), chosen.channels)):
            for hz in dict.fromkeys((rate_hz, chosen.default_rate_hz)):
                stream = None
                try:
                    stream = sd.RawInputStream(
                        samplerate=hz,
                        blocksize=hz * block_ms // 1000,
                        device=chosen.index,
                        channels=channels,
                        dtype="int16",
                        callback=self._on_block,
                        finished_callback=self._on_end,
                    )
                    stream.start()
                except (sd.PortAudioError, ValueError) as e:
                    problem = e
                    if stream is not None:
                        _within(_CLOSE_LIMIT_S, stream.close)
                else:
                    return stream, hz, channels
        raise AudioError(
            f"The microphone '{chosen.name}' cannot be opened: {problem}.",
            "close what else uses it, allow this terminal to, or give another --device",
        ) from problem

    def _on_block(self, data: Any, frames: int, when: Any, status: Any) -> None:
        """PortAudio's thread: copy and leave."""
        self._queue.put((bytes(data), bool(status.input_overflow)))
        self._heard.set()

    def _on_end(self) -> None:
        """PortAudio's thread: no block comes any more; mostly because `stop` asked for that."""
        if not self._stopped.is_set() and self._opened:
            self._queue.put(None)

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """What was captured, in order, from the moment the device was opened.

        A device that is gone for good, as with its sound server, gives nothing for `GONE_S`; then
        this ends as if it had been stopped.
        """
        lost = ended = False
        heard_at = time.monotonic()
        while True:
            try:
                item = self._queue.get(timeout=GONE_S if ended else SILENT_DEVICE_S)
            except queue.Empty:
                if ended:
                    break
                if not lost:
                    lost = True
                    report(DeviceLost(time.monotonic() - heard_at))
                continue
            if item is None:
                if self._stopped.is_set():
                    break
                ended = True
                if not lost:
                    lost = True
                    report(DeviceLost(time.monotonic() - heard_at))
                continue
            if lost:
                lost = False
                report(DeviceBack())
            heard_at = time.monotonic()
            block, overflowed = item
            if overflowed:
                report(Overflow())
            yield self._converter.convert(block)
        yield self._converter.flush()

    def stop(self) -> None:
        """Stop capturing; the blocks that are on the queue are still given out. Waits for nothing.

        A device that is gone can hang when it is stopped. May be called on several threads.
        """
        with self._stop_once:
            if not self._stopped.is_set():
                self._stopped.set()
                self._stopping.start()

    def _stop(self) -> None:
        _within(_CLOSE_LIMIT_S, self._stream.stop)
        self._queue.put(None)

    def close(self) -> None:
        """Give the device back, within a time limit."""
        self.stop()
        self._stopping.join(2 * _CLOSE_LIMIT_S)
        self._in_use.close()


def list_devices() -> list[InputDevice]:
    """The devices that can record, in PortAudio's order.

    Raises:
        AudioError: PortAudio is missing or cannot start.
    """
    with libraries_are_silent():
        sd = _import_sounddevice()
        try:
            apis = sd.query_hostapis()
            found = sd.query_devices()
            default = sd.default.device[0]
        except sd.PortAudioError as e:
            raise AudioError(
                f"PortAudio cannot list the devices: {e}.",
                "restart the sound system, then try again",
            ) from e
    if default < 0:
        default = next((api["default_input_device"] for api in apis), -1)
    return [
        InputDevice(
            index=index,
            name=str(device["name"]),
            host_api=str(apis[device["hostapi"]]["name"]),
            channels=int(device["max_input_channels"]),
            default_rate_hz=int(device["default_samplerate"]),
            is_default=index == default,
        )
        for index, device in enumerate(found)
        if device["max_input_channels"] > 0
    ]


def _choose(devices: list[InputDevice], wanted: str | None) -> InputDevice:
    """By index, by name, or by the one name that contains the text; the default for None."""
    if not devices:
        raise AudioError(
            "There is no input device.",
            "plug in a microphone; 'aai-stream devices' lists what PortAudio sees",
        )
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    if wanted.isdecimal():
        matches = [device for device in devices if device.index == int(wanted)]
    else:
        name = wanted.casefold()
        matches = [device for device in devices if device.name.casefold() == name]
        matches = matches[:1] or [d for d in devices if name in d.name.casefold()]
    if len(matches) == 1:
        return matches[0]
    problem = "fits several input devices" if matches else "is no input device"
    names = ", ".join(f"{device.index}: {device.name}" for device in matches or devices)
    raise AudioError(f"'{wanted}' {problem}.", f"choose one with --device: {names}")


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as e:
        # The Linux wheel holds no PortAudio, and a missing library is an OSError there.
        raise AudioError("PortAudio is not installed.", _NO_PORTAUDIO) from e
    except Exception as e:
        if type(e).__name__ == "PortAudioError":
            raise AudioError(f"PortAudio cannot start: {e}.", _NO_PORTAUDIO) from e
        raise
    return sounddevice


def _within(limit_s: float, action: Callable[[], object]) -> None:
    """Run an action that may hang on a thread of its own, and wait only so long for it."""

    def run() -> None:
        # A device that is gone may refuse to be stopped: it is stopped then.
        with contextlib.suppress(Exception):
            action()

    thread = threading.Thread(target=run, name="aai-device-close", daemon=True)
    thread.start()
    thread.join(limit_s)
