"""Completes the values of options and arguments in bash, zsh and fish, beside their names.

Typer's scripts ask the program at each press of the key, so nothing here is slow: devices are those
of the last look (`audio/known_devices.py`), recordings are the names of their folders. Names come
from outside, and each shell reads them as it reads what is typed, so each is quoted for it.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from typer._click.shell_completion import CompletionItem, add_completion_class
from typer._completion_classes import BashComplete, ZshComplete

from transcribe_cli.settings.environment import Environment

_WORDS = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")  # what is typed: of bash, of the others
_RECORDING = re.compile(r"\d{4}-\d\d-\d\d-\d{6}")


class Value(NamedTuple):
    """What may be typed, and what it is in words."""

    text: str
    told: str = ""


class Typed(NamedTuple):
    """What is known of the line when a value is completed.

    Attributes:
        beginning: what of the value is there.
        options: of the command, by name, as far as they were typed.
        save_dir: where recordings are.
    """

    beginning: str
    options: Mapping[str, Any]
    save_dir: Path


def words_typed(variables: Mapping[str, str]) -> list[str]:
    """The words of the line that is completed, the program's name first."""
    line = next((variables[name] for name in _WORDS if variables.get(name)), "")
    try:
        return shlex.split(line)
    except ValueError:  # a quote is open
        return line.split()


def complete_values(command: Any, environment: Environment) -> None:
    """Let the parameters of a command, and of those in it, complete their values."""
    add_completion_class(_Bash, "bash")
    add_completion_class(_Zsh, "zsh")
    _complete_under(command, environment)


def _complete_under(command: Any, environment: Environment) -> None:
    for inner in getattr(command, "commands", {}).values():
        _complete_under(inner, environment)
    for param in command.params:
        if (values := VALUES.get(param.name or "")) is not None:
            param.type.shell_complete = partial(_complete, values, environment)


def _complete(
    values: Callable[[Typed], Iterable[Value]],
    environment: Environment,
    context: Any,
    param: Any,
    beginning: str,
) -> list[CompletionItem]:
    from transcribe_cli.settings.precedence import defaults_of
    from transcribe_cli.settings.user_folders import save_dir_of

    options = context.params
    save_dir = options.get("save_dir")
    if save_dir is None and values is _recordings:
        path: list[str] = context.command_path.split()[1:]
        found: Any = defaults_of(context.find_root().command, path[0], environment, strict=False)
        save_dir = _under(found.values, path).get("save_dir")
    typed = Typed(beginning, options, save_dir_of(save_dir))
    return [
        CompletionItem(value.text, help=value.told or None)
        for value in values(typed)
        if value.text.startswith(beginning) and value.text.isprintable()
    ]


def _under(values: Mapping[str, Any], path: Iterable[str]) -> Mapping[str, Any]:
    for name in path:
        values = values.get(name, {})
    return values


def _models(_: Typed) -> Iterable[Value]:
    from transcribe_cli.protocol.models import MODELS, REDIRECTS

    older = [Value(name, f"answered with {runs}") for name, runs in REDIRECTS.items()]
    return [*(Value(model.name, model.title) for model in MODELS.values()), *older]


def _languages(typed: Typed) -> Iterable[Value]:
    from transcribe_cli.protocol.languages import language_name
    from transcribe_cli.protocol.models import DEFAULT_MODEL, find_model

    model = find_model(str(typed.options.get("model") or DEFAULT_MODEL))
    codes = model.languages if model is not None else ()
    return [Value(code, language_name(code)) for code in codes]


def _devices(_: Typed) -> Iterable[Value]:
    from transcribe_cli.audio.known_devices import known_devices

    return map(Value, known_devices())


def _recordings(typed: Typed) -> Iterable[Value]:
    """The newest first; a folder that is no recording does not count."""
    try:
        with os.scandir(typed.save_dir) as entries:
            names = [e.name for e in entries if _RECORDING.match(e.name) and e.is_dir()]
    except OSError:
        return []
    return map(Value, ["latest", *sorted(names, reverse=True)] if names else [])


def _paths_in(suffixes: Iterable[str], typed: Typed) -> Iterable[Value]:
    """The path that was begun, in each format; what is there is left to the shell."""
    folder, slash, name = typed.beginning.rpartition("/")
    if not name:
        return [Value(f"{folder}{slash}{{stem}}{s}") for s in suffixes] if not folder else []
    stem = name.rpartition(".")[0] or name.rstrip(".")
    try:
        with os.scandir(folder or ".") as entries:
            there = any(entry.name.startswith(name) for entry in entries)
    except OSError:
        there = False
    return [] if there else [Value(f"{folder}{slash}{stem}{suffix}") for suffix in suffixes]


def _outputs(typed: Typed) -> Iterable[Value]:
    from transcribe_cli.outputs.formats import SUFFIXES, VIDEOS

    return _paths_in((*SUFFIXES, *VIDEOS), typed)


def _copies(typed: Typed) -> Iterable[Value]:
    return _paths_in((".wav", ".flac"), typed) if typed.beginning else []


def _parameters(_: Typed) -> Iterable[Value]:
    from transcribe_cli.protocol.parameters import PARAMETERS, SECRET_PARAMETERS

    return [Value(f"{name}=") for name in PARAMETERS if name not in SECRET_PARAMETERS]


def _choices(parameter: str, _: Typed) -> Iterable[Value]:
    from transcribe_cli.protocol.parameters import PARAMETERS

    return map(Value, PARAMETERS[parameter].choices)


def _engines(_: Typed) -> Iterable[Value]:
    from transcribe_cli.emulator.engines.registry import speech_engines

    return [Value(name, info.title) for name, info in speech_engines().items()]


def _these(texts: str, _: Typed) -> Iterable[Value]:
    return map(Value, texts.split())


# By the name of an option's field, or of an argument.
VALUES: dict[str, Callable[[Typed], Iterable[Value]]] = {
    "model": _models,
    "language_code": _languages,
    "device": _devices,
    "recording": _recordings,
    "recordings": _recordings,
    "output": _outputs,
    "record": _copies,
    "param": _parameters,
    "mode": partial(_choices, "mode"),
    "domain": partial(_choices, "domain"),
    "voice_focus": partial(_choices, "voice_focus"),
    "engine": _engines,
    "redact_pii_policy": partial(_choices, "redact_pii_policies"),
    "redact_pii_sub": partial(_choices, "redact_pii_sub"),
    "sample_rate": partial(_these, "8000 16000 22050 24000 44100 48000"),
    "pace": partial(_these, "1 2 max"),
    "endpoint": partial(_these, "ws://127.0.0.1:8765"),
    "fault": partial(_these, "drop reset close= error= stall delay= refuse= expire="),
}


class _Bash(BashComplete):
    """Candidates are put into the line as they are, so each is quoted as a person would."""

    def get_completion_args(self) -> tuple[list[str], str]:
        words, beginning = super().get_completion_args()
        # `--model=x` comes as three words.
        return [word for word in words if word != "="], beginning

    def format_completion(self, item: CompletionItem) -> str:
        return re.sub(r"([^\w@%+=:,./{}-])", r"\\\1", str(item.value))


class _Zsh(ZshComplete):
    """What is written is evaluated twice: by `eval`, and by `_arguments` in double quotes."""

    def format_completion(self, item: CompletionItem) -> str:
        value = _for_zsh(str(item.value))
        return f'"{value}":"{_for_zsh(item.help)}"' if item.help else f'"{value}"'


def _for_zsh(text: str) -> str:
    text = text.replace("\\", "\\\\").replace(":", "\\:")
    return re.sub(r'([\\"$`])', r"\\\1", text).replace("'", "'\\''")
