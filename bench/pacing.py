"""How far a file that is sent in real time drifts from the clock."""

import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench import sdk
from bench.program import program
from bench.samples import write_noise
from bench.server import EchoServer, echo_server
from bench.table import Row
from transcribe_cli.session.pacing import Pacer

SECONDS = 60.0
CHUNK_S = 0.05
_RATE_HZ = 16000
_TARGET_MS = 50  # an hour
_ENDS_S = 5.0  # at both ends of a real run a median of so much is compared


def simulate_ours(chunks: int, late_s: Callable[[int], float]) -> float:
    """Our pacer on an injected clock: how late the last chunk is, in s.

    `late_s` is what waking up and sending cost beyond the timetable, by the chunk's number.
    """
    pacer = Pacer(_RATE_HZ, 1.0, limited=True)
    frames = round(CHUNK_S * _RATE_HZ)
    now = due = 0.0
    pacer.start(0, now)
    for number in range(chunks):
        due = (number + 1) * CHUNK_S
        now = max(now, pacer.due((number + 1) * frames, now)) + late_s(number)
        pacer.sent(frames, now)
    return now - due


def simulate_sleeping(chunks: int, late_s: Callable[[int], float]) -> float:
    """A loop that sleeps for the length of each chunk, on the same clock."""
    return sum(late_s(number) for number in range(chunks))


def hiccups(seed: int) -> Callable[[int], float]:
    """Up to 2 ms late each time, and half a second once a minute."""
    chance = random.Random(seed)
    lateness = [chance.uniform(0, 0.002) for _ in range(1000)]
    minute = round(60 / CHUNK_S)
    return lambda number: lateness[number % 1000] + (0.5 if number % minute == minute // 2 else 0)


def measured_drift_ms(command: list[str], server: EchoServer, seconds: float) -> float:
    """How much later the last chunks came than the first ones, against real time."""
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=seconds * 2 + 30,
    )
    arrivals = server.report(5).arrivals
    lateness = [at - number * CHUNK_S for number, at in enumerate(arrivals)]
    count = min(round(_ENDS_S / CHUNK_S), len(lateness) // 3)
    return (median(lateness[-count:]) - median(lateness[:count])) * 1000


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    seconds = 10.0 if quick else SECONDS
    hour = round(3600 / CHUNK_S)
    ours_ms = simulate_ours(hour, hiccups(1)) * 1000
    theirs_ms = simulate_sleeping(hour, hiccups(1)) * 1000
    rows = [
        Row(
            "pacing: an hour on an injected clock with hiccups",
            abs(ours_ms) / theirs_ms,
            f"{ours_ms:.1f} ms",
            f"sleep after each chunk {theirs_ms:.0f} ms",
            f"under {_TARGET_MS} ms an hour",
            abs(ours_ms) < _TARGET_MS,
        )
    ]
    with tempfile.TemporaryDirectory() as folder, echo_server(every=4) as server:
        wav = write_noise(Path(folder) / "noise.wav", seconds)
        options = ["--endpoint", server.url, "--no-save", "--pace", "1"]
        command = [*program().command, "file", *options, str(wav)]
        real_ms = measured_drift_ms(command, server, seconds)
        sdk_ms = None
        if sdk.is_installed():
            command = [sys.executable, "-m", "bench.sdk_script", server.host, str(wav)]
            sdk_ms = measured_drift_ms(command, server, seconds)
    rows.append(
        Row(
            f"pacing: {seconds:.0f} s in real time",
            abs(real_ms / sdk_ms) if sdk_ms else None,
            f"{real_ms:+.2f} ms",
            f"SDK script that sleeps {sdk_ms:+.1f} ms" if sdk_ms is not None else "no SDK here",
        )
    )
    return rows
