"""The names of the input devices when they were last listed, for completing a command line.

Asking the sound system may take seconds, and may wake a device up.
"""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from transcribe_cli.settings.environment import APP
from transcribe_cli.settings.user_folders import cache_folder

_MOST_BYTES = 1 << 16


def _path() -> Path:
    return cache_folder(APP) / "devices.json"


def keep_devices(names: Sequence[str]) -> None:
    """Save the names; an error is ignored, since nothing else depends on them."""
    from transcribe_cli.system.atomic_replace import replace_file

    with contextlib.suppress(OSError):
        _path().parent.mkdir(parents=True, exist_ok=True)
        replace_file(_path(), json.dumps(list(names)).encode())


def known_devices() -> list[str]:
    """The saved names; empty if none were saved yet."""
    try:
        with _path().open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
