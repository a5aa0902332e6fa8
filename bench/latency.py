"""From a chunk handed in to its Turn handled, and what a turn costs of the processor."""

import json
import subprocess
import sys
from statistics import median
from typing import NamedTuple

from bench import sdk
from bench.server import EchoServer, echo_server
from bench.table import Row, median_ratio, percentile

PAIRS = 4
COUNT = 1000  # chunks a run
PER_SECOND = 100.0
_WARM_UP = 50  # chunks at the start of each run that do not count
_LATENCY_TARGET = _CPU_TARGET = 0.6


class Figures(NamedTuple):
    """Of one run."""

    median_ms: float
    p95_ms: float
    cpu_us: float  # a turn


def measure(client: str, address: str, count: int) -> Figures:
    """One run of a client, in a process of its own."""
    command = [sys.executable, "-m", f"bench.{client}", address, str(count), str(PER_SECOND)]
    limit_s = count / PER_SECOND + 60
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=limit_s).stdout
    result = json.loads(out)
    given, handled = result["given"], result["handled"]
    latencies = [1000 * (b - a) for a, b in zip(given, handled, strict=True)][_WARM_UP:]
    return Figures(
        median(latencies), percentile(latencies, 95), result["cpu_s"] / len(handled) * 1e6
    )


def measure_both(server: EchoServer, pairs: int, count: int) -> tuple[list[Figures], list[Figures]]:
    """Ours and the SDK's, one after the other, several times."""
    ours: list[Figures] = []
    theirs: list[Figures] = []
    with_sdk = sdk.is_installed()
    for _ in range(pairs):
        ours.append(measure("client_ours", server.url, count))
        if with_sdk:
            theirs.append(measure("client_sdk", server.host, count))
        server_lines = 1 + with_sdk
        for _ in range(server_lines):
            server.report(10)
    return ours, theirs


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    with echo_server() as server:
        ours, theirs = measure_both(server, 2 if quick else PAIRS, 300 if quick else COUNT)
    return [
        _row("latency of a chunk, median", "median_ms", "ms", _LATENCY_TARGET, ours, theirs),
        _row("latency of a chunk, p95", "p95_ms", "ms", None, ours, theirs),
        _row("CPU a turn", "cpu_us", "µs", _CPU_TARGET, ours, theirs),
    ]


def _row(
    what: str,
    name: str,
    unit: str,
    target: float | None,
    ours: list[Figures],
    theirs: list[Figures],
) -> Row:
    digits = 0 if unit == "µs" else 2
    our_values = [getattr(figures, name) for figures in ours]
    their_values = [getattr(figures, name) for figures in theirs]
    ratio = median_ratio(our_values, their_values) if theirs else None
    return Row(
        what,
        ratio,
        f"{median(our_values):.{digits}f} {unit}",
        f"SDK {median(their_values):.{digits}f} {unit}" if theirs else "no SDK here",
        f"at most {target} of the SDK's" if target else "",
        ratio <= target if target and ratio else None,
    )
