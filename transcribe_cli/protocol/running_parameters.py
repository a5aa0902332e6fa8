"""The parameters that a session runs with, as its `Begin` says, and how they differ. Pure.

The service may run another model than the requested one, because it redirects older models to newer
ones, or may ignore a parameter. `Begin.configuration` names the model but only some parameters, so
the table of models tells which parameters the other model does not take.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from transcribe_cli.protocol.models import find_model
from transcribe_cli.protocol.parameters import as_typed

_MOST_CHARACTERS = 60  # shown of a value from outside


class Difference(NamedTuple):
    """A parameter that runs with another value than requested; `runs` None: it was left out."""

    name: str
    asked: Any
    runs: Any

    def __str__(self) -> str:
        if self.runs is None:
            return f"without {self.name}"
        name = "" if self.name == "speech_model" else f"{self.name} "
        return f"{name}{_shown(self.runs)} instead of {_shown(self.asked)}"


def running_parameters(asked: Mapping[str, Any], configuration: object) -> dict[str, Any]:
    """The parameters that a session runs with.

    Args:
        configuration: the `configuration` of its `Begin`; it may be anything.
    """
    if not isinstance(configuration, Mapping):
        return dict(asked)
    said = {_parameter_of(str(name)): value for name, value in configuration.items()}
    model = said.get("speech_model")
    if not isinstance(model, str) or not model:
        said.pop("speech_model", None)
        model = str(asked.get("speech_model"))
    lost = _not_taken_any_more(asked, model) - said.keys()
    running = {name: value for name, value in (dict(asked) | said).items() if name not in lost}
    return {name: value for name, value in running.items() if _is_set(value)}


def differences(asked: Mapping[str, Any], running: Mapping[str, Any]) -> list[Difference]:
    """The requested parameters that run otherwise or not at all, the model first."""
    found = []
    for name, wanted in asked.items():
        wanted, runs = as_typed(name, wanted), as_typed(name, running.get(name))
        if _is_set(wanted) and wanted != runs:
            found.append(Difference(name, wanted, runs))
    return found


def _parameter_of(name: str) -> str:
    return "speech_model" if name == "model" else name


def _is_set(value: Any) -> bool:
    return value is not None and value is not False


def _not_taken_any_more(asked: Mapping[str, Any], model: str) -> set[str]:
    """The parameters that the requested model takes and the running model does not."""
    wanted, runs = find_model(str(asked.get("speech_model"))), find_model(model)
    if wanted is None or runs is None:
        return set()
    lost = {name for name in asked if name in wanted.takes - runs.takes}
    if runs.always_formats:
        lost.discard("format_turns")
    if "language_codes" in runs.takes:
        lost.discard("language_code")  # the service reads it as a list of one
    return lost


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
