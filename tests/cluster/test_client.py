"""What the command tells its workers, also those that come later."""

from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed")

from tests.program import patience_s
from transcribe_cli.cluster import wire
from transcribe_cli.cluster.client import Cluster
from transcribe_cli.session.events import KeyPressed, SettingsTyped, StopRequested
from transcribe_cli.settings.options import FileOptions


class Dask:
    """Dask's client, of which only `run` is used here."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[tuple[Any, ...]] = SimpleQueue()

    def run(self, _: Any, *call: str, workers: list[str] | None, on_error: str) -> None:
        self.calls.put((workers, *call[1:]))

    def told(self) -> tuple[Any, ...]:
        """The next call: the workers, the method, what it is given."""
        return self.calls.get(timeout=patience_s())


def test_each_event_is_told_once_and_to_workers_that_come_later(tmp_path: Any) -> None:
    transcriber: Any = SimpleNamespace(keyterms_file=None, save_dir=tmp_path, notices=None)
    service: Any = SimpleNamespace(local=True, engine="")
    cluster = Cluster(transcriber, FileOptions(), service)
    dask = cluster._client = Dask()
    cluster.command = "aai-stream-1"
    typed = SettingsTyped("RNase")

    cluster.pass_on(typed)
    cluster.pass_on(typed)  # by another file
    assert dask.told() == (None, "type_line", "RNase")
    cluster.pass_on(KeyPressed("e"))  # of what is being said now
    assert dask.told() == (None, "press", "e")
    cluster.limit_cost()
    assert dask.told() == (None, "limit_cost")
    cluster.pass_on(StopRequested("q"))
    assert dask.told() == (None, "stop", "q")

    cluster._take(wire.Report(begun="tls://127.0.0.1:5"))
    later = [dask.told() for _ in range(3)]
    assert all(call[0] == ["tls://127.0.0.1:5"] for call in later)
    assert [call[1:] for call in later] == [("type_line", "RNase"), ("limit_cost",), ("stop", "q")]
    assert dask.calls.empty()
