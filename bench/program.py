"""Which `aai-stream` is measured: the one of this Python, or another environment's."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

VARIABLE = "BENCH_PROGRAM"


class Program(NamedTuple):
    """How to run it, and the Python that it runs on."""

    command: list[str]
    python: str


def program() -> Program:
    """The executable named by BENCH_PROGRAM, the one beside this Python, or `-m transcribe_cli`."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else Path(sys.executable).with_name("aai-stream")
    if not path.exists():
        return Program([sys.executable, "-m", "transcribe_cli"], sys.executable)
    return Program([str(path)], str(path.with_name("python")))
