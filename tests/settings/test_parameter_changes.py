"""What may change while a session is open: as it is typed, and checked before it is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.settings.parameter_changes import (
    KEYTERMS,
    MOST_KEYTERMS,
    checked_changes,
    keyterms_of,
    note_on_long,
    typed_change,
)

PRO = MODELS["u3-rt-pro"]


def test_typed_terms_are_added_each_once() -> None:
    query = {KEYTERMS: ["RNase", "LeMUR"]}
    assert typed_change(" RNase , Sonny Miller,", query) == {
        KEYTERMS: ["RNase", "LeMUR", "Sonny Miller"]
    }
    assert typed_change(" , ", query) == {}


def test_a_term_with_an_equals_sign_is_a_term() -> None:
    assert typed_change("E=mc2", {}) == {KEYTERMS: ["E=mc2"]}


def test_a_slip_of_a_setting_is_no_term() -> None:
    with pytest.raises(UsageError) as refused:
        typed_change("max_turn_silense=900", {})

    assert refused.value.hint == "did you mean max_turn_silence?"


def test_a_setting_of_the_connection_is_refused_and_no_term() -> None:
    with pytest.raises(UsageError, match="'inactivity_timeout' cannot change while a session is"):
        checked_changes(typed_change("inactivity-timeout=30", {}), PRO)


def test_a_term_that_is_longer_than_the_service_reads_is_told() -> None:
    assert note_on_long("a" * 50) is None
    assert "51 characters, and 50 are read" in str(note_on_long("a" * 51))


def test_other_settings_are_typed_as_name_and_value() -> None:
    typed = typed_change("min_turn_silence=200", {})
    assert checked_changes(typed, PRO) == {"min_turn_silence": 200}
    assert checked_changes(typed_change("prompt=A call, about bills.", {}), PRO) == {
        "prompt": "A call, about bills."
    }


def test_terms_of_param_are_read_too() -> None:
    assert keyterms_of({KEYTERMS: '["a", "b"]'}) == ["a", "b"]
    assert keyterms_of({KEYTERMS: "a, b"}) == keyterms_of({}) == []


def test_as_many_terms_as_the_service_takes_and_no_more() -> None:
    terms = [f"term {number}" for number in range(MOST_KEYTERMS + 1)]
    assert checked_changes({KEYTERMS: terms[:-1]}, PRO) == {KEYTERMS: terms[:-1]}
    with pytest.raises(UsageError, match="These are 101 key terms; the service takes 100"):
        checked_changes({KEYTERMS: terms}, PRO)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sample_rate": 8000}, "'sample_rate' cannot change while a session is open"),
        ({"mode": "fast"}, "does not take that mode: Input should be"),
        ({"language_codes": ["en"]}, "u3-rt-pro does not take 'language_codes'"),
        ({"max_turn_silence": "soon"}, "does not take that max_turn_silence"),
    ],
)
def test_what_the_service_would_close_the_session_for_is_not_sent(
    changes: dict[str, object], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        checked_changes(changes, PRO)


@given(st.lists(st.text(min_size=1), max_size=20))
def test_terms_of_any_characters_arrive_as_they_are(terms: list[str]) -> None:
    assert checked_changes({KEYTERMS: terms}, PRO) == {KEYTERMS: terms}
