"""What was made of a turn is not made again."""

from tests.outputs.turn_records import update
from transcribe_cli.outputs.turn_cache import TurnCache
from transcribe_cli.transcript.turns import TurnUpdate


def test_each_turn_is_asked_for_once() -> None:
    asked: list[TurnUpdate] = []

    def make(turn: TurnUpdate) -> str:
        asked.append(turn)
        return turn.message.transcript

    memory = TurnCache(make)
    one, two = update("One."), update("Two.")

    assert [memory.of(turn) for turn in (one, two, one)] == ["One.", "Two.", "One."]
    assert asked == [one, two]


def test_turn_is_not_taken_for_one_that_is_gone() -> None:
    memory = TurnCache(lambda turn: turn.message.transcript)

    for number in range(100):
        assert memory.of(update(str(number))) == str(number)
