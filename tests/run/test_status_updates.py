"""A view is given the status as often as it wants it."""

from types import SimpleNamespace
from typing import Any

import pytest

from transcribe_cli.run.status_updates import StatusUpdates


@pytest.mark.parametrize(("every_s", "count"), [(0.2, 50), (0.5, 20)])
def test_status_is_worked_out_no_more_often_than_the_view_wants(every_s: float, count: int) -> None:
    given: list[float] = []
    view: Any = SimpleNamespace(status_every_s=every_s, status=given.append, tick=lambda now: None)
    progress: Any = SimpleNamespace(at=lambda now: now)
    status: Any = SimpleNamespace(status=lambda now: now)
    updates = StatusUpdates(view, status, progress)
    for step in range(640):
        now = 16 + step / 64
        assert updates.advance(now) > now
    assert len(given) == count
