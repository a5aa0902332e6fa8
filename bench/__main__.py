"""Runs the measurements and prints a table.

python -m bench [startup] [plain_run] [latency] [live] [ending] [pacing] [many] [flood] [turns]
               [encoding] [service] [call] [--quick]
python -m bench cluster           # by name only: needs the extra `cluster`, an engine, 15 minutes
python -m bench accuracy [LIST]   # not among those that run by themselves; LIST: audio<TAB>text
"""

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

from bench.program import program
from bench.table import Row, as_markdown

NAMES = (
    *("startup", "plain_run", "latency", "live", "ending", "pacing", "many", "flood", "turns"),
    *("encoding", "service", "call"),
)

ACCURACY = "accuracy"  # takes many minutes, and needs engines and voices
BY_NAME_ONLY = ("cluster", ACCURACY)


def main() -> None:
    """Run what was asked for; slowness is told, and is never an error."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} (all)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    options = parser.parse_args()
    lists = [Path(name) for name in options.names if Path(name).is_file()]
    names = [name for name in options.names if Path(name) not in lists]
    for name in names:
        if name not in (*NAMES, *BY_NAME_ONLY):
            parser.error(f"there is no '{name}'; choose from {', '.join((*NAMES, *BY_NAME_ONLY))}")
    rows: list[Row] = []
    for name in names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        given = [lists] if name == ACCURACY else []
        rows += importlib.import_module(f"bench.{name}").run(options.quick, *given)
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}; measured: {' '.join(program().command)}\n"
    )
    print(as_markdown(rows))


if __name__ == "__main__":
    main()
