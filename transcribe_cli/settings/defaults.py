"""What options are where the command line and the environment do not say: `.env`, then config."""

from typing import Any

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.allowed_sources import variable_of
from transcribe_cli.settings.config import config_path, load_config
from transcribe_cli.settings.dotenv import settings_in_dotenv
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.options import OPTION_NAMES

_WITH_CONFIG = ("mic", "file", "doctor")


def defaults_of(
    command: Any, name: str, environment: Environment, *, strict: bool
) -> dict[str, Any]:
    """Click's `default_map`.

    Args:
        command: the program's, with the one that is called in it.
        name: of that one.
        strict: a wrong `config.toml` is an error; to the doctor it is a finding, and help needs
            none.

    Raises:
        UsageError: `config.toml` cannot be read, or sets what is no option.
    """
    options = settings_in_dotenv(environment).options
    given = {variable_of(option): text for option, text in options.items()}
    found = _from_variables(command, given)
    if name not in _WITH_CONFIG:
        return found
    try:
        settings = load_config(config_path(environment.variables), OPTION_NAMES)
    except UsageError:
        if strict:
            raise
        settings = {}
    takes = {parameter.name for parameter in command.commands[name].params}
    found[name] = {k: value for k, value in settings.items() if k in takes} | found[name]
    return found


def _from_variables(command: Any, given: dict[str, str]) -> dict[str, Any]:
    if hasattr(command, "commands"):
        return {name: _from_variables(inner, given) for name, inner in command.commands.items()}
    return {
        param.name: values_by_line(text) if getattr(param, "multiple", False) else text
        for param in command.params
        if isinstance(param.envvar, str) and (text := given.get(param.envvar))
    }


def values_by_line(text: str) -> list[str]:
    """The values that the variable of a repeatable option holds: one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]
