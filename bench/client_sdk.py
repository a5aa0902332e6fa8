"""The latency client of the official SDK: its streaming client and an `on_turn` handler.

python -m bench.client_sdk HOST COUNT PER_SECOND
"""

import json
import sys
import threading
import time
from typing import Any

from bench import sdk
from bench.pace import RATE_HZ, chunks


def main(host: str, count: int, per_second: float) -> None:
    """Print the moments at which chunks were given and Turns handled, and the CPU time."""
    begun = threading.Event()
    done = threading.Event()
    given: list[float] = []
    handled: list[float] = []
    cpu_ended = 0.0

    def on_turn(_: Any, __: Any) -> None:
        nonlocal cpu_ended
        handled.append(time.perf_counter())
        cpu_ended = time.process_time()
        if len(handled) == count:
            done.set()

    handlers = {"Begin": lambda *_: begun.set(), "Turn": on_turn}
    client = sdk.connect(host, RATE_HZ, handlers)
    begun.wait(30)
    cpu_began = time.process_time()
    client.stream(chunks(count, per_second, given))
    done.wait(30)
    client.disconnect(terminate=True)
    print(json.dumps({"given": given, "handled": handled, "cpu_s": cpu_ended - cpu_began}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
