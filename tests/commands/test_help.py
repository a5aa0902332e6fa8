"""Help at 80 columns: whole sentences in groups, two examples each that can be typed."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from transcribe_cli.commands.command_table import make_command
from transcribe_cli.commands.examples import EXAMPLES
from transcribe_cli.settings.environment import Environment

PROGRAM: Any = make_command(Environment.current())


def _paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _paths(inner, (*path, name))


PATHS = [" ".join(path) for path in _paths(PROGRAM)]


def help_of(path: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    command = PROGRAM
    context = typer.Context(command, info_name="aai-stream")
    for name in path.split():
        command = command.commands[name]
        context = typer.Context(command, info_name=name, parent=context)
    text: str = command.get_help(context)
    return text


@pytest.mark.parametrize("path", PATHS)
def test_help_fits_80_columns_with_whole_sentences_and_two_examples(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = help_of(path, monkeypatch)

    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in re.sub(r"\]\.\.\.|S\.\.\.|E\.\.\.|3\.\.:", "", text)
    assert "samples/" not in text
    examples = text.partition("Examples:\n")[2].split("\n")[:2]
    assert [line.strip() for line in examples] == list(EXAMPLES[path])


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_can_be_typed(line: str) -> None:
    command, words = PROGRAM, shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("x", words)


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("", "recordings")])
def test_every_command_can_say_more_of_a_fault(path: str) -> None:
    command = PROGRAM
    for name in path.split():
        command = command.commands[name]
    assert any("--verbose" in param.opts for param in command.params)
