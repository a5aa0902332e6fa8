"""No client: what it costs to hand out the chunks and to write down when.

python -m bench.client_none ADDRESS COUNT PER_SECOND
"""

import json
import sys
import time

from bench.pace import chunks


def main(count: int, per_second: float) -> None:
    """Print what the clients print; a Turn is handled as soon as its chunk is handed out."""
    given: list[float] = []
    handled: list[float] = []
    cpu_began = cpu_ended = time.process_time()
    for _ in chunks(count, per_second, given):
        handled.append(time.perf_counter())
        cpu_ended = time.process_time()
    print(json.dumps({"given": given, "handled": handled, "cpu_s": cpu_ended - cpu_began}))


if __name__ == "__main__":
    main(int(sys.argv[2]), float(sys.argv[3]))
