"""What main waits with: `select.epoll`, or the same of `selectors` on systems that have none.

`selectors` would do everywhere. It makes two objects for every socket that is ready, though, and
sockets are ready many times a second, for hours.
"""

import select
import selectors
from contextlib import suppress
from typing import Protocol

READ, WRITE = 1, 4
"""The events that are asked for; epoll's own numbers, which are the same on every Linux."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class HasFileno(Protocol):
    """A socket, or what stands around one."""

    def fileno(self) -> int: ...


class Poll(Protocol):
    """The part of `select.epoll` that is used, in its words.

    Events that come back have `READ` or `WRITE` set, or neither where a socket has failed: then it
    is ready for both.
    """

    def register(self, fd: HasFileno, eventmask: int, /) -> None: ...
    def modify(self, fd: HasFileno, eventmask: int, /) -> None: ...
    def unregister(self, fd: int, /) -> None: ...
    def poll(self, timeout: float, /) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...


class SelectorPoll:
    """Does with `selectors` what epoll does."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: HasFileno, eventmask: int, /) -> None:
        """Watch a socket."""
        self._selector.register(fd.fileno(), _as_selector_events(eventmask))

    def modify(self, fd: HasFileno, eventmask: int, /) -> None:
        """Watch it for something else."""
        self._selector.modify(fd.fileno(), _as_selector_events(eventmask))

    def unregister(self, fd: int, /) -> None:
        """No longer watch it; it may be closed."""
        with suppress(KeyError):
            self._selector.unregister(fd)

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """The sockets, by their numbers, that have something within so many seconds."""
        return [
            (key.fd, (READ if ready & _READ else 0) | (WRITE if ready & _WRITE else 0))
            for key, ready in self._selector.select(timeout)
        ]

    def close(self) -> None:
        """Watch nothing."""
        self._selector.close()


def _as_selector_events(events: int) -> int:
    return (_READ if events & READ else 0) | (_WRITE if events & WRITE else 0)


def make_poll() -> Poll:
    """The best that this system has."""
    return select.epoll() if hasattr(select, "epoll") else SelectorPoll()
