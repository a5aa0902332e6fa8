"""What a plain run takes of the machine before it does anything: modules, which are counted."""

import socket
import subprocess
import sys
from pathlib import Path

from tests.counting import counting_service, write_wav
from tests.program import Home

# Later versions of Python split their library into more modules.
MOST_MODULES = 320 if sys.version_info < (3, 12) else 340
_LIST = (
    "import atexit, sys; from transcribe_cli.cli import main;"
    "atexit.register(lambda: sys.stderr.write('\\n'.join(['modules:', *sys.modules])));"
    "main(sys.argv[1:])"
)


def modules_of(home: Home, *arguments: str, status: int = 0) -> set[str]:
    """All modules that a run of the program has imported by its end, with this exit code."""
    done = subprocess.run(
        [sys.executable, "-c", _LIST, *arguments],
        cwd=home.work,
        env=home.environment() | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return set(done.stderr.partition("modules:\n")[2].splitlines())


def test_a_plain_wav_to_a_pipe_imports_few_modules(home: Home) -> None:
    write_wav(home.work / "talk.wav", 10)
    with counting_service() as service:
        modules = modules_of(home, "file", "talk.wav", "--text", "--endpoint", service.url)
    # An editable installation brings two of its own; the compiler imports one for names of
    # characters, if it has not compiled all before.
    others = ("__editable_", "_distutils_hack", "unicodedata")
    own = {name for name in modules if not name.startswith(others)}
    assert len(own) <= MOST_MODULES, sorted(own)
    packages = {name.partition(".")[0] for name in modules}
    heavy = {"numpy", "soundfile", "soxr", "sounddevice", "rich", "dotenv", "asyncio", "dask"}
    assert not packages & heavy
    rooms = {name.split(".")[1] for name in modules if name.startswith("transcribe_cli.")}
    assert not rooms & {"doctor", "emulator", "cluster"}
    for unneeded in (
        *("jobs.batch", "jobs.shards", "recordings.followed_journal"),
        *("commands.doctor", "commands.replay", "commands.serve"),
    ):
        assert f"transcribe_cli.{unneeded}" not in modules


def test_help_of_one_command_imports_no_other(home: Home) -> None:
    modules = modules_of(home, "serve", "--help")
    commands = {name for name in modules if name.startswith("transcribe_cli.commands.")}
    needed = ("command_table", "examples", "plain_line", "serve", "typer_commands")
    assert commands == {f"transcribe_cli.commands.{name}" for name in needed}
    assert "transcribe_cli.jobs" not in modules


def test_a_service_listens_before_it_loads_what_serves(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        modules = modules_of(home, "serve", "--engine", "counting", "--port", port, status=2)
    assert "transcribe_cli.emulator.listening" in modules
    unneeded = {"asyncio", "websockets", "ssl", "typer", "transcribe_cli.emulator.websocket_app"}
    assert not modules & unneeded
