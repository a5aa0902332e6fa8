"""The values of options that neither command line nor environment give: `.env`, then config.

It also decides which of two settings counts where they exclude each other.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.dotenv import settings_in_dotenv
from transcribe_cli.settings.environment import APP, Environment
from transcribe_cli.settings.setting_origins import CONFIG_VARIABLE, variable_of
from transcribe_cli.settings.user_folders import config_folder

_RUNS = ("mic", "file", "doctor")
# Of the others, which do not record, these follow the file too.
_ELSEWHERE = frozenset(("save_dir", "color", "non_speech"))
# Of two in a row only one can be meant.
_RIVALS = (
    ("local", "endpoint", "name two services"),
    ("local", "region", "name two services"),
    ("engine", "endpoint", "name two services"),
    ("engine", "region", "name two services"),
    ("endpoint", "region", "name two services"),
    ("jsonl", "text", "cannot both have standard output"),
    ("format", "jsonl", "cannot both have standard output"),
    ("format", "text", "cannot both have standard output"),
    ("no_save", "save_dir", "exclude each other"),
    ("quiet", "verbose", "exclude each other"),
)


class Defaults(NamedTuple):
    """What options are when neither flag nor variable sets them.

    Attributes:
        values: Click's `default_map`.
        places: by the option's name, where that was said, in words.
    """

    values: Mapping[str, Any]
    places: Mapping[str, str]


def defaults_of(command: Any, name: str, environment: Environment, *, strict: bool) -> Defaults:
    """The defaults of a command line.

    Args:
        command: the program's, with the one that is called in it.
        name: of that one.
        strict: a wrong `config.toml` is an error; to the doctor it is a finding, and help needs
            none.

    Raises:
        UsageError: `config.toml` cannot be read, or sets what is no option.
    """
    dotenv = settings_in_dotenv(environment)
    given = {variable_of(option): text for option, text in dotenv.options.items()}
    values = _from_variables(command, given)
    places = {option: f"{variable_of(option)} in {dotenv.path}" for option in dotenv.options}
    if name not in command.commands:
        return Defaults(values, places)
    try:
        path = config_path(environment.variables)
        if not path.exists():
            return Defaults(values, places)
        from transcribe_cli.settings.config_file import load_config, option_kinds

        config = load_config(path, option_kinds())
    except UsageError:
        if strict:
            raise
        return Defaults(values, places)
    kept = {k: v for k, v in config.values.items() if name in _RUNS or k in _ELSEWHERE}
    ranks = dict.fromkeys(kept, 0) | dict.fromkeys(dotenv.options, 1)
    usual = dict.fromkeys(ranks)  # nothing is said twice here, so any value counts
    kept = {
        k: v for k, v in settled(dict(dotenv.options) | kept, usual, ranks).items() if k in kept
    }
    _put_under(command.commands[name], kept, values.setdefault(name, {}))
    return Defaults(values, {k: config.place_of(k) for k in kept} | places)


def config_path(variables: Mapping[str, str]) -> Path:
    """Where settings are read from; `AAI_STREAM_CONFIG` names another file.

    Raises:
        UsageError: it names one that does not exist. The usual file need not.
    """
    if named := variables.get(CONFIG_VARIABLE):
        path = Path(named)
        if not path.exists():
            raise UsageError(
                f"There is no '{path}', which {CONFIG_VARIABLE} names.",
                f"mend or unset {CONFIG_VARIABLE}",
            )
        return path
    return config_folder(APP) / "config.toml"


def _put_under(command: Any, settings: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Put settings under what was found for a command, and for those of a group."""
    for inner, called in getattr(command, "commands", {}).items():
        _put_under(called, settings, found.setdefault(inner, {}))
    takes = {parameter.name for parameter in command.params}
    for name, value in settings.items():
        if name in takes:
            found.setdefault(name, value)


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


def settled(
    values: Mapping[str, Any], defaults: Mapping[str, Any], ranks: Mapping[str, int]
) -> dict[str, Any]:
    """The values, without those that one from nearer to the user excludes.

    >>> off = {"local": False, "endpoint": None}
    >>> settled({"local": True, "endpoint": "ws://x"}, off, {"local": 1, "endpoint": 3})
    {'local': False, 'endpoint': 'ws://x'}
    >>> settled({"local": False, "engine": "moonshine"}, off | {"engine": None}, {})
    {'local': True, 'engine': 'moonshine'}

    Args:
        defaults: what each is when nobody says anything.
        ranks: how near to the user each was said; the command line is nearest.

    Raises:
        UsageError: two that exclude each other were said in the same place.
    """
    found = dict(values)
    for one, other, why in _RIVALS:
        if not (_is_set(one, found, defaults) and _is_set(other, found, defaults)):
            continue
        if ranks[one] == ranks[other]:
            raise UsageError(f"{_option(one)} and {_option(other)} {why}.", "leave one of them out")
        weaker = one if ranks[one] < ranks[other] else other
        found[weaker] = defaults[weaker]
    if found.get("engine") and "local" in found:
        found["local"] = True
    return found


def _is_set(name: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    return name in values and values[name] not in (None, False, defaults[name])


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
