"""No recorder thread may outlive its test."""

import threading
from collections.abc import Iterator

import pytest

from tests.program import DEADLINE_S


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test that leaves one of our threads behind."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith(("aai-", "test-")):
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), f"{thread.name} is left"
