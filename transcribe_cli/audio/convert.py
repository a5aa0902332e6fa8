"""Any samples to 16-bit mono at one rate, block by block, without loss where none is needed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from transcribe_cli.audio.mixdown import Mixdown

    Samples = NDArray[np.float32]


class MonoConverter:
    """Turns float frames of one rate and channel count into s16le mono at another rate.

    The resampler keeps its state from block to block, so blocks join without a click; `flush` gives
    what it still holds.

    Args:
        mask: which speakers the channels are for; 0: unknown.
        channel: the one to take, counted from 0; None: all, mixed.
        warn: told what the user should know of the channels.
    """

    def __init__(
        self,
        from_hz: int,
        to_hz: int,
        mask: int = 0,
        warn: Callable[[str], None] = lambda text: None,
        *,
        channel: int | None = None,
    ) -> None:
        self._channel = channel
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
            mono = self._mixed(mono) if self._channel is None else mono[:, self._channel]
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
