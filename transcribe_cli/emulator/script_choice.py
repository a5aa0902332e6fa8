"""Which script a session plays: by a parameter, by the path of its URL, or by order. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli.emulator.script import Script, load_scripts
from transcribe_cli.protocol.parameters import PARAMETERS

PATH = "path"


class ChosenScript(NamedTuple):
    """A script, and the sessions that it is for.

    Attributes:
        name, value: of a parameter, or of `path`; name "": any session, in order.
    """

    script: Script
    name: str = ""
    value: str = ""

    def concerns(self, parameters: Mapping[str, Any], path: str) -> bool:
        given = path if self.name == PATH else parameters.get(self.name)
        return bool(self.name) and _text(given) == self.value


def load_choices(specs: Sequence[str]) -> list[ChosenScript]:
    """The scripts of `--script [NAME=VALUE:]PATH`.

    Raises:
        UsageError: a file cannot be read, or a line is wrong.
    """
    choices: list[ChosenScript] = []
    for spec in specs:
        condition, colon, file = spec.partition(":")
        name, equals, value = condition.partition("=")
        if not (colon and equals and (name in PARAMETERS or name == PATH)):
            name, value, file = "", "", spec
        choices += [ChosenScript(script, name, value) for script in load_scripts(Path(file))]
    return choices


class ScriptShelf:
    """The scripts of a service; session N plays script N, and later ones the last."""

    def __init__(self, choices: Sequence[ChosenScript] = ()) -> None:
        self._at_start = tuple(choices)
        self.reset()

    def reset(self) -> None:
        """Have what was there at the start, and begin with the first."""
        self._choices = list(self._at_start)
        self._given = 0

    def put(self, choice: ChosenScript) -> None:
        """Have this one script, for every session."""
        self._choices, self._given = [choice], 0

    def take(self, parameters: Mapping[str, Any], path: str) -> Script | None:
        """The script of the next session; None where there is none for it."""
        for choice in self._choices:
            if choice.concerns(parameters, path):
                return choice.script
        in_order = [choice.script for choice in self._choices if not choice.name]
        if not in_order:
            return None
        self._given += 1
        return in_order[min(self._given, len(in_order)) - 1]


def _text(value: object) -> str:
    """A parameter's value as a URL has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
