"""The main loop: waits for sockets, events and deadlines of any number of recordings at once.

All decisions and all drawing happen on the thread that runs the loop, called "main" in these
docstrings. Other threads and signal handlers only `post` events.
"""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol, Self

from transcribe_cli.session.events import Event, StopRequested
from transcribe_cli.session.session import Session
from transcribe_cli.system import garbage
from transcribe_cli.system.poller import READ, WRITE, make_poll
from transcribe_cli.system.signals import stop_signals

MANY = 8
"""With more recordings than this, events are collected for `GATHER_S` and handled together."""

GATHER_S = 0.02
_POSTED_AT_ONCE = 64
_IDLE_S = 1.0


class Task(Protocol):
    """What the loop drives: a `Run`.

    Attributes:
        due: when `advance` has something to do next, on the monotonic clock.
        has_work: `advance` has something to do now; set from any thread.
        over: it has ended, and the loop drops it.
    """

    due: float
    has_work: bool

    @property
    def over(self) -> bool: ...

    def start(self, now: float) -> None: ...
    def take(self, event: Event, now: float) -> None: ...
    def read(self, session: Session, now: float) -> None: ...
    def advance(self, now: float) -> None: ...
    def bail_out(self) -> None: ...


class Loop:
    """Drives tasks on one thread; a context manager.

    Args:
        clock: monotonic, in seconds.

    Attributes:
        stopping: all tasks were asked to stop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        # A deque, to which signal handlers and any thread may append.
        self._inbox: deque[tuple[Task | None, Event] | Callable[[], None]] = deque()
        self._tasks: list[Task] = []
        self._coming: deque[Iterator[Task | None]] = deque()
        self.stopping = False
        self._asks_more = False
        self._poll = make_poll()
        self._watched: dict[int, tuple[Task, Session]] = {}  # by socket file descriptor
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._poll.register(self._woken, READ)
        self._stepped_at = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        self._waker.close()
        self._woken.close()

    # From any thread.

    def post(self, task: Task | None, event: Event) -> None:
        """Give an event to a task; None: to every task."""
        self._inbox.append((task, event))
        self.wake()

    def call(self, action: Callable[[], None]) -> None:
        """Call a function on main's thread."""
        self._inbox.append(action)
        self.wake()

    def wake(self) -> None:
        """Make the loop look at what is due."""
        with suppress(OSError):  # a full socket wakes the loop anyway; a closed one need not
            self._waker.send(b"\0")

    # From tasks.

    def watch(self, task: Task, session: Session) -> None:
        """Call `task.read` when the session's socket has something."""
        assert session.connection is not None
        self._poll.register(session.connection, READ)
        self._watched[session.connection.fileno()] = (task, session)

    def watch_writing(self, session: Session, writing: bool) -> None:
        """Call `advance` when the session's socket can take more; or stop doing so."""
        assert session.connection is not None
        self._poll.modify(session.connection, READ | WRITE if writing else READ)

    def forget(self, session: Session) -> None:
        """Stop watching a session whose socket is closed."""
        for number, (_, watched) in list(self._watched.items()):
            if watched is session:
                del self._watched[number]
                with suppress(OSError):  # the poll no longer knows a closed socket
                    self._poll.unregister(number)

    # From main.

    def add(self, tasks: Iterator[Task | None]) -> None:
        """Drive more tasks, beside those that `run` gets from `more`. The iterator makes each task
        only when it is about to start.

        Making one may take time, so running tasks have their turn before the next one is made.
        """
        self._coming.append(tasks)

    def ask_more(self) -> None:
        """Call `more` though nothing has ended: there may be room for further tasks."""
        self._asks_more = True

    def run(
        self, tasks: Iterable[Task | None], more: Callable[[], Iterable[Task | None]] = tuple
    ) -> None:
        """Drive tasks until all are over.

        `more` returns further tasks, and None in place of a task that did not begin. It is called
        after each task's end, also while `stopping`, and after `ask_more`.
        """
        garbage.begin()
        with stop_signals(self._stop) as signals:
            self._signals_taken = signals.taken
            try:
                self._coming.append(iter(tasks))
                while (started := self._start_next()) or self._tasks:
                    if self._step(wait=not started):
                        self._tasks = [task for task in self._tasks if not task.over]
                        self._coming.append(iter(more()))
            except BaseException:
                # A bug in this program must not leave a session open, because it is billed.
                for task in self._tasks:
                    task.bail_out()
                raise

    def _start_next(self) -> bool:
        """Start one task, if there is one; running tasks have their turn before the next.

        Returns True for None in place of a task too, because making it may have taken time.
        """
        while self._coming:
            for task in self._coming[0]:
                if task is not None:
                    self._tasks.append(task)
                    task.start(self.clock())
                return True
            self._coming.popleft()
        return False

    def _stop(self, cause: str) -> None:
        self.post(None, StopRequested(cause))

    def _step(self, *, wait: bool) -> bool:
        """One turn of the loop, which may `wait` for events. Returns whether to call `more`."""
        now = self.clock()
        due = now + _IDLE_S
        for task in self._tasks:
            if task.due < due:
                due = task.due
        ready = self._poll.poll(due - now if wait and due > now and not self._inbox else 0.0)
        if wait and len(self._tasks) > MANY:
            ready = self._gather(ready)
        now = self._stepped_at = self.clock()
        for number, events in ready:
            watched = self._watched.get(number)
            if watched is None:
                self._empty_waker()
            else:
                task, session = watched
                if events != WRITE:  # reading a socket that has failed reports the failure
                    task.read(session, now)
                if events != READ:
                    session.has_work = task.has_work = True
            if self._inbox:
                self._take_posted(now)
        if self._inbox:
            self._take_posted(now)
        over, self._asks_more = self._asks_more, False
        for task in self._tasks:
            if task.has_work or task.due <= now:
                task.advance(now)
                if self._inbox:
                    self._take_posted(now)
            over = over or task.over
        return over

    def _gather(self, ready: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Wait a moment for more events, so that many recordings cost few turns of the loop."""
        rest = self._stepped_at + GATHER_S - self.clock()
        if rest <= 0:
            return ready
        threading.Event().wait(rest)
        return self._poll.poll(0.0)

    def _empty_waker(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(4096)

    def _take_posted(self, now: float) -> None:
        """Take posted events; called between any two tasks, so a signal waits for one at most."""
        for _ in range(min(len(self._inbox), _POSTED_AT_ONCE)):
            posted = self._inbox.popleft()
            if callable(posted):
                posted()
                continue
            task, event = posted
            for taker in self._tasks if task is None else (task,):
                taker.take(event, now)
            if task is None:
                self._signals_taken()
                if isinstance(event, StopRequested):
                    self.stopping = True
                    self._coming.clear()
