"""Runs the measurements and prints a table.

python -m bench [startup] [plain_run] [latency] [live] [ending] [pacing] [many] [flood] [turns]
               [encoding] [service] [--quick]
"""

import argparse
import importlib
import os
import platform
import sys

from bench.program import program
from bench.table import Row, as_markdown

NAMES = (
    *("startup", "plain_run", "latency", "live", "ending", "pacing", "many", "flood", "turns"),
    *("encoding", "service"),
)


def main() -> None:
    """Run what was asked for; slowness is told, and is never an error."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} (all)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    options = parser.parse_args()
    for name in options.names:
        if name not in NAMES:
            parser.error(f"there is no '{name}'; choose from {', '.join(NAMES)}")
    rows: list[Row] = []
    for name in options.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench.{name}").run(options.quick)
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}; measured: {' '.join(program().command)}\n"
    )
    print(as_markdown(rows))


if __name__ == "__main__":
    main()
