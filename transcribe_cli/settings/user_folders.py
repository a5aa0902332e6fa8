"""Where a program of this user keeps its files, by the platform's rules.

On Linux those are three variables and their defaults (XDG Base Directory Specification 0.8), which
are read here: importing platformdirs, which knows everything else, is a twentieth of a short run.
"""

import os
import sys
from pathlib import Path

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.environment import APP


def save_dir_of(given: str | None) -> Path:
    """Where recordings are saved: as given, else the platform's user data directory."""
    try:
        return Path(given).expanduser() if given else data_folder(APP) / "recordings"
    except RuntimeError as e:  # no HOME, and a user whom the system does not know
        raise UsageError(
            "Nothing says where this user's recordings are: there is no home folder.",
            "set HOME, or name a --save-dir, or --no-save for a run",
        ) from e


def data_folder(app: str) -> Path:
    """The folder for what a program makes, which need not exist yet.

    Raises:
        RuntimeError: there is no home folder at all.
    """
    if base := _xdg_folder("XDG_DATA_HOME", ".local/share"):
        return base / app
    import platformdirs

    return Path(platformdirs.user_data_dir(app, appauthor=False))


def config_folder(app: str) -> Path:
    """The folder for what a program is told, which need not exist yet."""
    if base := _xdg_folder("XDG_CONFIG_HOME", ".config"):
        return base / app
    import platformdirs

    try:
        return Path(platformdirs.user_config_dir(app, appauthor=False))
    except RuntimeError:  # no HOME, and a user whom the system does not know
        return Path(os.devnull) / app  # where nothing can be


def cache_folder(app: str) -> Path:
    """The folder for what can be made again, which need not exist yet."""
    if base := _xdg_folder("XDG_CACHE_HOME", ".cache"):
        return base / app
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir(app, appauthor=False))
    except RuntimeError:
        return Path(os.devnull) / app


def _xdg_folder(variable: str, under_home: str) -> Path | None:
    """What the variable names, else a folder of the home; None where it is not so simple."""
    if sys.platform != "linux" or "ANDROID_ROOT" in os.environ:
        return None
    for folder in (
        Path(os.environ.get(variable, "")),  # one that is not absolute does not count
        Path(os.environ.get("HOME", "")) / under_home,
    ):
        if folder.is_absolute():
            return folder
    return None
