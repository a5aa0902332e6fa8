"""What tests of addresses share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "wss_proxy", "ws_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
