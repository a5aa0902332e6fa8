"""PortAudio, through sounddevice: its input devices, and captures from them.

The callback copies each block onto a queue and returns. A device is opened at a rate it supports.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from transcribe_cli.audio.capture import Block, CaptureLost
from transcribe_cli.errors import AudioError
from transcribe_cli.system.stderr_redirect import libraries_are_silent

_MOST_CHANNELS = 8  # of a real device; a gateway to another sound system has 32 and more
_CLOSE_LIMIT_S = 2.0  # PortAudio can hang while closing a device that is gone

chosen_lock = threading.RLock()
"""Held while a device is listed and opened, because its number is only valid in that list."""

_in_use: set["PortAudioCapture"] = set()

_NO_PORTAUDIO = "sudo apt install libportaudio2 (Debian, Ubuntu), or the system's portaudio"


class PortAudioDevice(Struct, frozen=True):
    """A device that can record."""

    index: int
    name: str
    host_api: str
    channels: int
    rate_hz: int
    is_default: bool


class PortAudioCapture:
    """An open device: a `Capture` from its construction on.

    Args:
        all_channels: open all channels of the device, and not as few as possible.

    Raises:
        AudioError: the device cannot be opened.
    """

    def __init__(
        self, device: PortAudioDevice, rate_hz: int, block_ms: int, *, all_channels: bool = False
    ) -> None:
        self.device = self.title = device.name
        self._queue: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._stop_once = threading.Lock()
        self._stopping = threading.Thread(target=self._stop, name="aai-device-stop", daemon=True)
        self._opened = False
        with contextlib.ExitStack() as stack:
            stack.enter_context(libraries_are_silent())
            sd = _import_sounddevice()
            _in_use.add(self)
            stack.callback(_in_use.discard, self)
            self._stream, self.rate_hz, self.channels = self._open(
                *(sd, device, rate_hz, block_ms), all_channels=all_channels
            )
            stack.callback(_within, _CLOSE_LIMIT_S, self._stream.close)
            self._opened = True
            if not self._stream.active:  # the device has gone meanwhile
                self._on_end()
            self._given_back = stack.pop_all()

    def _open(
        self, sd: Any, device: PortAudioDevice, rate_hz: int, block_ms: int, *, all_channels: bool
    ) -> tuple[Any, int, int]:
        """Try mono at the wanted rate first, then the device's own channels and rate."""
        problem: Exception | None = None
        counts = [1, min(2, device.channels), device.channels]
        if all_channels:
            counts = [2 if device.channels > _MOST_CHANNELS else device.channels, *counts]
        for channels in dict.fromkeys(counts):
            for hz in dict.fromkeys((rate_hz, device.rate_hz)):
                stream = None
                try:
                    stream = sd.RawInputStream(
                        samplerate=hz,
                        blocksize=hz * block_ms // 1000,
                        device=device.index,
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
            f"The microphone '{device.name}' cannot be opened: {problem}.",
            "close what else uses it, allow this terminal to, or give another --device",
        ) from problem

    def _on_block(self, data: Any, frames: int, when: Any, status: Any) -> None:
        """Runs on PortAudio's thread: copy the block and return."""
        self._queue.put(Block(bytes(data), bool(status.input_overflow)))

    def _on_end(self) -> None:
        """Runs on PortAudio's thread: no more blocks come, mostly because of `stop`."""
        if not self._stopped.is_set() and self._opened:
            self._queue.put(None)

    def read(self, timeout_s: float) -> Block | None:
        """The next block; None if none comes in time.

        Raises:
            CaptureLost: the stream has ended.
        """
        try:
            block = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if block is None:
            raise CaptureLost
        return block

    def has_news(self) -> bool:
        """False: PortAudio lists the devices once, and reports no changes."""
        return False

    def stop(self) -> None:
        """Stop capturing, without waiting; `read` still gives the blocks on the queue.

        A device that is gone can hang while it is stopped. Any thread may call this.
        """
        with self._stop_once:
            if not self._stopped.is_set():
                self._stopped.set()
                self._stopping.start()

    def _stop(self) -> None:
        _within(_CLOSE_LIMIT_S, self._stream.stop)
        self._queue.put(None)

    def close(self) -> None:
        """Close the device, within a time limit."""
        self.stop()
        self._stopping.join(2 * _CLOSE_LIMIT_S)
        self._given_back.close()


def portaudio_devices(*, anew: bool = False) -> list[PortAudioDevice]:
    """The devices that can record, in PortAudio's order.

    Args:
        anew: restart PortAudio to find devices that have come since its start. Not done while a
            capture is open, because the restart would end it.

    Raises:
        AudioError: PortAudio is missing or cannot start.
    """
    with libraries_are_silent():
        sd = _import_sounddevice()
        try:
            if anew and not _in_use:
                sd._terminate()  # the only way to list the devices again
                sd._initialize()
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
        PortAudioDevice(
            index=index,
            name=str(device["name"]),
            host_api=str(apis[device["hostapi"]]["name"]),
            channels=int(device["max_input_channels"]),
            rate_hz=int(device["default_samplerate"]),
            is_default=index == default,
        )
        for index, device in enumerate(found)
        if device["max_input_channels"] > 0
    ]


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
    """Run an action that may hang on a thread of its own, and wait at most `limit_s` for it."""

    def run() -> None:
        # A device that is gone may raise while it is stopped; it is stopped anyway then.
        with contextlib.suppress(Exception):
            action()

    thread = threading.Thread(target=run, name="aai-device-close", daemon=True)
    thread.start()
    thread.join(limit_s)
