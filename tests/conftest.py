"""Fixtures that all rooms share."""

from pathlib import Path

import pytest

from tests.program import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home folder to run the program in."""
    return Home(tmp_path / "home")
