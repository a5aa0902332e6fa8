"""Models that are lent to one thread at a time."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.emulator.engines.shared_models import SharedModels


class Borrower(threading.Thread):
    """Borrows a model and keeps it until it is told to give it back."""

    def __init__(self, models: SharedModels[int]) -> None:
        super().__init__(daemon=True)
        self._models = models
        self.has_it, self.may_end = threading.Event(), threading.Event()
        self.model: int | None = None
        self.start()

    def run(self) -> None:
        with self._models.lend(wait=True) as self.model:
            self.has_it.set()
            self.may_end.wait(DEADLINE_S)


def numbered() -> Callable[[], int]:
    """Loads 0, 1, 2 ..."""
    numbers = iter(range(9))
    return lambda: next(numbers)


def test_one_that_is_free_is_lent_again() -> None:
    models = SharedModels(numbered(), most=4)
    for _ in range(3):
        with models.lend(wait=False) as model:
            assert model == 0


def test_when_all_are_lent_another_is_loaded_up_to_the_most() -> None:
    models = SharedModels(numbered(), most=2)
    with models.lend(wait=True) as one, models.lend(wait=True) as other:
        assert {one, other} == {0, 1}
        third = Borrower(models)
        assert not third.has_it.wait(0.05)
    assert third.has_it.wait(DEADLINE_S)
    third.may_end.set()
    third.join(DEADLINE_S)


def test_who_waits_longest_has_the_next_one() -> None:
    models = SharedModels(numbered(), most=1)
    with models.lend(wait=True):
        first = Borrower(models)
        first.may_end.set()
        while not models._waiting:
            time.sleep(0.001)
    with models.lend(wait=True):  # at once, before the other has noticed
        assert first.has_it.is_set()
    first.join(10)


def test_a_partial_takes_nothing_while_all_are_lent() -> None:
    models = SharedModels(numbered(), most=1)
    with models.lend(wait=True), models.lend(wait=False) as model:
        assert model is None


def test_one_that_cannot_be_loaded_takes_nobody_s_place() -> None:
    loads: list[int | None] = [0, None, 1]

    def load() -> int:
        model = loads.pop(0)
        if model is None:
            raise MemoryError
        return model

    models = SharedModels(load, most=2)
    with models.lend(wait=True) as one:
        with pytest.raises(MemoryError), models.lend(wait=True):
            pass
        other = Borrower(models)
        assert other.has_it.wait(DEADLINE_S)
        assert (one, other.model) == (0, 1)
    other.may_end.set()
    other.join(DEADLINE_S)


def test_what_fails_gives_its_model_back() -> None:
    models = SharedModels(numbered(), most=1)
    try:
        with models.lend(wait=True):
            raise ValueError
    except ValueError:
        pass
    with models.lend(wait=False) as model:
        assert model == 0
