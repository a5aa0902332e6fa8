"""A real sound device without hardware: what is played into it comes out of a microphone."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.counting import CountingService, counting_service
from tests.program import DEADLINE_S, Home
from tests.requirements import require_portaudio, require_programs
from tests.terminal import Terminal

SINK = "aai_stream_test"
# Without rewinding, what is played is heard at once, and not after up to two seconds.
_FORMAT = "rate=16000 channels=1 format=s16le norewinds=1"


class Loudspeaker:
    """A PulseAudio server of the test's own. `env` makes PortAudio's default device hear it."""

    server: "subprocess.Popen[bytes]"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.env = {
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SOURCE": f"{SINK}.monitor",
        }

    def start(self) -> None:
        """Start the server, for the first time or after its end."""
        self.server = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes"),
                *("--use-pid-file=no", "-L", "module-native-protocol-unix"),
                *("-L", f"module-null-sink sink_name={SINK} {_FORMAT}"),
            ],
            env=os.environ | self.env | {"HOME": str(self._folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _await(self, self.server)

    def kill(self) -> None:
        """End the server as a crash does."""
        self.server.kill()
        self.server.wait(DEADLINE_S)

    def control(self, *arguments: str) -> None:
        """Run a command of `pactl`."""
        subprocess.run(["pactl", *arguments], env=os.environ | self.env, check=True, timeout=20)

    def module_of(self, sink: str) -> str:
        """The number of the module that makes a sink."""
        modules = self._listed("modules")
        (number,) = (line.split()[0] for line in modules if f"sink_name={sink}" in line)
        return number

    def is_heard(self, sink: str) -> bool:
        """Whether somebody records what a sink plays."""
        sources = self._listed("sources")
        return any(f"{sink}.monitor" in line and "RUNNING" in line for line in sources)

    def _listed(self, kind: str) -> list[str]:
        """What the server has of a kind, a line each."""
        return (
            subprocess.run(
                ["pactl", "list", "short", kind],
                env=os.environ | self.env,
                capture_output=True,
                check=True,
                timeout=20,
            )
            .stdout.decode()
            .splitlines()
        )

    def add_sink(self, name: str) -> None:
        """Another loudspeaker, which is the default one from now on."""
        self.control("load-module", "module-null-sink", f"sink_name={name}", *_FORMAT.split())
        self.control("set-default-sink", name)

    def play(self, path: Path, sink: str = SINK) -> None:
        """Play a WAV file to its end."""
        subprocess.run(
            ["paplay", f"--device={sink}", str(path)],
            env=os.environ | self.env,
            check=True,
            timeout=60,
        )

    @contextmanager
    def playing(self, path: Path, sink: str = SINK) -> Iterator[None]:
        """Play a WAV file while the block lasts."""
        player = subprocess.Popen(
            ["paplay", f"--device={sink}", str(path)], env=os.environ | self.env
        )
        try:
            yield
        finally:
            player.terminate()
            player.wait(DEADLINE_S)


@contextmanager
def loudspeaker() -> Iterator[Loudspeaker]:
    """A running server."""
    require_programs("pulseaudio", "pactl", "paplay")
    require_portaudio()
    # Not in a test's own folder: a socket's path has little room.
    with tempfile.TemporaryDirectory(prefix="pulse-") as folder, _serving(Path(folder)) as speaker:
        yield speaker


@contextmanager
def mic_in_terminal(
    home: Home, speaker: Loudspeaker, *options: str
) -> Iterator[tuple[Terminal, CountingService]]:
    """`aai-stream mic` with its session begun."""
    with (
        counting_service() as service,
        Terminal(
            home,
            "mic",
            *options,
            *("--device", "pulse", "--endpoint", service.url),
            columns=100,
            env=speaker.env,
        ) as terminal,
    ):
        assert service.began.wait(DEADLINE_S)
        yield terminal, service


@contextmanager
def _serving(folder: Path) -> Iterator[Loudspeaker]:
    speaker = Loudspeaker(folder)
    try:
        speaker.start()
        yield speaker
    finally:
        speaker.server.send_signal(signal.SIGCONT)  # a test may have stopped it
        speaker.server.terminate()
        speaker.server.wait(DEADLINE_S)


def _await(speaker: Loudspeaker, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while subprocess.run(
        ["pactl", "info"],
        env=os.environ | speaker.env,
        capture_output=True,
        timeout=10,
        check=False,
    ).returncode:
        assert server.poll() is None, "pulseaudio ended"
        assert time.monotonic() < deadline, "pulseaudio does not answer"
