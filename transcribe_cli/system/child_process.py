"""How this package starts processes: the service as a child, a recogniser as a worker."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import transcribe_cli
from transcribe_cli.settings.environment import child_variables


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs one of our modules with this interpreter.

    `-P` keeps the current folder off the module path: a user's `queue.py` is not ours to import.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment() -> dict[str, str]:
    """This process's environment, with this very package first on the module path.

    Our own key and token are not for it: what it talks to is in this program.
    """
    root = str(Path(transcribe_cli.__file__).parent.parent)
    rest = os.environ.get("PYTHONPATH")
    return child_variables() | {"PYTHONPATH": root if not rest else root + os.pathsep + rest}


def detached() -> dict[str, Any]:
    """Process options that keep the terminal's Ctrl+C away from the child.

    The parent still has to drain its session when the user interrupts it; the child ends when its
    standard input does.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
