"""Decodes and resamples a session's audio to the 16 kHz samples that recognisers need."""

from typing import Any

RATE_HZ = 16000
BYTES_PER_MS = 32


def _mulaw_sample(code: int) -> int:
    """One G.711 mu-law byte as a 16-bit sample."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


_SAMPLES = [_mulaw_sample(code).to_bytes(2, "little", signed=True) for code in range(256)]
_LOW = bytes(sample[0] for sample in _SAMPLES)
_HIGH = bytes(sample[1] for sample in _SAMPLES)


def decode_mulaw(data: bytes) -> bytes:
    """Mu-law bytes as 16-bit little-endian samples (`audioop` left Python with 3.13).

    >>> decode_mulaw(bytes([0xFF, 0x00])) == (0).to_bytes(2) + (-32124).to_bytes(
    ...     2, "little", signed=True
    ... )
    True
    """
    samples = bytearray(2 * len(data))
    samples[0::2] = data.translate(_LOW)
    samples[1::2] = data.translate(_HIGH)
    return bytes(samples)


class PcmReader:
    """Reads one session's stream of audio, in chunks of any size, as 16 kHz 16-bit mono."""

    def __init__(self, encoding: str, sample_rate_hz: int) -> None:
        self._mulaw = encoding == "pcm_mulaw"
        self._rest = b""  # half a sample, when a frame ends inside one
        self._resampler: Any = None
        if sample_rate_hz != RATE_HZ:
            # Only where it is needed: numpy would cost every other session its quick start.
            import soxr

            self._resampler = soxr.ResampleStream(sample_rate_hz, RATE_HZ, 1, dtype="int16")

    def read(self, data: bytes) -> bytes:
        """The samples of `data`; a resampler holds a few milliseconds back."""
        if self._mulaw:
            data = decode_mulaw(data)
        data = self._rest + data
        whole = len(data) - len(data) % 2
        self._rest = data[whole:]
        return self._resampled(data[:whole], last=False)

    def finish(self) -> bytes:
        """The samples that were held back."""
        return self._resampled(b"", last=True)

    def _resampled(self, samples: bytes, last: bool) -> bytes:
        if self._resampler is None:
            return samples
        import numpy as np

        heard = np.frombuffer(samples, dtype="<i2")
        resampled: bytes = self._resampler.resample_chunk(heard, last=last).tobytes()
        return resampled
