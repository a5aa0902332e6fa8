"""Converts any samples to 16-bit ones at one rate, block by block, without needless loss."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from transcribe_cli.audio.format import EACH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from transcribe_cli.audio.mixdown import Mixdown

    Samples = NDArray[np.float32]


class Converter:
    """Turns float frames of one rate and channel count into s16le at another rate.

    The resampler keeps its state from block to block, so blocks join without a click; `flush`
    returns the samples that it still holds.

    Args:
        mask: which speakers the channels are for; 0: unknown.
        channel: the channel to take, from 0; None: all, mixed; `EACH`: all, interleaved.
        warn: called with text that the user should know about the channels.
        channels: the number of channels; needed only with `EACH`.
    """

    def __init__(
        self,
        from_hz: int,
        to_hz: int,
        mask: int = 0,
        warn: Callable[[str], None] = lambda text: None,
        *,
        channel: int | None = None,
        channels: int = 1,
    ) -> None:
        self._channel = channel
        self._given = channels if channel == EACH else 1
        self._from_hz = from_hz
        self._mask = mask
        self._warn = warn
        self._mixdown: Mixdown | None = None
        self._resampler: Any = None
        if from_hz != to_hz:
            import soxr

            self._resampler = soxr.ResampleStream(
                *(from_hz, to_hz, self._given), dtype="float32", quality="HQ"
            )

    def convert(self, frames: "Samples") -> bytes:
        """Returns s16le of frames of shape (frames, channels) or (frames,), -1 to 1."""
        given = _finite(frames)
        if given.ndim == 2 and self._channel != EACH:
            given = self._mixed(given) if self._channel is None else given[:, self._channel]
        if self._resampler is not None:
            given = self._resampler.resample_chunk(given.astype("float32", copy=False))
        return _to_int16(given)

    def _mixed(self, frames: "Samples") -> "Samples":
        if self._mixdown is None:
            from transcribe_cli.audio.mixdown import Mixdown, layout_weights

            channels = frames.shape[1]
            weights = layout_weights(channels, self._mask)
            self._mixdown = Mixdown(channels, self._from_hz, weights, self._warn)
        return self._mixdown.mix(frames)

    def flush(self) -> bytes:
        """Returns the last samples of the resampler."""
        if self._resampler is None:
            return b""
        import numpy as np

        nothing = np.empty((0, self._given) if self._given > 1 else 0, np.float32)
        tail = self._resampler.resample_chunk(nothing, last=True)
        return _to_int16(tail)


def _to_int16(given: "Samples") -> bytes:
    import numpy as np

    scaled = np.rint(given * np.float32(32768))
    samples: bytes = np.clip(scaled, -32768, 32767).astype("<i2").tobytes()
    return samples


def _finite(frames: "Samples") -> "Samples":
    import numpy as np

    # For a broken float file: NaN is no sample, and a single one would spread through a whole
    # window of the resampler.
    finite: Samples = np.nan_to_num(frames, nan=0.0, posinf=1.0, neginf=-1.0)
    return finite
