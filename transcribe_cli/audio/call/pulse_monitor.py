"""What PulseAudio or PipeWire plays: the only door to `libpulse-simple`.

Its calls are in "PulseAudio: Simple API" (simple.h), the names of sources with `@` in "pactl(1)".
A monitor is a source that hears a loudspeaker; the server resamples and mixes it to one channel.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from typing import Any

from transcribe_cli.audio.format import SAMPLE_BYTES
from transcribe_cli.audio.source import SourceEvent
from transcribe_cli.errors import AudioError

DEFAULT_MONITOR = b"@DEFAULT_MONITOR@"
_LIBRARY = "libpulse-simple.so.0"
_RECORD = 2  # pa_stream_direction_t, PA_STREAM_RECORD
_S16LE = 3  # pa_sample_format_t, PA_SAMPLE_S16LE
_ANY = 0xFFFFFFFF
_OPENS_WITHIN_S = 5.0  # a server that hangs answers nothing
_CLOSES_WITHIN_S = 2.0


class _SampleSpec(ctypes.Structure):
    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


class _BufferAttr(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize")
    )


class PulseMonitor:
    """The monitor of the default loudspeaker; it records from the moment it is made.

    Raises:
        AudioError: there is no sound server, or it has no loudspeaker.
    """

    name = "system"
    kind = "mic"
    live = True
    length_s: float | None = None
    path: str | None = None

    def __init__(self, rate_hz: int, block_ms: int) -> None:
        self._pulse = _load()
        self._block_bytes = rate_hz * block_ms // 1000 * SAMPLE_BYTES
        self._stopped = threading.Event()
        self._reading = threading.Lock()  # held while the server is asked for a block
        self._stream: int | None = None
        self._problem = ctypes.c_int(0)
        opening = threading.Thread(
            target=self._open, args=(rate_hz,), name="aai-system-open", daemon=True
        )
        opening.start()
        opening.join(_OPENS_WITHIN_S)
        if self._stream is None:
            why = "it does not answer" if opening.is_alive() else self._why()
            raise AudioError(
                f"The sound server does not give what the system plays: {why}.",
                "start PulseAudio or PipeWire; 'pactl info' shows whether it runs",
            )

    def _open(self, rate_hz: int) -> None:
        spec = _SampleSpec(_S16LE, rate_hz, 1)
        buffers = _BufferAttr(_ANY, _ANY, _ANY, _ANY, self._block_bytes)
        self._stream = self._pulse.pa_simple_new(
            *(None, b"aai-stream", _RECORD, DEFAULT_MONITOR, b"what the system plays"),
            *(ctypes.byref(spec), None, ctypes.byref(buffers), ctypes.byref(self._problem)),
        )

    def _why(self) -> str:
        words: bytes = self._pulse.pa_strerror(self._problem.value)
        return words.decode(errors="replace")

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """What was played, until `stop`.

        Raises:
            AudioError: the server has gone.
        """
        block = ctypes.create_string_buffer(self._block_bytes)
        while not self._stopped.is_set():
            with self._reading:
                if self._stream is None:
                    return
                failed = self._pulse.pa_simple_read(
                    self._stream, block, self._block_bytes, ctypes.byref(self._problem)
                )
            if failed:
                raise AudioError(
                    f"The system's sound is gone: {self._why()}.",
                    "start the sound server, then begin again",
                )
            yield block.raw

    def stop(self) -> None:
        """End `blocks` with the block that is being read; harmless twice."""
        self._stopped.set()

    def close(self) -> None:
        """Give the stream back; harmless twice. One whose server hangs is left to it."""
        self.stop()
        if self._reading.acquire(timeout=_CLOSES_WITHIN_S):
            try:
                stream, self._stream = self._stream, None
                if stream is not None:
                    self._pulse.pa_simple_free(stream)
            finally:
                self._reading.release()


def _load() -> Any:
    try:
        pulse = ctypes.CDLL(_LIBRARY)
    except OSError as e:
        raise AudioError(
            "What the system plays is recorded by PulseAudio's library, which is not installed.",
            "sudo apt install libpulse0 (Debian, Ubuntu), or the system's libpulse",
        ) from e
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    pulse.pa_simple_new.restype = pointer
    pulse.pa_simple_new.argtypes = [text, text, ctypes.c_int, text, text, *([pointer] * 4)]
    pulse.pa_simple_read.argtypes = [pointer, pointer, ctypes.c_size_t, pointer]
    pulse.pa_simple_free.argtypes = [pointer]
    pulse.pa_simple_free.restype = None
    pulse.pa_strerror.restype = text
    return pulse
