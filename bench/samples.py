"""Audio files of a known length, made on the spot."""

import random
import wave
from array import array
from pathlib import Path

RATE_HZ = 16000


def write_noise(path: Path, seconds: float) -> Path:
    """Quiet noise, 16 kHz mono."""
    chance = random.Random(2)
    block = array("h", (chance.randint(-900, 900) for _ in range(RATE_HZ))).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        whole, rest = divmod(round(seconds * RATE_HZ), RATE_HZ)
        for _ in range(whole):
            file.writeframes(block)
        file.writeframes(block[: 2 * rest])
    return path
