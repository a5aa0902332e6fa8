"""Hands out chunks of audio at a fixed pace, the same for both clients."""

import random
import time
from collections.abc import Iterator

CHUNK_BYTES = 1600  # 50 ms at 16 kHz
RATE_HZ = 16000


def chunks(count: int, per_second: float, given: list[float]) -> Iterator[bytes]:
    """Noise in chunks of 50 ms; `given` gets the moment at which each one is handed out."""
    block = random.Random(1).randbytes(CHUNK_BYTES)
    began = time.perf_counter()
    for number in range(count):
        wait = began + number / per_second - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        given.append(time.perf_counter())
        yield block
