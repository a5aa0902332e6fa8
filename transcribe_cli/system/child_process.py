"""Command lines, variables and options for child processes: other programs, and own modules."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import transcribe_cli
from transcribe_cli.settings.environment import variables_without_credentials


def child_variables() -> dict[str, str]:
    """The variables for another program: without the key and other secrets."""
    return variables_without_credentials(os.environ)


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module with this Python interpreter.

    `-P` keeps the current folder off the module path, so that a user's `queue.py` is not imported.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment() -> dict[str, str]:
    """The variables for a module's process: this package comes first on its module path.

    API key and token are left out: these processes do not need them.
    """
    root = str(Path(transcribe_cli.__file__).parent.parent)
    rest = os.environ.get("PYTHONPATH")
    return child_variables() | {"PYTHONPATH": root if not rest else root + os.pathsep + rest}


def detached() -> dict[str, Any]:
    """`Popen` options that keep the terminal's Ctrl+C from the child.

    After Ctrl+C the parent still drains its session. The child ends when its standard input ends.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
