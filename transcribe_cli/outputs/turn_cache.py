"""What was made of each turn, so that a document of hours is written again in milliseconds."""

from collections.abc import Callable
from typing import Generic, TypeVar

from transcribe_cli.transcript.turns import TurnUpdate

T = TypeVar("T")


class TurnCache(Generic[T]):
    """Makes something of a turn once. A turn never changes: a revised one is another turn."""

    def __init__(self, make: Callable[[TurnUpdate], T]) -> None:
        self._make = make
        self._made: dict[int, tuple[TurnUpdate, T]] = {}

    def of(self, update: TurnUpdate) -> T:
        """What is made of this turn."""
        found = self._made.get(id(update))
        if found is None:  # with the turn itself, so that no other one gets its id
            found = self._made[id(update)] = (update, self._make(update))
        return found[1]
