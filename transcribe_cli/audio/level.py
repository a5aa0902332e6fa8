"""How loud a block is: its peak, in dB below full scale."""

import math
import sys
from array import array

CLIP_AT = 32700  # of 32767: converters that clip rarely stop at exactly the last value
SILENT_DB = -90.0


def peak(samples: bytes) -> int:
    """The greatest absolute sample of s16le audio, 0 to 32768; 0 for none."""
    values = array("h", samples)
    if sys.byteorder == "big":
        values.byteswap()
    return max(max(values), -min(values)) if values else 0


def decibels(amplitude: int) -> float:
    """dB relative to full scale; `SILENT_DB` at the least."""
    return max(SILENT_DB, 20 * math.log10(amplitude / 32768)) if amplitude else SILENT_DB
