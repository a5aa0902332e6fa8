"""Typer's commands and parameters, made from the typed options of `settings`.

A command with many options has its help as plain text in groups, and takes lists from the
environment by line.
"""

import copy
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args

import typer
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields
from typer.core import TyperCommand

from transcribe_cli.settings.allowed_sources import variable_of
from transcribe_cli.settings.defaults import values_by_line
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
        *typed.names,
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


class GroupedCommand(TyperCommand):
    """A command whose help shows its options by the panel that each belongs to.

    The variable of a repeatable option holds one value a line: a path or a name may have blanks.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for param in self.params:
            if getattr(param, "multiple", False):
                kind: Any = copy.copy(param.type)
                kind.split_envvar_value = values_by_line
                param.type = kind

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments first, then each group of options in the order of its first one."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                is_argument = param.param_type_name == "argument"
                panel = getattr(param, "rich_help_panel", None)
                title = "Arguments" if is_argument else panel or "Options"
                groups.setdefault(title, []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)
