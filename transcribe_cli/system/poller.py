"""Waits for sockets: `select.epoll`, or the same interface on `selectors` where there is no epoll.

`selectors` alone would do. But it creates two objects for every ready socket, and sockets are ready
many times a second, for hours.
"""

import select
import selectors
from contextlib import suppress
from typing import Protocol

READ, WRITE = 1, 4
"""The events to wait for: the values of EPOLLIN and EPOLLOUT, the same on every Linux."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class HasFileno(Protocol):
    """A socket, or an object that wraps one."""

    def fileno(self) -> int: ...


class Poll(Protocol):
    """The part of `select.epoll` that is used here.

    A returned event has `READ` or `WRITE` set. With neither, the socket has failed: treat it as
    ready for both.
    """

    def register(self, fd: HasFileno, eventmask: int, /) -> None: ...
    def modify(self, fd: HasFileno, eventmask: int, /) -> None: ...
    def unregister(self, fd: int, /) -> None: ...
    def poll(self, timeout: float, /) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...


class SelectorPoll:
    """The interface of epoll, on `selectors`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: HasFileno, eventmask: int, /) -> None:
        """Watch a socket."""
        self._selector.register(fd.fileno(), _as_selector_events(eventmask))

    def modify(self, fd: HasFileno, eventmask: int, /) -> None:
        """Change the events that a socket is watched for."""
        self._selector.modify(fd.fileno(), _as_selector_events(eventmask))

    def unregister(self, fd: int, /) -> None:
        """Stop watching a socket; it may be closed already."""
        with suppress(KeyError):
            self._selector.unregister(fd)

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Wait `timeout` seconds at most. Returns (file descriptor, events) of ready sockets."""
        return [
            (key.fd, (READ if ready & _READ else 0) | (WRITE if ready & _WRITE else 0))
            for key, ready in self._selector.select(timeout)
        ]

    def close(self) -> None:
        """Stop watching all sockets."""
        self._selector.close()


def _as_selector_events(events: int) -> int:
    return (_READ if events & READ else 0) | (_WRITE if events & WRITE else 0)


def make_poll() -> Poll:
    """The best poller of this system."""
    return select.epoll() if hasattr(select, "epoll") else SelectorPoll()
