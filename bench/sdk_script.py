"""What a script with the official SDK does: reads a WAV, sends it in real time, prints Turns.

    python -m bench.sdk_script HOST WAV [PER_SECOND]

Paced as simple scripts are, by a sleep after each chunk; PER_SECOND 0 sends at once.
"""

import sys
import time
import wave
from collections.abc import Iterator
from typing import Any

from bench import sdk

FRAMES = 800  # 50 ms


def on_turn(_: Any, event: Any) -> None:
    """The partial in place, finals on lines of their own."""
    end = "\n" if event.end_of_turn else ""
    print(f"\r{event.transcript}", end=end, flush=True)


def blocks(path: str, per_second: float) -> Iterator[bytes]:
    """The file's audio, a chunk at a time."""
    with wave.open(path) as file:
        while data := file.readframes(FRAMES):
            yield data
            if per_second:
                time.sleep(1 / per_second)


def main(host: str, path: str, per_second: float = 20.0) -> None:
    """Transcribe one file."""
    client = sdk.connect(host, 16000, {"Turn": on_turn})
    try:
        client.stream(blocks(path, per_second))
    finally:
        client.disconnect(terminate=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
