"""A plain command line is read as Typer reads it, and every other one is left to it."""

import pytest

from transcribe_cli.commands import serve as serve_command
from transcribe_cli.commands.command_table import make_command
from transcribe_cli.commands.plain_line import read_plain_line
from transcribe_cli.commands.serve import ServeOptions, plain_options
from transcribe_cli.settings.environment import Environment

PLAIN = [
    "",
    "--port 0 --engine counting --ready-json --quiet",
    "--port=0 --engine=counting --with-parent",
    "--fault drop@word=40 --fault stall --fault-seed 7",
    "--key a --key b --host 0.0.0.0 --max-audio-rate 1.5",
    "--formatted-finals one --no-multilingual-flag --pro-partials formatted",
    "--multilingual-flag --no-multilingual-flag --multilingual-flag",
    "--logbook some/where.jsonl --tls --tls-dir there --keep-audio",
    "--script a=b:c.jsonl --script=x=y.jsonl --llm-command=--help",
    "--port 1 --port 2",
    "--allow-model new=pro --default-model new --workers 3 --turn-words 9 --max-session-s 60",
]
OTHERS = [
    "--help",
    "-q",
    "extra",
    "--port",
    "--port x",
    "--port -1",
    "--port 65536",
    "--port 1.5",
    "--port=",
    "--engine --quiet",
    "--quiet=yes",
    "--formatted-finals three",
    "--turn-words 0",
    "--max-audio-rate 0.5",
    "--max-audio-rate x",
    "--eng counting",
    "--verbose",
    "--",
    "-- --port 0",
    "--no-quiet",
]


@pytest.mark.parametrize("line", PLAIN)
def test_a_plain_line_is_read_as_typer_reads_it(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[ServeOptions] = []

    def take(options: ServeOptions, _: object) -> int:
        read.append(options)
        return 0

    monkeypatch.setattr(serve_command, "serve", take)
    monkeypatch.delenv("AAI_STREAM_SERVE_KEY", raising=False)
    command = make_command(Environment.current(), ("serve",))
    command.main(args=["serve", *line.split()], standalone_mode=False)
    assert [plain_options(line.split(), Environment.current())] == read


@pytest.mark.parametrize("line", OTHERS)
def test_help_and_whatever_is_wrong_are_typer_s(line: str) -> None:
    assert read_plain_line(ServeOptions, line.split()) is None


def test_a_key_of_the_environment_is_typer_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AAI_STREAM_SERVE_KEY", "swordfish")
    assert plain_options([], Environment.current()) is None
    monkeypatch.setenv("AAI_STREAM_SERVE_KEY", "")
    assert plain_options([], Environment.current()) == ServeOptions()
