"""How long whole processes take to say their version and their help."""

import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import sdk
from bench.plain_run import take
from bench.process import run_to_end
from bench.program import program
from bench.table import Row, median_ratio

RUNS = 15
_TARGET = 10.0  # times bare Python: 150 ms where that takes 15
_HELP_TARGET = 1.3  # times a program that has nothing but Typer
# Two commands, and plain text as ours: with Rich it would take three times as long.
_MINIMAL = """
import typer
app = typer.Typer(rich_markup_mode=None)
@app.command()
def mic(device: str = ""):
    "Transcribe a microphone."
@app.command()
def file(path: str):
    "Transcribe a file."
app()
"""


def time_ms(command: list[str]) -> float:
    """One run of a process, from its start to its end."""
    began, ended = run_to_end(command)
    return (ended - began) * 1000


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    ours = program()
    python = ours.python
    commands = {
        "`python -c pass`": [python, "-c", "pass"],
        "`aai-stream --version`": [*ours.command, "--version"],
        "`aai-stream --help`": [*ours.command, "--help"],
        "`aai-stream mic --help`": [*ours.command, "mic", "--help"],
        "`aai-stream file --help`": [*ours.command, "file", "--help"],
    }
    if sdk.is_installed():
        # The SDK's yardstick runs where the SDK is installed.
        name = "`python -c 'import assemblyai.streaming.v3'`"
        commands[name] = [sys.executable, "-c", "import assemblyai.streaming.v3"]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(3 if quick else RUNS):
        for name, command in commands.items():
            times[name].append(time_ms(command))
    bare = times.pop("`python -c pass`")
    rows = []
    for name, values in times.items():
        ratio = median_ratio(values, bare)
        is_ours = name.startswith("`aai-stream")
        rows.append(
            Row(
                f"start-up: {name}",
                ratio,
                f"{median(values):.0f} ms",
                f"bare Python {median(bare):.0f} ms",
                f"at most {_TARGET:.0f} times bare Python" if is_ours else "",
                ratio <= _TARGET if is_ours else None,
            )
        )
    return [*rows, _beside_typer(quick)]


def _beside_typer(quick: bool) -> Row:
    """CPU of `--help`, and of a minimal Typer program's, one after the other."""
    ours = program()
    with tempfile.TemporaryDirectory() as folder:
        minimal = Path(folder) / "minimal.py"
        minimal.write_text(_MINIMAL)
        mine: list[float] = []
        typers: list[float] = []
        for _ in range(5 if quick else RUNS):
            mine.append(take([*ours.command, "--help"]).cpu_ms)
            typers.append(take([ours.python, str(minimal), "--help"]).cpu_ms)
    ratio = median_ratio(mine, typers)
    return Row(
        "`aai-stream --help`: CPU of the whole process",
        ratio,
        f"{median(mine):.0f} ms",
        f"minimal Typer program {median(typers):.0f} ms",
        f"at most {_HELP_TARGET}",
        ratio <= _HELP_TARGET,
    )
