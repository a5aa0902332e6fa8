"""How long the program lives on after the service has sent its Termination."""

import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import sdk
from bench.process import run_to_end
from bench.program import program
from bench.samples import write_noise
from bench.server import EchoServer, echo_server
from bench.table import Row, median_ratio

PAIRS = 5
_TARGET_MS = 150


def time_ms(command: list[str], server: EchoServer) -> float:
    """From Termination sent to the process being gone."""
    _, ended = run_to_end(command)
    return (ended - server.report(5).terminated_at) * 1000


def run(quick: bool) -> list[Row]:
    """The row of the table."""
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder, echo_server() as server:
        wav = write_noise(Path(folder) / "noise.wav", 2.0)
        options = ["--endpoint", server.url, "--save-dir", folder, "--pace", "max"]
        ours_command = [*program().command, "file", *options, str(wav)]
        sdk_command = [sys.executable, "-m", "bench.sdk_script", server.host, str(wav), "0"]
        for _ in range(2 if quick else PAIRS):
            ours.append(time_ms(ours_command, server))
            if sdk.is_installed():
                theirs.append(time_ms(sdk_command, server))
    ratio = median_ratio(ours, theirs) if theirs else None
    return [
        Row(
            "Termination sent to process gone",
            ratio,
            f"{median(ours):.0f} ms",
            f"SDK script {median(theirs):.0f} ms; quickstarts 2000 to 5000" if theirs else "",
            f"under {_TARGET_MS} ms",
            median(ours) < _TARGET_MS,
        )
    ]
