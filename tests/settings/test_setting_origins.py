"""What may come from where: every option of `mic` and `file`, from each source in turn."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import fields

from transcribe_cli import cli
from transcribe_cli.commands.command_table import make_command
from transcribe_cli.protocol.parameters import PARAMETERS, RECOGNITION_PARAMETERS
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.file_options import FileOptions
from transcribe_cli.settings.mic_options import MicOptions
from transcribe_cli.settings.printed_docs import PAGES, with_table
from transcribe_cli.settings.run_options import RunOptions
from transcribe_cli.settings.setting_origins import SETTINGS, Origin, may_come_from

ROOT = Path(__file__).parent.parent.parent
KEY = "0123456789abcdef" * 2
SOURCES = (Origin.FLAG, Origin.ENVIRONMENT, Origin.DOTENV, Origin.CONFIG)


class Option(NamedTuple):
    """An option as Typer has it, and a value that is not its default."""

    command: str
    name: str
    flag: list[str]
    text: str
    value: Any

    def __str__(self) -> str:
        return f"{self.command}-{self.name}"


def _options() -> Iterator[Option]:
    app: Any = make_command(Environment.current())
    for command in ("mic", "file"):
        for param in app.commands[command].params:
            if param.param_type_name == "option" and param.name != "help":
                yield _option(command, param)


def _option(command: str, param: Any) -> Option:
    long = next(name for name in param.opts if name.startswith("--"))
    if param.is_flag:
        value = param.default is not True
        flag = [long] if value else list(param.secondary_opts[:1])
        return Option(command, param.name, flag, str(value).lower(), value)
    if hasattr(param.type, "choices"):
        text: str = next(
            str(getattr(c, "value", c)) for c in reversed(param.type.choices) if c != param.default
        )
    elif param.type.name.startswith("int"):
        text = str(int(param.type.min or 0) + 1)
    elif param.type.name.startswith("float"):
        text = "0.25"
    else:
        text = "x"
    value = {"int range": int, "float range": float}.get(param.type.name, str)(text)
    return Option(command, param.name, [long, text], text, [value] if param.multiple else value)


OPTIONS = list(_options())


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[RunOptions]:
    """The options that `mic` or `file` is called with, in an empty folder."""
    seen: list[RunOptions] = []

    def take(options: RunOptions, _: Environment) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr("transcribe_cli.commands.mic.mic", take)
    monkeypatch.setattr("transcribe_cli.commands.file.file", take)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AAI_STREAM_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").touch()
    return seen


def put(
    options: Sequence[Option], origin: Origin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Set them there; the arguments of the command line."""
    if origin is Origin.FLAG:
        return [word for option in options for word in option.flag]
    lines = []
    for option in options:
        variable = SETTINGS[option.name].variable
        if origin is Origin.ENVIRONMENT:
            monkeypatch.setenv(variable, option.text)
        elif origin is Origin.DOTENV:
            lines.append(f"{variable}={option.text}\n")
        else:
            lines.append(f"{option.name.replace('_', '-')} = {json.dumps(option.value)}\n")
    if origin is not Origin.ENVIRONMENT:
        file = folder / (".env" if origin is Origin.DOTENV else "config.toml")
        file.write_text("".join(lines))
    return []


@pytest.mark.parametrize("origin", SOURCES)
@pytest.mark.parametrize("command", ["mic", "file"])
def test_an_option_comes_from_where_the_table_says_and_from_nowhere_else(
    command: str,
    origin: Origin,
    given: list[RunOptions],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transcribe_cli.settings.precedence._RIVALS", ())  # all of them at once
    options = [option for option in OPTIONS if option.command == command]
    arguments = put(options, origin, tmp_path, monkeypatch)
    assert cli.run([command, *arguments]) == 0

    defaults = {field.name: field.default for field in fields(given[0])}
    expected = {
        option.name: option.value
        if may_come_from(option.name, origin)
        # Whoever names a service there names its key there too.
        and not (option.name == "endpoint" and origin is Origin.DOTENV)
        else defaults[option.name]
        for option in options
    }
    assert {name: getattr(given[0], name) for name in expected} == expected
    assert not [option.name for option in options if option.value == defaults[option.name]]


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.name in ("model", "keyterm")], ids=str)
def test_the_stronger_source_wins(
    option: Option, given: list[RunOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def text(value: str) -> Option:
        new = [value] if isinstance(option.value, list) else value
        return option._replace(text=value, value=new, flag=[option.flag[0], value])

    arguments: list[str] = []
    for number, origin in enumerate(reversed(SOURCES)):
        arguments += put([text(f"from {origin}")], origin, tmp_path, monkeypatch)
        assert cli.run([option.command, *arguments]) == 0
        said = getattr(given[number], option.name)
        assert said == text(f"from {origin}").value


def test_every_option_has_a_row_and_every_row_an_option() -> None:
    names = {field.name for kind in (MicOptions, FileOptions) for field in fields(kind)}
    rows = {name for name in SETTINGS if not name.isupper()}

    assert rows == names
    assert {option.name for option in OPTIONS} == names - {"paths"}


def test_sources_come_from_the_command_line_alone(
    given: list[RunOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AAI_STREAM_PATHS", "x.wav")
    (tmp_path / ".env").write_text("AAI_STREAM_PATHS=x.wav\n")
    assert cli.run(["file"]) == 0
    assert isinstance(given[0], FileOptions)
    assert not given[0].paths

    (tmp_path / "config.toml").write_text('paths = ["x.wav"]\n')
    assert cli.run(["file"]) == 2


def test_what_comes_from_a_folder_names_no_path_no_place_and_no_program() -> None:
    """Said here once more, so that a careless row is noticed."""
    places = (
        "output captions_file captions_port record save_dir no_save from_list device param "
        "AAI_STREAM_CONFIG AAI_STREAM_SERVE_KEY"
    )
    for name in places.split():
        assert not may_come_from(name, Origin.DOTENV)
    for origin in (Origin.SERVICE,):
        assert not [name for name in SETTINGS if may_come_from(name, origin)]


def test_parameters_of_recognition_are_those_of_the_options_and_their_like() -> None:
    assert MicOptions().parameters().keys() <= RECOGNITION_PARAMETERS
    assert {"speech_model", "sample_rate", "format_turns", "language_code"} < RECOGNITION_PARAMETERS
    elsewhere = {name for name in PARAMETERS if "webhook" in name or "gateway" in name}
    assert not RECOGNITION_PARAMETERS & (elsewhere | {"token", "customer_support_audio_capture"})


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_table_as_the_code_has_it(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")

    assert page == with_table(name, page), "python -m transcribe_cli.settings.printed_docs docs"
