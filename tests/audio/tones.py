"""Test audio, made on the spot."""

from array import array
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from transcribe_cli.audio.source import Source, SourceEvent


def tone(rate_hz: int, seconds: float, hz: float = 440.0, channels: int = 1) -> Any:
    """A sine at half of full scale, as floats of shape (frames, channels)."""
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    mono = 0.5 * np.sin(2 * np.pi * hz * times)
    return np.repeat(mono[:, None], channels, axis=1)


def write(path: Path, samples: Any, rate_hz: int, subtype: str | None = None) -> Path:
    """An audio file in the format of its suffix."""
    soundfile.write(str(path), samples, rate_hz, subtype)
    return path


def values(samples: bytes) -> Any:
    """s16le bytes as numbers."""
    return np.frombuffer(samples, "<i2").astype(np.int64)


def pcm(*numbers: int) -> bytes:
    """Numbers as s16le bytes."""
    return array("h", numbers).tobytes()


def taken(source: Source) -> tuple[bytes, list[SourceEvent]]:
    """All of a source's audio, and what it reported; the source is closed."""
    reports: list[SourceEvent] = []
    try:
        audio = b"".join(source.blocks(reports.append))
    finally:
        source.close()
    return audio, reports


def similar(samples: bytes, expected: Any, tolerance: float = 0.02) -> bool:
    """Whether s16le samples follow the expected floats, apart from the very ends."""
    got = values(samples) / 32768
    count = min(len(got), len(expected))
    edge = min(500, count // 4)
    difference = np.abs(got[edge : count - edge] - expected[edge : count - edge])
    return bool(count > 2 * edge and difference.max() < tolerance)
