"""The plugin, also where this package is installed without its entry points."""

from collections.abc import Iterator

import pytest

from transcribe_cli.testing.service import AssemblyAIService


@pytest.fixture(scope="session")
def running() -> Iterator[AssemblyAIService]:
    """One service for all tests of this folder."""
    with AssemblyAIService() as service:
        yield service


@pytest.fixture
def service(running: AssemblyAIService) -> AssemblyAIService:
    """It, as new."""
    running.reset()
    return running
