"""Files on workers of Dask: recognition on one and two of them, and what is beside it."""

import contextlib
import os
import tempfile
import time
import wave
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from bench.plain_run import Taken, take
from bench.program import program
from bench.samples import RATE_HZ, write_noise
from bench.server import echo_server
from bench.table import Row
from transcribe_cli.jobs.sources import SAMPLE

_PIECE_S = 15.0
_PIECES = 8  # for each worker
_THREADS = 30  # of each of two workers that recognise nothing
_MANY = 10_000
_FEW = 1_000
_ONES = 20
_BILLED_S = 20.0
_BEYOND_TARGET_S = 0.3
_EVERY = 4  # chunks of 50 ms: 5 Turns a second from each session
_SILENT = 1_000_000


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    return [*recognised(quick), *billed(), *overhead(_FEW if quick else _MANY)]


class Scheduler(NamedTuple):
    """Dask's scheduler, in this process, which does nothing else meanwhile."""

    address: str

    @property
    def cpu_s(self) -> float:
        """What it has taken; the nannies of its workers, which wait, included."""
        return time.process_time()


@contextlib.contextmanager
def scheduler(workers: int, threads: int) -> Iterator[Scheduler]:
    """Workers of this machine; whoever measures runs no other Dask."""
    import dask
    from distributed import LocalCluster

    from transcribe_cli.cluster.scheduler_connection import QUIET

    with (
        dask.config.set(QUIET),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,
        ) as cluster,
    ):
        cluster.wait_for_workers(workers)
        yield Scheduler(cluster.scheduler_address)


def recognised(quick: bool) -> list[Row]:
    """Files an hour, from the first one's beginning to the last one's end."""
    rows, rates = [], []
    for workers in (1, 2):
        pieces = workers * (_PIECES // 2 if quick else _PIECES)
        with (
            tempfile.TemporaryDirectory() as name,
            scheduler(workers, 1) as dask,
        ):
            folder = Path(name)
            write_pieces(folder / "audio", pieces)
            take(_command(dask, folder, "--local", "-o", str(folder / "all.jsonl")))
            lasted_s = _lasted_s(folder / "all.jsonl")
        rates.append(pieces / lasted_s * 3600)
        rows.append(
            Row(
                f"files of {_PIECE_S:g} s an hour, `--local`, {workers} "
                f"{'worker' if workers == 1 else 'workers'}",
                rates[-1] / rates[0],
                f"{rates[-1]:,.0f}",
            )
        )
    return rows


def write_pieces(folder: Path, pieces: int) -> None:
    """Pieces of the packaged sample, each from another place."""
    folder.mkdir()
    with wave.open(str(SAMPLE), "rb") as sample:
        frames = sample.readframes(sample.getnframes())
    size = round(_PIECE_S * RATE_HZ) * 2
    for number in range(pieces):
        start = (number * RATE_HZ * 2) % (len(frames) - size)
        with wave.open(str(folder / f"{number:03}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(frames[start : start + size])


def _command(dask: Scheduler, folder: Path, *more: str) -> list[str]:
    shared = ("--save-dir", str(folder / "recordings"), "--quiet")
    files = ("file", str(folder / "audio"), "--cluster", dask.address)
    return [*program().command, *files, *shared, *more]


def _lasted_s(path: Path) -> float:
    times = [
        datetime.fromisoformat(msgspec.json.decode(line)["time"])
        for line in path.read_bytes().splitlines()
    ]
    return (max(times) - min(times)).total_seconds()


def billed() -> list[Row]:
    """How much longer than its audio a session is open, from the upgrade to Terminate."""
    rows = []
    for files in (2, 2 * _THREADS):
        with (
            tempfile.TemporaryDirectory() as name,
            echo_server(every=_EVERY) as server,
            scheduler(2, _THREADS) as dask,
        ):
            folder = Path(name)
            link_files(folder / "audio", files, _BILLED_S)
            take(_command(dask, folder, "--pace", "1", "--endpoint", server.url))
            sessions = [server.report(5) for _ in range(files)]
        beyond = [seen.terminated_at - seen.began_at - _BILLED_S for seen in sessions]
        rows.append(
            Row(
                f"{files} files at once on two workers: billed beyond the audio, median and "
                "greatest",
                None,
                f"{median(beyond):.2f} s, {max(beyond):.2f} s",
                target=f"under {_BEYOND_TARGET_S} s",
                met=max(beyond) < _BEYOND_TARGET_S,
            )
        )
    return rows


def link_files(folder: Path, files: int, seconds: float) -> None:
    """Files of quiet noise, each with a name of its own."""
    folder.mkdir()
    first = write_noise(folder / "00000.wav", seconds)
    for number in range(1, files):
        os.link(first, folder / f"{number:05}.wav")


def overhead(files: int) -> list[Row]:
    """What many files of a second cost beside their sessions, and how long they take."""
    with (
        tempfile.TemporaryDirectory() as name,
        echo_server(every=_SILENT) as server,
        scheduler(2, _THREADS) as dask,
    ):
        folder = Path(name)
        link_files(folder / "audio", files, 1.0)
        told = ("--pace", "max", "--endpoint", server.url, "-o", str(folder / "all.jsonl"))
        cpu_s, memory_mb = dask.cpu_s, _resident_mb()
        began = time.monotonic()
        client = take(_command(dask, folder, *told))
        wall_s = time.monotonic() - began
        cpu_s, memory_mb = dask.cpu_s - cpu_s, _resident_mb() - memory_mb
        again_s = time.monotonic()
        again = take(_command(dask, folder, *told))
        again_s = time.monotonic() - again_s
        listing_ms = _listing_ms(folder / "recordings")
        ones = [_one(folder, number, server.url) for number in range(_ONES)]
    each_ms = 1000 * cpu_s / files
    one_ms = median(one.cpu_ms for one in ones)
    return [
        Row(
            f"{files:,} files of 1 s: scheduler's CPU a file; beside it a process a file",
            each_ms / one_ms,
            f"{each_ms:.1f} ms",
            f"{one_ms:.0f} ms",
        ),
        Row(
            "scheduler's CPU, memory that it has grown by",
            None,
            f"{cpu_s:.0f} s, {memory_mb:.0f} MB",
        ),
        Row(
            "the command's CPU a file, its peak memory",
            None,
            f"{client.cpu_ms / files:.1f} ms, {client.peak_mb:.0f} MB",
        ),
        Row("wall, and a file", None, f"{wall_s:.0f} s, {1000 * wall_s / files:.0f} ms"),
        Row(
            "the same once more, all complete: wall, CPU a file",
            None,
            f"{again_s:.0f} s, {again.cpu_ms / files:.1f} ms",
        ),
        Row("listing the save-dir, once a process", None, f"{listing_ms:.1f} ms"),
    ]


def _one(folder: Path, number: int, url: str) -> Taken:
    path = folder / "audio" / f"{number:05}.wav"
    more = ("--pace", "max", "--endpoint", url, "--save-dir", str(folder / "ones"), "--text")
    return take([*program().command, "file", str(path), *more])


def _listing_ms(save_dir: Path) -> float:
    from transcribe_cli.recordings.recording_index import RecordingIndex

    began = time.process_time()
    for _ in range(10):
        RecordingIndex(save_dir).glance()
    return (time.process_time() - began) * 100


def _resident_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20
