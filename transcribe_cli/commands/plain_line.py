"""Reads a command line that is plain, without Typer, whose import is a third of a service's start.

Plain is: only options by their long names, each with a value that it takes. Everything else, help
and whatever is wrong, is Typer's, which reads the same declarations.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec
from msgspec.structs import fields

from transcribe_cli.settings.option_types import Option

T = TypeVar("T", bound=msgspec.Struct)


class _NotPlain(Exception):
    """Typer is to read it."""


def read_plain_line(options: type[T], words: Sequence[str]) -> T | None:
    """The options that these words set; None: they are not plain.

    Args:
        options: a field for each, without arguments; no variable sets any.
    """
    declared = {field.name: get_args(field.type) for field in fields(options)}
    names: dict[str, tuple[str, bool]] = {}
    for name, (_, typed) in declared.items():
        for each in typed.names or (f"--{name.replace('_', '-')}",):
            on, _, off = each.partition("/")
            names |= {on: (name, True)} | ({off: (name, False)} if off else {})
    found: dict[str, Any] = {}
    rest = iter(words)
    try:
        for word in rest:
            written, equals, value = word.partition("=")
            if not written.startswith("--") or written not in names:
                return None
            name, turned_on = names[written]
            kind, typed = declared[name]
            if kind is bool:
                if equals:
                    return None
                found[name] = turned_on
                continue
            text = value if equals else next(rest, "")
            if not equals and text.startswith("-"):
                return None
            if list[str] in get_args(kind):  # it may be given again
                found.setdefault(name, []).append(_text(text))
            else:
                found[name] = _value(kind, typed, text)
    except (_NotPlain, msgspec.ValidationError, ValueError):
        return None
    return options(**found)


def _value(kind: Any, typed: Option, text: str) -> Any:
    text = _text(text)
    if Path in (kind, *get_args(kind)):
        return Path(text)
    value = msgspec.convert(text, kind, strict=False)
    if isinstance(value, (int, float)):
        least = float("-inf") if typed.least is None else typed.least
        if not least <= value <= (float("inf") if typed.most is None else typed.most):
            raise _NotPlain
    return value


def _text(text: str) -> str:
    if not text.strip():
        raise _NotPlain
    return text
