"""The pages of `docs/` that hold a table as the code has it, printed anew.

python -m transcribe_cli.settings.printed_docs docs
"""

import sys
from collections.abc import Callable
from pathlib import Path

from transcribe_cli.settings import models_page, setting_origins

PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "settings.md": (
        "the table: transcribe_cli/settings/setting_origins.py",
        setting_origins.as_markdown,
    ),
    "models.md": ("the tables: transcribe_cli/protocol/models.py", models_page.as_markdown),
}
"""By a page's name: the mark that its table stands behind, and what makes the table."""

_END = "<!-- its end -->\n"


def with_table(name: str, page: str) -> str:
    """The page of that name with its table behind the mark, up to the mark of its end."""
    mark, as_markdown = PAGES[name]
    start = f"<!-- {mark} -->\n"
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(_END)
    return f"{before}{start}{as_markdown()}{_END}{after}"


if __name__ == "__main__":
    for name in PAGES:
        path = Path(sys.argv[1]) / name
        path.write_text(with_table(name, path.read_text(encoding="utf-8")), encoding="utf-8")
