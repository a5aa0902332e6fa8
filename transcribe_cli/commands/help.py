"""Help as plain text in groups: as quick as Typer alone, and read as easily."""

from typing import Any

from typer.core import TyperCommand


class GroupedCommand(TyperCommand):
    """A command whose help shows its options by the panel that each belongs to."""

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
