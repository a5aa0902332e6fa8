"""What the final turns add up to."""

from typing import Any

from tests.transcript.turn_shorthand import decoded, said
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import Transcript


def totals_of(*turns: Any) -> TurnTotals:
    transcript, totals = Transcript(), TurnTotals()
    transcript.begin_session(0, 0, expects_formatted=False)
    for turn in turns:
        for update in transcript.receive(0, turn, 0.0):
            totals.add(update)
    return totals


def test_words_and_turns_are_counted() -> None:
    totals = totals_of(said(0, "one two", end_of_turn=True), said(1, "three", end_of_turn=True))

    assert (totals.turns, totals.words) == (2, 3)


def test_words_of_a_turn_without_a_word_list_are_counted_from_its_text() -> None:
    assert totals_of(decoded(Turn(transcript="one two", end_of_turn=True))).words == 2


def test_tags_and_empty_words_are_no_words() -> None:
    silence = decoded(Turn(0, transcript=" silence", utterance="[ Silence]", end_of_turn=True))

    assert totals_of(silence).words == 0


def test_languages_are_counted_in_ms() -> None:
    totals = totals_of(
        said(0, "uno dos", 0, end_of_turn=True, language_code="es"),
        said(1, "three", 300, end_of_turn=True, language_code="en"),
        said(2, "cuatro", 500, end_of_turn=True, language_code="es"),
    )

    assert totals.language_ms == {"es": 300, "en": 100}
    assert totals.language == "es"


def test_empty_turn_has_no_language() -> None:
    totals = totals_of(said(0, "", end_of_turn=True, language_code="fr"))

    assert (totals.turns, totals.language, totals.language_ms) == (1, None, {})
