"""Whether bytes without a header may be 16-bit samples, judged by what else they resemble. Pure."""

import sys
from array import array
from collections import Counter
from itertools import pairwise

_WINDOW_BYTES = 4096
_LEAST_SAMPLES = 512  # fewer cannot be judged
_LEAST_VALUES = 16  # a tone of fewer different bytes may be anything
_LOUD, _AUDIBLE = 8000, 1000
_ALIKE, _GATHERED, _EVEN = 0.2, 1.25, 1.1


def what_is_unlikely(head: bytes) -> str | None:
    """Why these bytes are not s16le mono, in words; None if they may be.

    The first window that is not silent decides.

    >>> what_is_unlikely(bytes(2000))
    >>> what_is_unlikely(bytes(range(112, 128)) * 100)
    'looks like samples of 8 or 24 bits (mu-law?), not of 16'
    """
    for at in range(0, len(head), _WINDOW_BYTES):
        part = head[at : at + _WINDOW_BYTES]
        samples = array("h", part[: len(part) // 2 * 2])
        if sys.byteorder == "big":
            samples.byteswap()
        if len(samples) < _LEAST_SAMPLES:
            return None
        power = sum(sample * sample for sample in samples) / len(samples)
        if power >= _AUDIBLE**2 and len(set(part)) >= _LEAST_VALUES:
            return _why_unlikely(part, samples, power)
    return None


def _why_unlikely(part: bytes, samples: "array[int]", power: float) -> str | None:
    # In s16le the low bytes are spread evenly, and the high bytes are not spread alike.
    lower, upper = _sixteenths(part[::2]), _sixteenths(part[1::2])
    difference = sum(abs(a - b) for a, b in zip(lower, upper, strict=True))
    if difference < _ALIKE and _gathering(lower) > _GATHERED:
        return "looks like samples of 8 or 24 bits (mu-law?), not of 16"
    # If all low bytes are in one place, the samples were 8 bits that were made 16.
    if _GATHERED < _gathering(lower) < len(lower) / 2 + 1 and _gathering(upper) < _EVEN:
        return "looks like samples with their higher byte first"
    # Compressed data are loud, and neighbouring samples differ much: the steps of noise have twice
    # the power of its samples.
    step_power = sum((b - a) ** 2 for a, b in pairwise(samples)) / len(samples)
    if power >= _LOUD**2 and step_power >= power:
        return "holds no media known here, nor likely samples"
    return None


def _sixteenths(data: bytes) -> list[float]:
    """The share of the bytes for each of the 16 values of their upper half."""
    counts = Counter(byte >> 4 for byte in data)
    return [counts[high] / len(data) for high in range(16)]


def _gathering(shares: list[float]) -> float:
    """1 if all shares are equal, 16 if one share is everything."""
    return len(shares) * sum(share * share for share in shares)
