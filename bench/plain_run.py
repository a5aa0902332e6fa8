"""A plain run as a whole process: what `file WAV --text` into a pipe takes, start-up and all."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import sdk
from bench.program import program
from bench.samples import write_noise
from bench.server import echo_server
from bench.table import Row, median_ratio

PAIRS = 9
LONG_PAIRS = 3
LONG_S = 20.0
_SHORT_TARGET = 0.35
_LONG_TARGET = 0.5
_MEMORY_TARGET_MB = 32
_MODULES_TARGET = 320
_EVERY = 4  # chunks of 50 ms: 5 partials a second
# Without the two that an editable installation brings.
_COUNT = (
    "import atexit, sys; from transcribe_cli.cli import main;"
    "own = lambda: [m for m in sys.modules if m[:11] not in ('__editable_', '_distutils_')];"
    "atexit.register(lambda: print(len(own()), file=sys.stderr));"
    "main(sys.argv[1:])"
)


class Taken(NamedTuple):
    """What the kernel says of a process that has ended."""

    cpu_ms: float
    peak_mb: float


def take(command: list[str]) -> Taken:
    """Run a program to its end, its output into a pipe (POSIX).

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    return Taken((usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / per_mb)


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        echo_server(every=_EVERY, growing=True) as server,
    ):

        def arguments(wav: Path) -> list[str]:
            return ["file", str(wav), "--text", "--endpoint", server.url, "--no-save"]

        def pairs(seconds: float, count: int) -> tuple[list[Taken], list[Taken]]:
            wav = write_noise(Path(folder) / f"{seconds}.wav", seconds)
            sdk_command = [sys.executable, "-m", "bench.sdk_script", server.host, str(wav)]
            ours: list[Taken] = []
            theirs: list[Taken] = []
            for _ in range(count):
                ours.append(take([*program().command, *arguments(wav)]))
                if sdk.is_installed():
                    theirs.append(take(sdk_command))
            return ours, theirs

        short = pairs(1.0, 3 if quick else PAIRS)
        long = pairs(LONG_S, 1 if quick else LONG_PAIRS)
        counted = subprocess.run(
            [program().python, "-c", _COUNT, *arguments(Path(folder) / "1.0.wav")],
            capture_output=True,
            text=True,
            check=True,
        )
    modules = int(counted.stderr.split()[-1])
    return [
        _cpu_row("1 s", *short, _SHORT_TARGET),
        _cpu_row(f"{LONG_S:.0f} s in real time", *long, _LONG_TARGET),
        _memory_row(*long),
        Row(
            "`file --text`: modules imported",
            None,
            str(modules),
            target=f"at most {_MODULES_TARGET}",
            met=modules <= _MODULES_TARGET,
        ),
    ]


def _cpu_row(name: str, ours: list[Taken], theirs: list[Taken], target: float) -> Row:
    mine, yardstick = [one.cpu_ms for one in ours], [one.cpu_ms for one in theirs]
    ratio = median_ratio(mine, yardstick) if theirs else None
    return Row(
        f"`file --text`, {name}: CPU of the whole process",
        ratio,
        f"{median(mine):.0f} ms",
        f"SDK script {median(yardstick):.0f} ms" if theirs else "no SDK here",
        f"at most {target}",
        None if ratio is None else ratio <= target,
    )


def _memory_row(ours: list[Taken], theirs: list[Taken]) -> Row:
    mine, yardstick = [one.peak_mb for one in ours], [one.peak_mb for one in theirs]
    return Row(
        "`file --text`: peak memory",
        median_ratio(mine, yardstick) if theirs else None,
        f"{median(mine):.0f} MB",
        f"SDK script {median(yardstick):.0f} MB" if theirs else "no SDK here",
        f"at most {_MEMORY_TARGET_MB} MB",
        median(mine) <= _MEMORY_TARGET_MB,
    )
