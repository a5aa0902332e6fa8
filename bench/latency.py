"""From a chunk handed in to its Turn handled, and what a turn costs of the processor."""

import json
import subprocess
import sys
from statistics import median
from typing import NamedTuple

from bench import sdk
from bench.server import EchoServer, echo_server
from bench.table import Row, median_ratio, percentile

PAIRS = 24  # of short runs, so that other work on the machine comes upon both clients alike
COUNT = 300  # chunks a run
PER_SECOND = 100.0
_NO_CLIENT_RUNS = 3
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


def measure_all(server: EchoServer, pairs: int, count: int) -> dict[str, list[Figures]]:
    """Both clients in pairs, the SDK's where it is installed; then how much of it is no client's.

    Each is the first of a pair as often as the other: what ran before a run, and whether the
    machine was idle, makes more of a difference than many a change to a client.
    """
    clients = [("client_ours", server.url)]
    if sdk.is_installed():
        clients.append(("client_sdk", server.host))
    measured: dict[str, list[Figures]] = {client: [] for client, _ in clients}
    for _ in range(pairs):
        for client, address in clients:
            measured[client].append(measure(client, address, count))
            server.report(10)
        clients.reverse()
    measured["client_none"] = [measure("client_none", "", count) for _ in range(_NO_CLIENT_RUNS)]
    return measured


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    with echo_server() as server:
        measured = measure_all(server, 4 if quick else PAIRS, COUNT)
    ours, theirs = measured["client_ours"], measured.get("client_sdk", [])
    handing_out_us = median(figures.cpu_us for figures in measured["client_none"])
    net_ours, net_theirs = (
        [figures._replace(cpu_us=figures.cpu_us - handing_out_us) for figures in of_one]
        for of_one in (ours, theirs)
    )
    return [
        _row("latency of a chunk, median", "median_ms", "ms", _LATENCY_TARGET, ours, theirs),
        _row("latency of a chunk, p95", "p95_ms", "ms", None, ours, theirs),
        _row("CPU a turn", "cpu_us", "µs", _CPU_TARGET, net_ours, net_theirs),
        _row(
            f"(and {handing_out_us:.0f} µs for handing out chunks)",
            "cpu_us",
            "µs",
            None,
            ours,
            theirs,
        ),
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
