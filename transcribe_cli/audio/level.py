"""How loud a block is: its peak, in dB below full scale."""

import math
import sys
from array import array

CLIP_AT = 32700  # of 32767: converters that clip rarely stop at exactly the last value
SILENT_DB = -90.0


_QUIET_SHARE = 0.1  # of the loudest sample nearby


def peak(samples: bytes) -> int:
    """The greatest absolute sample of s16le audio, 0 to 32768; 0 if there is none."""
    values = array("h", samples)
    if sys.byteorder == "big":
        values.byteswap()
    return max(max(values), -min(values)) if values else 0


def peaks(samples: bytes, channels: int) -> list[int]:
    """The peak of each channel of interleaved samples."""
    if channels == 1:
        return [peak(samples)]
    values = array("h", samples)
    return [peak(values[channel::channels].tobytes()) for channel in range(channels)]


def without_microphone(samples: bytes, channels: int) -> bytes:
    """The samples with their first channel, the microphone's, silenced."""
    if channels == 1:
        return bytes(len(samples))
    values = array("h", samples)
    values[::channels] = array("h", bytes(len(samples) // channels))
    return values.tobytes()


def find_pause(samples: bytes, frames: int) -> int | None:
    """The middle of the first `frames` frames that are quiet compared with the loudest sample.

    `samples` are s16le mono. Returns a frame of them; None if no stretch is quiet for so long.
    """
    step = max(1, frames // 3)
    levels = [peak(samples[at : at + 2 * step]) for at in range(0, len(samples), 2 * step)]
    quiet = max(levels, default=0) * _QUIET_SHARE
    run = 0
    for number, level in enumerate(levels):
        run = run + 1 if level <= quiet else 0
        if run == 3:
            return (number - 1) * step + step // 2
    return None


def decibels(amplitude: int) -> float:
    """dB relative to full scale; `SILENT_DB` at the least."""
    return max(SILENT_DB, 20 * math.log10(amplitude / 32768)) if amplitude else SILENT_DB
