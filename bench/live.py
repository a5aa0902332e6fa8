"""`file` and `mic` with the live view, in a pseudo-terminal, in real time: processor and memory."""

import sys
import tempfile
from pathlib import Path

from bench import pulse, sdk
from bench.program import program
from bench.samples import write_noise
from bench.server import EchoServer, echo_server
from bench.table import Row
from bench.terminal import Usage, watch

SECONDS = 60.0
_SETTLE_S = 3.0  # start-up and connecting
_CPU_TARGET = 0.03
_FILE_MEMORY_TARGET_MB = 60
_MIC_MEMORY_TARGET_MB = 45
_EVERY = 4  # chunks of 50 ms: 5 partials a second


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    seconds = 10.0 if quick else SECONDS
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, echo_server(every=_EVERY, growing=True) as server:
        wav = write_noise(Path(folder) / "noise.wav", seconds + _SETTLE_S)
        theirs = None
        if sdk.is_installed():
            command = [sys.executable, "-m", "bench.sdk_script", server.host, str(wav)]
            theirs = watch(command, settle_s=_SETTLE_S, stop_s=seconds, interrupt=False)
        command = [*_common(server, "file"), "--pace", "1", str(wav)]
        usage = watch(command, settle_s=_SETTLE_S, stop_s=seconds, interrupt=False)
        rows += _rows("`file`", usage, theirs, _FILE_MEMORY_TARGET_MB)
        if pulse.available():
            with pulse.microphone(wav) as variables:
                usage = watch(
                    _common(server, "mic"),
                    settle_s=_SETTLE_S,
                    stop_s=seconds,
                    interrupt=True,
                    environment=variables,
                )
            rows += _rows("`mic`", usage, theirs, _MIC_MEMORY_TARGET_MB)
        else:
            rows.append(Row("`mic`: no PulseAudio here", None, "not measured"))
    return rows


def _common(server: EchoServer, command: str) -> list[str]:
    return [*program().command, command, "--endpoint", server.url, "--no-save"]


def _rows(name: str, usage: Usage, theirs: Usage | None, most_mb: int) -> list[Row]:
    return [
        Row(
            f"{name}, live view: share of a core",
            usage.cpu_share / theirs.cpu_share if theirs else None,
            f"{usage.cpu_share:.1%} ({usage.drawn_bytes / 1000:.0f} kB drawn)",
            f"SDK script, file {theirs.cpu_share:.1%}" if theirs else "no SDK here",
            f"under {_CPU_TARGET:.0%}",
            usage.cpu_share < _CPU_TARGET,
        ),
        Row(
            f"{name}, live view: peak memory",
            usage.peak_mb / theirs.peak_mb if theirs else None,
            f"{usage.peak_mb:.0f} MB",
            f"SDK script {theirs.peak_mb:.0f} MB" if theirs else "no SDK here",
            f"under {most_mb} MB",
            usage.peak_mb < most_mb,
        ),
    ]
