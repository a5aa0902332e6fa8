"""`config.toml`: lines of `option-name = value`, checked against the options by name and type."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.setting_origins import Origin, may_come_from

_MOST_BYTES = 1 << 20
_EXAMPLE = 'a line of it reads: model = "whisper-rt"'


class ConfigFile(NamedTuple):
    """What the file sets.

    Attributes:
        values: by the option's name, with underscores.
        lines: where each stands, counted from 1.
    """

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def place_of(self, name: str) -> str:
        """Where an option is set, in words."""
        return _place(self.path, self.lines.get(name))


def option_kinds() -> dict[str, Any]:
    """The type of each option of `mic` and `file`, by its field: what the file may set."""
    from msgspec.structs import fields

    from transcribe_cli.settings.file_options import FileOptions
    from transcribe_cli.settings.mic_options import MicOptions

    both = (*fields(MicOptions), *fields(FileOptions))
    return {field.name: get_args(field.type)[0] for field in both}


def load_config(path: Path, kinds: Mapping[str, Any]) -> ConfigFile:
    """The options that the file sets, each as a value of its kind.

    Args:
        kinds: the type of each option that there is.

    Raises:
        UsageError: it is no TOML, or sets what is no option, or to a value of another kind.
    """
    read = read_config(path)
    values: dict[str, Any] = {}
    for name, value in read.values.items():
        place = read.place_of(name)
        if isinstance(value, dict):
            raise UsageError(f"[{name}] in {place} is a table, which is not read.", _EXAMPLE)
        shown = name.replace("_", "-")
        if name not in kinds or not may_come_from(name, Origin.CONFIG):
            raise UsageError(f"'{shown}' in {place} is no option.", _likely(shown, kinds))
        values[name] = _checked(value, kinds[name], f"{shown} in {place}")
    return ConfigFile(path, values, read.lines)


def read_config(path: Path) -> ConfigFile:
    """Everything that the file sets, known or not.

    Raises:
        UsageError: it is no file of TOML.
    """
    if not path.exists():
        return ConfigFile(path, {}, {})
    import tomllib

    try:
        # Some editors begin a file with a byte order mark.
        with path.open("rb") as file:
            read = file.read(_MOST_BYTES + 1)
        if len(read) > _MOST_BYTES:
            raise UsageError(f"{path} is no config file: it is far too long.", "name another one")
        text = read.decode("utf-8-sig").replace("\r\n", "\n")
        found = tomllib.loads(text)
    except UnicodeDecodeError as e:
        raise UsageError(f"{path} cannot be read: it is no UTF-8.", "save it as UTF-8") from e
    except OSError as e:
        hint = "name a file that you may read"
        raise UsageError(f"{path} cannot be read: {e.strerror or e}.", hint) from e
    except (ValueError, RecursionError) as e:  # no TOML, far too deep
        raise UsageError(f"{path} cannot be read: {e}.", _EXAMPLE) from e
    return ConfigFile(
        path, {name.replace("-", "_"): value for name, value in found.items()}, _lines_of(text)
    )


def _lines_of(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if key := re.match(r"""\s*\[*\s*["']?([\w-]+)["']?\s*[\].=]""", line):
            lines.setdefault(key[1].replace("-", "_"), number)
    return lines


def _place(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"line {line} of {path}"


def _likely(name: str, kinds: Mapping[str, Any]) -> str:
    from transcribe_cli.settings.similar_names import resembling

    names = [one.replace("_", "-") for one in kinds if may_come_from(one, Origin.CONFIG)]
    likely = resembling(name, names)
    return f"did you mean {likely}?" if likely else "see 'aai-stream mic --help'"


def _checked(value: Any, kind: Any, place: str) -> Any:
    """The value, if it is one of that kind; what only the command line knows is checked there.

    A number will do for a text, such as a device or a duration, and one text for a list of them.
    """
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    (kind,) = [one for one in kinds if one is not type(None)]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if get_origin(kind) is list:
        texts = value if isinstance(value, list) else [value]
        if all(isinstance(text, str) for text in texts):
            return texts
        raise UsageError(f"{place} takes a list of texts.", 'such as ["one", "two"]')
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise UsageError(f"{place} takes true or false, not {_shown(value)}.", "without quotes")
    if kind in (int, float):
        if is_number and (kind is float or isinstance(value, int)):
            return value
        noun = "a whole number" if kind is int else "a number"
        raise UsageError(f"{place} takes {noun}, not {_shown(value)}.", "without quotes or a unit")
    if isinstance(value, str):
        return value
    if is_number and not issubclass(kind, StrEnum):
        return str(value)
    raise UsageError(f"{place} takes a text, not {_shown(value)}.", "in quotes")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str | list | float) else str(value)
