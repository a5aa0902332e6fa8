"""Typer's command and group as this program has them, and commands from typed options.

Help is plain text, in groups, with every sentence whole and examples at the end. A value that
cannot be used is told in this program's words, and where it was set.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args

import typer
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields
from typer.core import TyperCommand, TyperGroup, TyperOption

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.option_types import Argument, Option
from transcribe_cli.settings.setting_origins import variable_of

T = TypeVar("T", bound=Struct)

_NAMES_WIDTH = 30  # of the column of options; longer ones have a line of their own
_SWITCHES = (
    "A switch that a variable or config.toml turns on is turned off by --no- before its name "
    "(--no-save by --save)."
)


class Command(TyperCommand):
    """A command: every one has `--verbose`, groups in its help, and settings that know rivals."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.callback is not None and not any("--verbose" in p.opts for p in self.params):
            verbose = TyperOption(
                param_decls=["--verbose", "-v"],
                is_flag=True,
                expose_value=False,
                help="Tracebacks for faults of this program.",
            )
            self.params.append(verbose)
        for param in self.params:
            kind: Any = copy.copy(param.type)
            kind.convert = functools.partial(_converted, kind.convert)
            if getattr(param, "multiple", False):
                kind.split_envvar_value = _values_by_line
            param.type = kind

    def invoke(self, ctx: Any) -> Any:
        """Call it; of settings that exclude each other the one that is nearer to the user counts.

        What is wrong with a setting is told with where it was set.
        """
        from transcribe_cli.settings.precedence import settled

        ctx.params = settled(ctx.params, self._defaults(ctx), self._ranks(ctx))
        try:
            return super().invoke(ctx)
        except UsageError as e:
            named = [p for p in self.params if p.param_type_name == "option" and _is_named(p, e)]
            raise _with_places(e, named, ctx) from e

    def _defaults(self, ctx: Any) -> dict[str, Any]:
        return {str(p.name): p.default for p in self.params if p.name in ctx.params}

    def _ranks(self, ctx: Any) -> dict[str, int]:
        return {str(p.name): _rank(p, ctx) for p in self.params if p.name in ctx.params}

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments first, then each group of options in the order of its first one."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for param in self.get_params(ctx):
            record = _shown(param).get_help_record(ctx)
            if record is not None:
                is_argument = param.param_type_name == "argument"
                panel = getattr(param, "rich_help_panel", None)
                title = "Arguments" if is_argument else panel or "Options"
                groups.setdefault(title, []).append(record)
        for title, records in groups.items():
            if not records:
                continue
            with formatter.section(title):
                formatter.write_dl(records, col_max=_NAMES_WIDTH)
        if any(_shown(param) is not param for param in self.params):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(_SWITCHES)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what its help has below the options, and the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(ctx, formatter)


class Group(TyperGroup):
    """A group of commands, each of which is told with its whole sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the headings that they belong to."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if not command.hidden:
                sentence = (command.help or "").partition("\n\n")[0]
                title = command.rich_help_panel or "Commands"
                panels.setdefault(title, []).append((name, " ".join(sentence.split())))
        widest = max(len(name) for name in self.commands)
        for title, rows in panels.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), text) for name, text in rows])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is named.

        Raises:
            UsageError: there is none by that name.
        """
        is_word = args and not args[0].startswith("-") and not ctx.resilient_parsing
        if is_word and self.get_command(ctx, args[0]) is None:
            from transcribe_cli.commands.usage_errors import no_such_command

            raise no_such_command(ctx.command_path, args, list(self.commands))
        return super().resolve_command(ctx, args)


def _write_examples(ctx: Any, formatter: Any) -> None:
    from transcribe_cli.commands.examples import examples_of

    if examples := examples_of(ctx.command_path):
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in examples))


def _shown(param: Any) -> Any:
    """A switch that is off by itself is shown without what turns it off."""
    if getattr(param, "is_flag", False) and param.secondary_opts and param.default is False:
        param = copy.copy(param)
        param.secondary_opts = []
    return param


def _values_by_line(text: str) -> list[str]:
    from transcribe_cli.settings.precedence import values_by_line

    return values_by_line(text)


def _converted(convert: Callable[..., Any], value: Any, param: Any, ctx: Any) -> Any:
    """What was typed as a value of its kind.

    Raises:
        UsageError: it is none, or an empty text.
    """
    is_empty = isinstance(value, str) and not value.strip()
    try:
        if not is_empty:
            return convert(value, param, ctx)
    except typer.BadParameter:
        pass
    from transcribe_cli.commands.usage_errors import empty_value, wrong_value

    error = empty_value(param) if is_empty else wrong_value(param, value, ctx.command_path)
    raise _with_places(error, [param], ctx)


# Where a value came from, the nearest to the user first; a `.env` and `config.toml` share one.
_RANKS = {"COMMANDLINE": 3, "ENVIRONMENT": 2, "DEFAULT_MAP": 1, "DEFAULT": 0}


def _rank(param: Any, ctx: Any) -> int:
    source = ctx.get_parameter_source(param.name)
    return _RANKS.get(getattr(source, "name", ""), 0)


def _is_named(param: Any, error: UsageError) -> bool:
    words = error.message.replace("'", " ").replace(".", " ").replace(",", " ").split()
    return not {*param.opts, *param.secondary_opts}.isdisjoint(words)


def _with_places(error: UsageError, params: list[Any], ctx: Any) -> UsageError:
    """The error, with where the options that it names were set if not on the command line."""
    places = dict.fromkeys(place for param in params if (place := _place_of(param, ctx)))
    if not places:
        return error
    hint = "; ".join([error.hint, *places] if error.hint else places)
    return UsageError(error.message, hint, exit_status=error.exit_status)


def _place_of(param: Any, ctx: Any) -> str:
    rank = _rank(param, ctx)
    if rank == _RANKS["ENVIRONMENT"]:
        return f"{param.envvar} sets it"
    if rank == _RANKS["DEFAULT_MAP"]:
        places = getattr(ctx.obj, "places", {})
        return f"{places[param.name]} sets it" if param.name in places else ""
    return ""


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
