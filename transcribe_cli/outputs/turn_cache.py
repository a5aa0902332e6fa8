"""Caches what is computed from each turn, so that long documents are rewritten fast."""

from collections.abc import Callable
from typing import Generic, TypeVar

from transcribe_cli.transcript.turns import TurnUpdate

T = TypeVar("T")


class TurnCache(Generic[T]):
    """Computes `make(turn)` once for each turn. A revised turn is a new object."""

    def __init__(self, make: Callable[[TurnUpdate], T]) -> None:
        self._make = make
        self._made: dict[int, tuple[TurnUpdate, T]] = {}

    def of(self, update: TurnUpdate) -> T:
        """The value for this turn."""
        found = self._made.get(id(update))
        if found is None:  # keeps the turn alive, so that its id is not reused
            found = self._made[id(update)] = (update, self._make(update))
        return found[1]
