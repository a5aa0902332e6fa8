"""A hundred files at once, in real time: what they take of the machine, and what is billed."""

import os
import tempfile
from pathlib import Path
from statistics import median

from bench.process import run_to_end
from bench.program import program
from bench.samples import write_noise
from bench.server import echo_server
from bench.table import Row
from bench.terminal import watch

FILES = 100
SECONDS = 30.0
_SETTLE_S = 6.0  # start-up, and connecting a hundred times
_CPU_TARGET = 0.30
_MEMORY_TARGET_MB = 150
_EVERY = 4  # chunks of 50 ms: 5 Turns a second from each session
_BILLED_S = 20.0
_BEYOND_TARGET_S = 0.3


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    seconds = 10.0 if quick else SECONDS
    with tempfile.TemporaryDirectory() as name, echo_server(every=_EVERY, growing=True) as server:
        folder = Path(name)
        audio = folder / "audio"
        audio.mkdir()
        first = write_noise(audio / "000.wav", _SETTLE_S + seconds + 5)
        for number in range(1, FILES):
            os.link(first, audio / f"{number:03}.wav")
        usage = watch(
            [
                *(*program().command, "file", "--jobs", str(FILES), "--pace", "1"),
                *("--endpoint", server.url, "--save-dir", str(folder / "recordings"), str(audio)),
            ],
            settle_s=_SETTLE_S,
            stop_s=_SETTLE_S + seconds,
            interrupt=True,
        )
    return [
        *billed(),
        Row(
            f"{FILES} files at once: share of a core",
            None,
            f"{usage.cpu_share:.1%} ({usage.drawn_bytes / 1000:.0f} kB drawn)",
            target=f"under {_CPU_TARGET:.0%}",
            met=usage.cpu_share < _CPU_TARGET,
        ),
        Row(
            f"{FILES} files at once: peak memory",
            None,
            f"{usage.peak_mb:.0f} MB",
            target=f"under {_MEMORY_TARGET_MB} MB",
            met=usage.peak_mb < _MEMORY_TARGET_MB,
        ),
    ]


def billed() -> list[Row]:
    """How much longer than its audio a session is open, from the upgrade to Terminate."""
    rows = []
    for jobs in (6, FILES):
        with tempfile.TemporaryDirectory() as name, echo_server(every=_EVERY) as server:
            audio = Path(name) / "audio"
            audio.mkdir()
            first = write_noise(audio / "000.wav", _BILLED_S)
            for number in range(1, jobs):
                os.link(first, audio / f"{number:03}.wav")
            run_to_end(
                [
                    *(*program().command, "file", "--jobs", str(jobs), "--pace", "1", "--no-save"),
                    *("--endpoint", server.url, str(audio)),
                ]
            )
            sessions = [server.report(5) for _ in range(jobs)]
        beyond = [seen.terminated_at - seen.began_at - _BILLED_S for seen in sessions]
        rows.append(
            Row(
                f"{jobs} files at once: billed beyond the audio, median and greatest",
                None,
                f"{median(beyond):.2f} s, {max(beyond):.2f} s",
                target=f"under {_BEYOND_TARGET_S} s",
                met=max(beyond) < _BEYOND_TARGET_S,
            )
        )
    return rows
