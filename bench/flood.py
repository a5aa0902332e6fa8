"""How soon Ctrl+C is heard while a service floods the program, in each of many ways."""

import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench.program import program
from bench.samples import write_noise
from bench.table import Row
from tests.hostile.floods import FLOODS, flooding_service

_TARGET_S = 0.2
_FLOODED_S = 0.05  # a flood is noticed soon, and its session ended
_LIMIT_S = 30.0


def heard_after_s(name: str, wav: Path) -> float | None:
    """From SIGINT to Terminate at the service; None where the session was over by then."""
    with flooding_service(name) as service:
        process = subprocess.Popen(
            [*program().command, "file", str(wav), "--endpoint", service.url, "--no-save"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            service.begun.wait(_LIMIT_S)
            time.sleep(_FLOODED_S)
            ended_already = len(service.terminated_at)
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(_LIMIT_S)
        finally:
            process.kill()
            process.wait()
        times = service.terminated_at
        return times[-1] - asked if len(times) > ended_already else None


def run(quick: bool) -> list[Row]:
    """The row of the table."""
    with tempfile.TemporaryDirectory() as name:
        wav = write_noise(Path(name) / "noise.wav", 60.0)
        names = FLOODS[::3] if quick else FLOODS
        took = {name: heard_after_s(name, wav) for name in names}
    heard = {name: seconds for name, seconds in took.items() if seconds is not None}
    if not heard:
        return [Row("Ctrl+C to Terminate in a flood", None, "each session was over by then")]
    slowest = max(heard, key=lambda name: heard[name])
    return [
        Row(
            f"Ctrl+C to Terminate, the slowest of {len(heard)} floods ({slowest})",
            None,
            f"{heard[slowest] * 1000:.0f} ms",
            target=f"under {_TARGET_S * 1000:.0f} ms",
            met=heard[slowest] < _TARGET_S,
        )
    ]
