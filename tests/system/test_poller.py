"""Both ways to wait for sockets are alike."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from transcribe_cli.system.poller import READ, WRITE, Poll, SelectorPoll, make_poll


@pytest.fixture(params=[make_poll, SelectorPoll])
def poll(request: pytest.FixtureRequest) -> Iterator[Poll]:
    make: Callable[[], Poll] = request.param
    opened = make()
    yield opened
    opened.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_nothing_is_ready_at_first(poll: Poll, ends: tuple[socket.socket, socket.socket]) -> None:
    poll.register(ends[0], READ)
    assert poll.poll(0.0) == []
    assert poll.poll(0.001) == []


def test_socket_that_has_something_is_ready(
    poll: Poll, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    poll.register(ours, READ)
    theirs.send(b"a")
    assert poll.poll(5.0) == [(ours.fileno(), READ)]


def test_writing_is_asked_for(poll: Poll, ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    poll.register(ours, READ)
    poll.modify(ours, READ | WRITE)
    assert poll.poll(0.0) == [(ours.fileno(), WRITE)]
    theirs.send(b"a")
    assert poll.poll(0.0) == [(ours.fileno(), READ | WRITE)]
    poll.modify(ours, READ)
    assert poll.poll(0.0) == [(ours.fileno(), READ)]


def test_socket_whose_other_end_is_gone_is_to_be_read(
    poll: Poll, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    poll.register(ours, READ)
    theirs.close()
    ((number, events),) = poll.poll(5.0)
    assert number == ours.fileno()
    assert events != WRITE  # which is how the loop asks


@pytest.mark.parametrize("closed_first", [True, False])
def test_socket_that_is_watched_no_more(
    poll: Poll, ends: tuple[socket.socket, socket.socket], closed_first: bool
) -> None:
    ours, theirs = ends
    poll.register(ours, READ)
    theirs.send(b"a")
    number = ours.fileno()
    if closed_first:
        ours.close()
    with suppress(OSError):
        poll.unregister(number)
    assert poll.poll(0.0) == []
