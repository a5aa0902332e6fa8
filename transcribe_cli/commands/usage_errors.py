"""What is wrong with a command line, in this program's words."""

import os
import shlex
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from transcribe_cli.commands.examples import examples_of
from transcribe_cli.errors import UsageError
from transcribe_cli.settings.similar_names import resembling

_UNITS = {"MS": "milliseconds", "S": "seconds", "HZ": "Hz", "USD": "US dollars"}
# What other programs call these.
_OTHER_NAMES = {
    "delete": "rm",
    "remove": "rm",
    "ls": "list",
    "cat": "show",
    "repair": "recover",
    "transcribe": "file",
    "record": "mic",
    "listen": "mic",
    "microphone": "mic",
    "server": "serve",
    "play": "replay",
    "check": "doctor",
}


def no_such_command(path: str, arguments: Sequence[str], known: Collection[str]) -> UsageError:
    """A word that is no command of the program, or of a group of its commands.

    Args:
        path: what was typed before it.
        arguments: the word, and what was typed after it.
    """
    name = arguments[0]
    if path == "aai-stream" and (os.path.exists(name) or Path(name).suffix):  # noqa: PTH110 - raises nothing
        return UsageError(
            f"'{name}' is no command.", f"for a file: {path} file {shlex.join(arguments)}"
        )
    likely = _OTHER_NAMES.get(name.lower())
    if likely not in known:
        likely = resembling(name, known)
    listed = f"its commands are {', '.join(known)}"
    hint = f"did you mean '{path} {likely}'?" if likely else listed
    return UsageError(f"'{path}' has no command '{name}'.", hint)


def of_click(error: Any) -> UsageError:
    """What Click found, told as everything else is."""
    context = error.ctx
    path = context.command_path if context is not None else "aai-stream"
    see = f"see '{path} --help'"
    match type(error).__name__:
        case "NoSuchOption":
            return _no_such_option(error.option_name, context, see)
        case "BadOptionUsage":
            if "requires" not in error.message:
                return UsageError(f"{error.option_name} takes no value.", see)
            return UsageError(f"{error.option_name} needs a value.", "name one after it")
        case "MissingParameter" if error.param is not None:
            missing = error.param.metavar or (error.param.name or "").upper()
            return UsageError(f"'{path}' needs {missing}.", f"for example: {_example(path) or see}")
    if "unexpected extra argument" in error.message:
        extra = error.message.rpartition(" (")[2].rpartition(")")[0]
        if path.endswith(" mic"):
            see = f"for a file: aai-stream file {extra}"
        return UsageError(f"'{path}' does not take '{extra}'.", see)
    return UsageError(error.format_message(), see)


def _example(path: str) -> str:
    return next(iter(examples_of(path)), "")


def _no_such_option(name: str, context: Any, see: str) -> UsageError:
    path = context.command_path
    known = {o for p in context.command.params for o in (*p.opts, *p.secondary_opts)}
    known = {option for option in known if option.startswith("--")}
    likely = resembling(name, sorted(known))
    hint = f"did you mean {likely}?" if likely else see
    if (other := _command_with(name)) and not path.endswith(f" {other}"):
        hint = f"it is an option of 'aai-stream {other}'"
    if (file := _file_like(name)) is not None:
        hint = f"a file whose name begins with a dash is {shlex.quote('./' + file)}"
    return UsageError(f"'{path}' has no option {name}.", hint)


def _file_like(option: str) -> str | None:
    """A file that was named, and taken for that option (or for several of a letter)."""
    typed = (word for word in sys.argv[1:] if word.startswith(option))
    return next((word for word in typed if os.path.exists(word)), None)  # noqa: PTH110 - raises nothing


def _command_with(option: str) -> str | None:
    """`mic` or `file`, if it has an option of that name."""
    from transcribe_cli.settings.file_options import FileOptions
    from transcribe_cli.settings.mic_options import MicOptions

    name = option.removeprefix("--").replace("-", "_")
    for command, options in (("mic", MicOptions), ("file", FileOptions)):
        if option.startswith("--") and name in options.__struct_fields__ and name != "paths":
            return command
    return None


def empty_value(param: Any) -> UsageError:
    """A value that was given and is no text at all."""
    name = _name_of(param)
    return UsageError(f"{name} is empty.", "give it a value, or leave it out")


def wrong_value(param: Any, value: Any, path: str) -> UsageError:
    """A value of another kind than the option's."""
    choices = _choices(param)
    likely = resembling(str(value), choices) if choices else None
    hint = f"did you mean {likely}?" if likely else f"see '{path} --help'"
    return UsageError(f"{_name_of(param)} takes {_wanted(param)}, not '{value}'.", hint)


def _name_of(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper()).strip("[].")
    return next((name for name in param.opts if name.startswith("--")), str(param.opts[0]))


def _choices(param: Any) -> list[str]:
    return [str(getattr(c, "value", c)) for c in getattr(param.type, "choices", ())]


def _wanted(param: Any) -> str:
    """What an option takes, in words."""
    if choices := _choices(param):
        return f"{', '.join(choices[:-1])} or {choices[-1]}"
    kind = param.type.name
    if kind == "boolean":
        return "yes or no"
    if not kind.startswith(("int", "float")):
        return {"path": "a path", "text": "a text"}.get(kind, f"a {kind}")
    noun = "a whole number" if kind.startswith("int") else "a number"
    if unit := _UNITS.get(param.metavar or ""):
        noun += f" of {unit}"
    least, most = getattr(param.type, "min", None), getattr(param.type, "max", None)
    if least is None:
        return noun
    return f"{noun} from {least:g} to {most:g}" if most is not None else f"{noun} from {least:g}"
