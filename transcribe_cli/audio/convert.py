"""Any samples to 16-bit mono at one rate, block by block, without loss where none is needed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from transcribe_cli.audio.wav import WavHeader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from transcribe_cli.audio.mixdown import Mixdown

    Samples = NDArray[np.float32]


def _nothing_to_warn_of(text: str) -> None:
    pass


class MonoConverter:
    """Turns float frames of one rate and channel count into s16le mono at another rate.

    The resampler keeps its state from block to block, so blocks join without a click; `flush` gives
    what it still holds.

    Args:
        mask: which speakers the channels are for; 0: unknown.
        warn: told what the user should know of the channels.
    """

    def __init__(
        self,
        from_hz: int,
        to_hz: int,
        mask: int = 0,
        warn: Callable[[str], None] = _nothing_to_warn_of,
    ) -> None:
        self._from_hz = from_hz
        self._mask = mask
        self._warn = warn
        self._mixdown: Mixdown | None = None
        self._resampler: Any = None
        if from_hz != to_hz:
            import soxr

            self._resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def convert(self, frames: "Samples") -> bytes:
        """Frames as an array of shape (frames, channels) or (frames,), -1 to 1, to s16le mono."""
        mono = _finite(frames)
        if mono.ndim == 2:
            mono = self._mixed(mono)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono.astype("float32", copy=False))
        return _to_int16(mono)

    def _mixed(self, frames: "Samples") -> "Samples":
        if self._mixdown is None:
            from transcribe_cli.audio.mixdown import Mixdown, layout_weights

            channels = frames.shape[1]
            weights = layout_weights(channels, self._mask)
            self._mixdown = Mixdown(channels, self._from_hz, weights, self._warn)
        return self._mixdown.mix(frames)

    def flush(self) -> bytes:
        """The last samples of the resampler."""
        if self._resampler is None:
            return b""
        import numpy as np

        tail = self._resampler.resample_chunk(np.empty(0, np.float32), last=True)
        return _to_int16(tail)


class PcmConverter:
    """Turns the bytes of an interleaved PCM stream into s16le mono at one rate.

    s16le mono at the right rate passes untouched. A frame cut by the end of a block is kept for
    the next one.
    """

    def __init__(
        self, source: WavHeader, to_hz: int, warn: Callable[[str], None] = _nothing_to_warn_of
    ) -> None:
        self._source = source
        self._frame_bytes = source.frame_bytes
        self._rest = b""
        self._plain = source.encoding == "<i2" and source.channels == 1
        self._plain = self._plain and source.rate_hz == to_hz
        self._converter = (
            None if self._plain else MonoConverter(source.rate_hz, to_hz, source.mask, warn)
        )

    def convert(self, data: bytes) -> bytes:
        """The samples of the whole frames so far."""
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        if self._converter is None:
            return data[:whole]
        return self._converter.convert(_to_float(data[:whole], self._source))

    def flush(self) -> bytes:
        """The last samples of the resampler."""
        return b"" if self._converter is None else self._converter.flush()


def _to_float(data: bytes, source: WavHeader) -> "Samples":
    import numpy as np

    if source.encoding == "u1":
        values = (np.frombuffer(data, "u1").astype(np.float32) - 128) / 128
    elif source.encoding == "i24":
        # Each 3 bytes become the upper 3 of 4, which keeps the sign.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = wide.view("<i4").reshape(-1).astype(np.float32) / 2**31
    elif source.encoding.startswith("<i"):
        bits = 8 * int(source.encoding[-1])
        values = np.frombuffer(data, source.encoding).astype(np.float32) / 2 ** (bits - 1)
    else:
        values = np.frombuffer(data, source.encoding).astype(np.float32)
    frames: Samples = values.reshape(-1, source.channels).astype(np.float32, copy=False)
    return frames


def _to_int16(mono: "Samples") -> bytes:
    import numpy as np

    scaled = np.rint(mono * np.float32(32768))
    samples: bytes = np.clip(scaled, -32768, 32767).astype("<i2").tobytes()
    return samples


def _finite(frames: "Samples") -> "Samples":
    import numpy as np

    # A broken float file. NaN is no sample at all, and one of it would spread through a whole
    # window of the resampler.
    finite: Samples = np.nan_to_num(frames, nan=0.0, posinf=1.0, neginf=-1.0)
    return finite
