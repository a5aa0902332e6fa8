"""Commands with many options: help as plain text in groups, lists from the environment by line."""

import copy
from typing import Any

from typer.core import TyperCommand

from transcribe_cli.settings.defaults import values_by_line


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
