"""Models that the sessions of one process share: one for each processor that is busy, at most."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_Model = TypeVar("_Model")


class SharedModels(Generic[_Model]):
    """Lends models of one kind, each to one thread at a time.

    The first is loaded at once, another when all are lent out, up to `most`. Who waits longest has
    the next one.

    Args:
        load: loads one; takes long.
    """

    def __init__(self, load: Callable[[], _Model], most: int) -> None:
        self._load = load
        self._most = most
        self._changed = threading.Condition()
        self._loaded = 1
        self._waiting: deque[object] = deque()
        self._free = [load()]

    @contextmanager
    def lend(self, wait: bool) -> Iterator[_Model | None]:
        """Lend a model.

        Args:
            wait: False: None if there is none to spare, so that whoever waits comes first.
        """
        model = self._take(wait)
        try:
            yield model
        finally:
            if model is not None:
                self._give_back(model)

    def _take(self, wait: bool) -> _Model | None:
        with self._changed:
            if not wait and (not self._free or self._waiting):
                return None
            turn = object()
            self._waiting.append(turn)
            self._changed.wait_for(lambda: self._waiting[0] is turn and self._has_one())
            self._waiting.popleft()
            self._changed.notify_all()  # the next one may be due too
            if self._free:
                return self._free.pop()
            self._loaded += 1
        try:
            return self._load()
        except BaseException:
            with self._changed:
                self._loaded -= 1
                self._changed.notify_all()
            raise

    def _has_one(self) -> bool:
        return bool(self._free) or self._loaded < self._most

    def _give_back(self, model: _Model) -> None:
        with self._changed:
            self._free.append(model)
            self._changed.notify_all()
