"""No thread of ours may outlive its test; a proxy of this machine may not meddle."""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.program import DEADLINE_S
from tests.proxies import forget_proxies


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test that leaves one of our threads behind."""
    yield
    deadline = time.monotonic() + DEADLINE_S
    for thread in threading.enumerate():
        if thread.name.startswith(("aai-", "test-")):
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), f"{thread.name} is left"


@pytest.fixture(autouse=True)
def no_proxy_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without proxies."""
    forget_proxies(monkeypatch)
