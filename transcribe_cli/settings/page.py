"""`docs/settings.md` with the table as the code has it.

python -m transcribe_cli.settings.page docs/settings.md
"""

import sys
from pathlib import Path

from transcribe_cli.settings.allowed_sources import as_markdown

START, END = (
    "<!-- the table: transcribe_cli/settings/allowed_sources.py -->\n",
    "<!-- its end -->\n",
)


def with_table(page: str) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{as_markdown()}{END}{after}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
