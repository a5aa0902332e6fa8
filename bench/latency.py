"""From a chunk handed in to its Turn handled, and what a turn costs of the processor."""

import json
import subprocess
import sys
from contextlib import nullcontext
from statistics import median
from typing import NamedTuple

from bench import sdk
from bench.awake import can_keep_awake, kept_awake
from bench.server import EchoServer, echo_server
from bench.table import Row, median_ratio, percentile

_NO_CLIENT_RUNS = 3
_BARE_EVERY = 2  # pairs of runs
_WARM_UP = 6  # one chunk of so many, at the start of each run, does not count
_TARGET = 0.6


class Pace(NamedTuple):
    """How fast chunks of 50 ms come, and how they are measured.

    Attributes:
        chunks: a run.
        pairs: of short runs, so that other work on the machine comes upon both clients alike.
        awake: the processors are kept from sleeping between two chunks.
    """

    per_second: float
    chunks: int
    pairs: int
    awake: bool = True

    def __str__(self) -> str:
        asleep = "" if self.awake else ", processors asleep in between"
        return f"{self.per_second:.0f} a second{asleep}"


PACES = (
    Pace(20.0, 120, 14),  # one microphone
    Pace(100.0, 300, 14),  # 5 recordings
    Pace(500.0, 1000, 10),  # 25 recordings
    Pace(20.0, 120, 10, awake=False),
)


class Figures(NamedTuple):
    """Of one run."""

    median_ms: float
    p95_ms: float
    cpu_us: float  # a turn


def measure(client: str, address: str, pace: Pace) -> Figures:
    """One run of a client, in a process of its own."""
    arguments = [address, str(pace.chunks), str(pace.per_second)]
    command = [sys.executable, "-m", f"bench.{client}", *arguments]
    limit_s = pace.chunks / pace.per_second + 60
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=limit_s).stdout
    result = json.loads(out)
    given, handled = result["given"], result["handled"]
    latencies = [1000 * (b - a) for a, b in zip(given, handled, strict=True)]
    latencies = latencies[pace.chunks // _WARM_UP :]
    return Figures(
        median(latencies), percentile(latencies, 95), result["cpu_s"] / len(handled) * 1e6
    )


def measure_all(server: EchoServer, pace: Pace) -> dict[str, list[Figures]]:
    """Both clients in pairs, the SDK's where it is installed, and how much of it is no client's.

    Each is the first of a pair as often as the other: what ran before a run, and whether the
    machine was idle, makes more of a difference than many a change to a client.
    """
    clients = [("client_ours", server.url)]
    if sdk.is_installed():
        clients.append(("client_sdk", server.host))
    bare = "client_bare", server.url
    measured: dict[str, list[Figures]] = {client: [] for client, _ in (*clients, bare)}
    for pair in range(pace.pairs):
        for client, address in (*clients, *([bare] if pair % _BARE_EVERY == 0 else [])):
            measured[client].append(measure(client, address, pace))
            server.report(10)
        clients.reverse()
    measured["client_none"] = [measure("client_none", "", pace) for _ in range(_NO_CLIENT_RUNS)]
    return measured


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    rows: list[Row] = []
    with echo_server() as server:
        for pace in PACES:
            if pace.awake and not can_keep_awake():
                continue
            with kept_awake() if pace.awake else nullcontext():
                measured = measure_all(server, pace._replace(pairs=4) if quick else pace)
            rows += _rows(pace, measured)
    return rows


def _rows(pace: Pace, measured: dict[str, list[Figures]]) -> list[Row]:
    ours, theirs = measured["client_ours"], measured.get("client_sdk", [])
    bare, theirs_beside = measured["client_bare"], theirs[::_BARE_EVERY]
    handing_out_us = median(figures.cpu_us for figures in measured["client_none"])
    net_ours, net_theirs, net_bare, net_beside = (
        [figures._replace(cpu_us=figures.cpu_us - handing_out_us) for figures in of_one]
        for of_one in (ours, theirs, bare, theirs_beside)
    )
    target = _TARGET if pace.awake else None
    with_it = f"(and {handing_out_us:.0f} µs for handing out chunks)"
    return [
        _row(f"{pace}: latency, median", "median_ms", "ms", target, ours, theirs),
        _row("(of bare sockets)", "median_ms", "ms", None, bare, theirs_beside),
        _row(f"{pace}: latency, p95", "p95_ms", "ms", None, ours, theirs),
        _row(f"{pace}: CPU a turn", "cpu_us", "µs", target, net_ours, net_theirs),
        _row("(of bare sockets)", "cpu_us", "µs", None, net_bare, net_beside),
        _row(with_it, "cpu_us", "µs", None, ours, theirs),
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
