"""What some tests need of the machine: skipped with a reason on a person's, a failure in CI."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def require_programs(*names: str) -> None:
    """Skip the test, or fail it in CI, unless all these programs are installed."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        _lacks(f"not installed: {', '.join(missing)}")


def require_portaudio() -> None:
    """Skip the test, or fail it in CI, unless PortAudio is installed."""
    try:
        import sounddevice  # noqa: F401
    except OSError as e:
        _lacks(f"no PortAudio: {e}")


def require_package(name: str) -> None:
    """Skip the test, or fail it in CI, unless this package is installed."""
    if importlib.util.find_spec(name) is None:
        _lacks(f"not installed: {name}")


def needs_package(name: str) -> pytest.MarkDecorator:
    """Skips a module's tests unless this package is installed; it is not imported to collect them.

    Each worker collects all tests, and runs few of them.
    """
    missing = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(missing, reason=f"not installed: {name}")


def require_node_package(name: str) -> Path:
    """The folder of a package of node; skip the test, or fail it in CI, unless it is there.

    Debian keeps them where its own node looks, and no other does.
    """
    require_programs("node")
    found = [Path(place, name) for place in ("/usr/share/nodejs", "/usr/lib/node_modules")]
    folder = next(filter(Path.is_dir, found), None)
    return folder or _lacks(f"not installed: {name} for node")


def _lacks(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must have it", pytrace=False)
    pytest.skip(reason)
