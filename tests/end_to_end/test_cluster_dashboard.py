"""Dask's pages with `--cluster local --dashboard`, in a real browser."""

import re
import signal
import time
from pathlib import Path

import pytest

from tests.browser import Tab, browser
from tests.counting import counting_service
from tests.end_to_end.counted_files import write_talks
from tests.program import LONG_DEADLINE_S, Home, finish
from tests.requirements import require_package

pytestmark = [pytest.mark.long, pytest.mark.browser]

COUNTED = """Bokeh.documents.flatMap((page) => [...page._all_models.values()])
  .filter((model) => model.data)
  .flatMap((model) => model.data instanceof Map ? [...model.data] : Object.entries(model.data))
  .filter(([column]) => column === 'name')
  .flatMap(([_, names]) => [...(names ?? [])])"""


def address_in(path: Path) -> str:
    deadline = time.monotonic() + LONG_DEADLINE_S
    while (found := re.search(r"dashboard: (http://\S+)\n", path.read_text())) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found[1]


def running_by(tab: Tab, worker: str) -> str:
    """The file that a worker has, by its page."""
    tab.open(worker)
    tab.wait("/[.]wav-/.test(document.body.innerText)")
    name: str = tab.value(r"document.body.innerText.match(/^(.*[.]wav)-/m)[1]")
    return name


def test_pages_are_under_the_files_names(home: Home) -> None:
    require_package("distributed")
    require_package("bokeh")
    write_talks(home.work / "talks", *[150] * 2)
    (home.work / "talks" / "talk1.wav").rename(home.work / "talks" / "follow-up, monday.wav")
    told = home.path / "told"
    with counting_service() as service, browser() as chromium, told.open("wb") as stderr:
        # So slow that no file ends by itself.
        running = home.start(
            *("file", "talks", "--cluster", "local", "--dashboard", "--jobs", "2"),
            *("--pace", "0.1", "--endpoint", service.url),
            stderr=stderr,
        )
        service.wait_for_words(2)
        address = address_in(told)
        tab = chromium.tab()
        tab.open(address)
        assert address.startswith("http://127.0.0.1:")
        tab.wait(f"{COUNTED}.includes('talk2.wav')")  # the bars of progress

        tab.open(address.replace("/status", "/info/main/workers.html"))
        links = "[...document.links].map((link) => link.href)"
        tab.wait(f"{links}.filter((link) => link.includes('/info/worker/')).length == 2")
        workers = tab.value(f"{links}.filter((link) => link.includes('/info/worker/'))")
        names = {running_by(tab, worker) for worker in workers}
        running.send_signal(signal.SIGINT)
        finish(running, deadline_s=LONG_DEADLINE_S)
    # With a hyphen that Dask does not take for the end of a name.
    assert names == {"follow\N{NON-BREAKING HYPHEN}up, monday.wav", "talk2.wav"}
