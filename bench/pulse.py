"""A microphone without hardware: a private PulseAudio whose one source hears what is played to it.

Linux only; needs the programs `pulseaudio` and `paplay`, and ALSA's plugin for PulseAudio.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_START_LIMIT_S = 10.0


def available() -> bool:
    """Whether this machine can do it."""
    return shutil.which("pulseaudio") is not None and shutil.which("paplay") is not None


@contextlib.contextmanager
def microphone(wav: Path) -> Iterator[dict[str, str]]:
    """Play a WAV once into a new microphone; yields the variables that lead a program to it."""
    with tempfile.TemporaryDirectory(prefix="bench-pulse-") as folder:
        variables = {
            "PULSE_RUNTIME_PATH": folder,
            "PULSE_SERVER": f"unix:{folder}/native",
            "PULSE_SOURCE": "speech.monitor",
        }
        environment = {**os.environ, **variables, "HOME": folder}
        server = subprocess.Popen(
            [
                *"pulseaudio -n --daemonize=no --exit-idle-time=-1 --disable-shm=yes".split(),
                "-L",
                "module-native-protocol-unix",
                "-L",
                "module-null-sink sink_name=speech rate=16000 channels=1 format=s16le",
                "-L",
                "module-virtual-source source_name=mic master=speech.monitor",
            ],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await_socket(Path(folder) / "native")
            player = subprocess.Popen(
                ["paplay", "--device=speech", str(wav)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                yield variables
            finally:
                player.kill()
                player.wait()
        finally:
            server.terminate()
            server.wait()


def _await_socket(path: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("pulseaudio did not start")
        time.sleep(0.05)
