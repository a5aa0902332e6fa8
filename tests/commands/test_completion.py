"""Values are completed in the shells that people use, and names from outside do no harm there."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.program import Home
from tests.requirements import require_programs
from transcribe_cli.commands.command_table import make_command
from transcribe_cli.commands.completion import VALUES, Typed, words_typed
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.option_types import Format

ODD = 'Bob\'s "$(touch bad1)" `touch bad2` \\$(touch bad3); touch bad4 * [a]'
DEVICES = ["USB Audio: Mic (hw:1,0)", ODD, "two\nlines"]
MODEL = max(MODELS, key=len)  # but for its last letter it is no other's name
TYPED_MODEL = f"mic --model {MODEL[:-1]}"
RECORDING = "2026-06-01-093000-talk"


def texts(name: str, beginning: str = "", **options: object) -> list[str]:
    return [value.text for value in VALUES[name](Typed(beginning, options, Path("recordings")))]


def test_every_name_with_values_is_a_parameter_of_some_command() -> None:
    def parameters(command: object) -> set[str]:
        inner = getattr(command, "commands", {}).values()
        own = {str(param.name) for param in getattr(command, "params", [])}
        return own.union(*map(parameters, inner))

    assert VALUES.keys() - {"recordings"} <= parameters(make_command(Environment.current()))


def test_languages_are_those_of_the_model_that_is_typed() -> None:
    assert texts("language_code") == ["en", "es", "de", "fr", "pt", "it"]
    assert texts("language_code", model="universal-streaming-english") == ["en"]
    assert "yue" in texts("language_code", model="universal-3-5-pro")
    assert texts("language_code", model="of tomorrow") == []


def test_models_are_those_of_the_table_and_older_names_that_the_service_still_answers() -> None:
    assert texts("model") == [*MODELS, "u3-pro-rt"]
    assert "yue" in texts("language_code", model="u3-pro-rt")


def test_an_output_is_completed_by_its_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    formats = [*(f".{kind}" for kind in Format), ".mkv", ".mp4", ".mov"]
    assert texts("output", "notes") == [f"notes{suffix}" for suffix in formats]
    assert texts("output", "my.notes.s") == [f"my.notes{suffix}" for suffix in formats]
    assert texts("output", "there/x.") == [f"there/x{suffix}" for suffix in formats]
    assert texts("output") == [f"{{stem}}{suffix}" for suffix in formats]
    assert texts("output", "the") == texts("output", "there/") == []  # the shell's own


def test_recordings_are_the_folders_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert texts("recording") == []
    for name in ("2026-06-01-093000-talk", "2026-06-02-093000", "notes"):
        (tmp_path / "recordings" / name).mkdir(parents=True)
    (tmp_path / "recordings" / "2026-06-03-093000").touch()
    assert texts("recording") == ["latest", "2026-06-02-093000", "2026-06-01-093000-talk"]


def test_engines_and_what_is_hidden_are_completed() -> None:
    assert texts("engine")[:2] == ["moonshine", "pocketsphinx"]
    assert "person_name" in texts("redact_pii_policy", "person")


def test_credentials_are_not_proposed_as_parameters() -> None:
    assert "mode=" in texts("param")
    assert "token=" not in texts("param")


def test_words_are_those_of_either_shell() -> None:
    assert words_typed({"COMP_WORDS": "aai-stream\nmic\n--model\n"}) == [
        *("aai-stream", "mic", "--model")
    ]
    assert words_typed({"_TYPER_COMPLETE_ARGS": "aai-stream mic 'x"}) == ["aai-stream", "mic", "'x"]
    assert words_typed({}) == []


@pytest.fixture
def shell_home(home: Home) -> Home:
    """A home with a program on its path, a recording, devices of odd names, shells' scripts."""
    program = home.path / "bin" / "aai-stream"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m transcribe_cli "$@"\n')
    program.chmod(0o755)
    (home.recordings / RECORDING).mkdir(parents=True)
    devices = home.path / ".cache" / "aai-stream" / "devices.json"
    devices.parent.mkdir(parents=True)
    devices.write_text(json.dumps(DEVICES))
    return home


def variables(home: Home, **more: str) -> dict[str, str]:
    path = f"{home.path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return home.environment({"PATH": path, "TERM": "dumb", **more})


def script(home: Home, shell: str) -> str:
    """What `--install-completion` puts into a shell's folder."""
    done = subprocess.run(
        ["aai-stream"],
        env=variables(home, _AAI_STREAM_COMPLETE=f"source_{shell}"),
        capture_output=True,
        text=True,
        check=True,
        timeout=45,
    )
    path = home.work / f"script.{shell}"
    path.write_text(done.stdout + "\n")
    return str(path)


def run(home: Home, *command: str) -> list[str]:
    done = subprocess.run(
        command,
        cwd=home.work,
        env=variables(home),
        capture_output=True,
        text=True,
        timeout=45,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


BASH = """\
source {script}
try() {{
  COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=()
  _aai_stream_completion aai-stream
  for word in "${{COMPREPLY[@]}}"; do eval "printf '%s\\n' $word"; done
}}
try aai-stream mic --device ''
try aai-stream mic --model = {typed}
try aai-stream recordings show 2026
try aai-stream re
"""


def test_bash_completes_values(shell_home: Home) -> None:
    """Each word is evaluated as the shell does with the line that it is put into."""
    require_programs("bash")
    tried = BASH.format(script=script(shell_home, "bash"), typed=MODEL[:-1])
    lines = run(shell_home, "bash", "-c", tried)

    assert lines == [*DEVICES[:2], MODEL, RECORDING, "recordings", "replay"]
    assert not list(shell_home.work.glob("bad*"))


@pytest.mark.long
def test_fish_completes_values(shell_home: Home) -> None:
    require_programs("fish")
    asked = "; ".join(
        f'complete -C "aai-stream {line}"'
        for line in ("mic --device ", TYPED_MODEL, "recordings show 2026")
    )
    lines = run(shell_home, "fish", "-c", f"source {script(shell_home, 'fish')}; {asked}")

    assert sorted(lines[:2]) == sorted(DEVICES[:2])
    assert lines[2:] == [f"{MODEL}\t{MODELS[MODEL].title}", RECORDING]
    assert not list(shell_home.work.glob("bad*"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("mic --device U", "USB\\ Audio:\\ Mic\\ \\(hw:1,0\\)"),
        ("mic --device B", "bad4"),
        (TYPED_MODEL, MODEL),
        ("recordings show 2026", RECORDING),
    ],
)
def test_zsh_completes_values(shell_home: Home, line: str, shown: str) -> None:
    """On a terminal, since it completes nowhere else."""
    require_programs("zsh")
    import pty

    written = script(shell_home, "zsh")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(shell_home.work)
        os.execvpe("zsh", ["zsh", "-f", "-i"], variables(shell_home, COLUMNS="200"))
    try:
        setup = f"autoload -U compinit; compinit -u; source {written}; echo rea''dy\n"
        os.write(terminal, setup.encode())
        assert "ready" in until(terminal, "ready")
        os.write(terminal, f"aai-stream {line}\t".encode())
        assert shown in until(terminal, shown)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert not list(shell_home.work.glob("bad*"))


def until(terminal: int, text: str) -> str:
    """What the terminal shows, up to a text or for half a minute."""
    seen = ""
    end = time.monotonic() + 30
    while text not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
    return seen
