"""Typer's parameters, made from the typed options of `settings`."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args

import typer
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from transcribe_cli.settings.allowed_sources import variable_of
from transcribe_cli.settings.option_types import Argument, Option

T = TypeVar("T", bound=Struct)


def as_command(options: type[T], run: Callable[[T], int]) -> Callable[..., int]:
    """A function with one parameter for each field of `options`, which calls `run` with them."""

    def command(**values: Any) -> int:
        return run(options(**values))

    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is NODEFAULT else field.default,
            annotation=_for_typer(field.type),
        )
        for field in fields(options)
    ]
    command.__doc__ = run.__doc__
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _for_typer(annotated: Any) -> Any:
    """A field's type with how it is typed, as Typer says that."""
    kind, typed = get_args(annotated)
    if isinstance(typed, Argument):
        return Annotated[kind, typer.Argument(help=typed.help, metavar=typed.metavar)]
    assert isinstance(typed, Option)
    make: Any = typer.Option
    option = make(
        *(_with_opposite(typed) if kind is bool else typed.names),
        help=typed.help,
        envvar=None if typed.variable is None else variable_of(typed.variable),
        show_envvar=False,
        rich_help_panel=typed.panel,
        min=typed.least,
        max=typed.most,
        metavar=typed.metavar,
        hidden=typed.hidden,
    )
    return Annotated[kind, option]


def _with_opposite(switch: Option) -> tuple[str, ...]:
    """The names of a switch; what a setting can turn on, the command line can turn off."""
    first, *others = switch.names
    if switch.variable is None or "/" in first:
        return switch.names
    plain = first.removeprefix("--")
    off = plain.removeprefix("no-") if plain.startswith("no-") else f"no-{plain}"
    return (f"{first}/--{off}", *others)
