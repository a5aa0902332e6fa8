"""What tests of addresses share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxies import forget_proxies
from tests.web.site import Site, running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that gives the files of a folder of its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    with running(Site(folder)) as started:
        yield started


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)
