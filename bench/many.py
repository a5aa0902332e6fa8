"""A hundred files at once, in real time, with the view of many files in a pseudo-terminal."""

import os
import tempfile
from pathlib import Path

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
