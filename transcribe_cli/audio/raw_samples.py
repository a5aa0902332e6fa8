"""Whether bytes without a header may be 16-bit samples: what else they look like. Pure."""

import sys
from array import array
from collections import Counter
from itertools import pairwise

_WINDOW_BYTES = 4096
_LEAST_SAMPLES = 512  # fewer say nothing of what they are
_LEAST_VALUES = 16  # a tone of fewer may be anything
_LOUD, _AUDIBLE = 8000, 1000
_ALIKE, _GATHERED, _EVEN = 0.2, 1.25, 1.1


def what_is_unlikely(head: bytes) -> str | None:
    """Why these bytes are no s16le mono; None where they may be.

    The first of them that are no silence decide.

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
    # Of s16le the lower bytes are spread evenly, and the upper ones are not the same.
    lower, upper = _sixteenths(part[::2]), _sixteenths(part[1::2])
    difference = sum(abs(a - b) for a, b in zip(lower, upper, strict=True))
    if difference < _ALIKE and _gathering(lower) > _GATHERED:
        return "looks like samples of 8 or 24 bits (mu-law?), not of 16"
    # All in one place they are 8 bits that were made 16.
    if _GATHERED < _gathering(lower) < len(lower) / 2 + 1 and _gathering(upper) < _EVEN:
        return "looks like samples with their higher byte first"
    # Compressed data are loud, and no sample is near the last: of noise the steps have twice its
    # power.
    step_power = sum((b - a) ** 2 for a, b in pairwise(samples)) / len(samples)
    if power >= _LOUD**2 and step_power >= power:
        return "holds no media known here, nor likely samples"
    return None


def _sixteenths(data: bytes) -> list[float]:
    """Which share of the bytes begins with each of 16 half bytes."""
    counts = Counter(byte >> 4 for byte in data)
    return [counts[high] / len(data) for high in range(16)]


def _gathering(shares: list[float]) -> float:
    """1 where all shares are the same, 16 where all is in one."""
    return len(shares) * sum(share * share for share in shares)
