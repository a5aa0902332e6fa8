"""Which script a session plays: by its parameters, by the path of its URL, or by order. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from transcribe_cli.emulator.script import Script, load_scripts
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.parameters import PARAMETERS, as_typed

PATH = "path"
_Condition = tuple[tuple[str, str], ...]  # names of parameters, or `path`, and `_text`


class ChosenScript(NamedTuple):
    """A script, and the sessions that it is for; without a condition: all others."""

    script: Script
    condition: _Condition = ()


def load_choices(specs: Sequence[str]) -> list[ChosenScript]:
    """The scripts of `--script [NAME=VALUE:]PATH`.

    Raises:
        UsageError: a file cannot be read, or a line is wrong.
    """
    choices: list[ChosenScript] = []
    for spec in specs:
        chosen, colon, file = spec.partition(":")
        name, equals, value = chosen.partition("=")
        condition: _Condition = ((name, _text(name, value)),)
        if not (colon and equals and _is_known(name)):
            condition, file = (), spec
        choices += [ChosenScript(script, condition) for script in load_scripts(Path(file))]
    return choices


class _Shelf:
    """The scripts of one condition; session N of it plays script N, and later ones the last."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self._given = 0

    def take(self) -> Script:
        self._given += 1
        return self._scripts[min(self._given, len(self._scripts)) - 1]


class ScriptShelf:
    """The scripts of a service, in order for each condition."""

    def __init__(self, choices: Sequence[ChosenScript] = ()) -> None:
        self._at_start: dict[_Condition, list[Script]] = {}
        for choice in choices:
            self._at_start.setdefault(choice.condition, []).append(choice.script)
        self.reset()

    def reset(self) -> None:
        """Have what was there at the start, and begin with the first."""
        self._shelves = {key: _Shelf(scripts) for key, scripts in self._at_start.items()}
        self._were_put: set[_Condition] = set()

    def put(self, scripts: Sequence[Script], chosen: Mapping[str, object] | None = None) -> None:
        """Have sessions play these scripts, in order.

        Args:
            chosen: parameters, or `path`, that the sessions have; they alone have other scripts
                then. None: all that nothing was put for; the scripts of the start are gone.

        Raises:
            UsageError: there is no such parameter.
        """
        for name in chosen or ():
            if not _is_known(name):
                raise UsageError(
                    f"A session has no parameter '{name}'.", "name one of the URL's, or path"
                )
        condition = tuple(
            sorted((name, _text(name, value)) for name, value in (chosen or {}).items())
        )
        if not condition:
            self._shelves = {key: self._shelves[key] for key in self._were_put}
        self._were_put.add(condition)
        self._shelves[condition] = _Shelf(scripts)

    def take(self, parameters: Mapping[str, Any], path: str) -> Script | None:
        """The script of the next session; None where there is none for it."""
        has = {name: _text(name, value) for name, value in {**parameters, PATH: path}.items()}
        fitting = [
            condition
            for condition in self._shelves
            if all(has.get(name) == value for name, value in condition)
        ]
        return self._shelves[max(fitting, key=len)].take() if fitting else None


def _is_known(name: str) -> bool:
    return name in PARAMETERS or name == PATH


def _text(name: str, value: object) -> str:
    """A value in JSON, the same however a URL, a command or a test writes it.

    >>> _text("vad_threshold", "0.50"), _text("vad_threshold", 1), _text("format_turns", "True")
    ('0.5', '1.0', 'true')
    """
    asked = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return msgspec.json.encode(as_typed(name, asked)).decode()
