"""Two sources in one, each on a thread of its own."""

import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.audio.call.call_source import CallSource, open_call
from transcribe_cli.audio.source import (
    DeviceBack,
    DeviceLost,
    Overflow,
    SourceEvent,
    SourceWarning,
)
from transcribe_cli.errors import AudioError

BLOCK = b"\1\0" * 50


class Side:
    """A side that gives what a test puts on its queue; an error is raised, None is the end."""

    kind = "mic"
    live = True
    length_s: float | None = None
    path: str | None = None

    def __init__(self, name: str, *items: Any) -> None:
        self.name = name
        self.closed = 0
        self.items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for item in items:
            self.items.put(item)

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        while (item := self.items.get(timeout=DEADLINE_S)) is not None:
            if isinstance(item, Exception):
                raise item
            if isinstance(item, bytes):
                yield item
            else:
                report(item)

    def stop(self) -> None:
        self.items.put(None)

    def close(self) -> None:
        self.stop()
        self.closed += 1


def test_microphone_that_ends_ends_the_call_with_all_that_it_gave() -> None:
    call = CallSource(Side("desk", BLOCK, BLOCK, None), Side("system"), 1000)

    given = b"".join(call.blocks(lambda event: None))
    call.close()

    assert call.name == "desk + system"
    assert given == (b"\1\0\0\0") * 100


def test_side_that_is_gone_is_told_and_the_other_goes_on() -> None:
    microphone = Side("desk")
    system = Side("system", DeviceLost("hdmi"), BLOCK, DeviceBack("hdmi"), Overflow(), None)
    told: list[SourceEvent] = []

    def take(event: SourceEvent) -> None:
        told.append(event)
        if isinstance(event, Overflow):  # the last that the system has to tell
            microphone.items.put(BLOCK)
            microphone.items.put(None)

    call = CallSource(microphone, system, 1000)
    given = b"".join(call.blocks(take))
    call.close()

    assert len(given) == 2 * len(BLOCK)
    warnings = [event.text for event in told if isinstance(event, SourceWarning)]
    assert [text.partition(";")[0] for text in warnings] == [
        "what the system plays gives no sound",
        "what the system plays is back: hdmi",
    ]
    assert not any(isinstance(event, DeviceLost | DeviceBack) for event in told)


@pytest.mark.parametrize("first", [0, 1])
def test_call_is_lost_where_neither_side_gives_anything(first: int) -> None:
    """As where the machine slept: else a session would be sent that silence."""
    call = CallSource(Side("desk"), Side("system"), 1000)
    call._threads.clear()  # what they bring is here already, all of one side first
    for side in (first, 1 - first):
        before = 21 + side  # blocks; after 20 its clock is known
        for number in range(before):
            call._came.put((side, number * 0.05, BLOCK))
        call._came.put((side, None, True))
        for _ in range(4):
            call._came.put((side, None, bytes(len(BLOCK))))
        call._came.put((side, None, False))
        call._came.put((side, None, BLOCK * 2))
    call._came.put((0, None, None))
    given: list[bytes] = []
    told: list[tuple[SourceEvent, int]] = []

    def take(event: SourceEvent) -> None:
        told.append((event, len(b"".join(given)) // 4))

    given.extend(call.blocks(take))  # one by one

    assert told == [(DeviceLost(call.name), 22 * 50), (DeviceBack(call.name), 25 * 50)]


@pytest.mark.parametrize("broken", [0, 1])
def test_side_that_breaks_ends_the_call_with_its_error(broken: int) -> None:
    sides = [Side("desk"), Side("system")]
    sides[broken].items.put(AudioError("The tape is torn."))
    call = CallSource(sides[0], sides[1], 1000)

    with pytest.raises(AudioError, match="The tape is torn"):
        list(call.blocks(lambda event: None))
    call.close()

    assert [side.closed for side in sides] == [1, 1]


def test_fault_of_ours_is_told_too() -> None:
    call = CallSource(Side("desk", RuntimeError("a bug")), Side("system"), 1000)

    with pytest.raises(AudioError, match="The microphone broke: a bug"):
        list(call.blocks(lambda event: None))
    call.close()


def test_microphone_is_given_back_where_the_system_cannot_be_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    microphone = Side("desk")

    with pytest.raises(AudioError):
        open_call(microphone, 16000, 50)

    assert microphone.closed == 1
