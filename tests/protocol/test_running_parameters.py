"""What runs, as `Begin` says, beside what was asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.protocol.running_parameters import differences, running_parameters

ASKED: dict[str, Any] = {
    "speech_model": "u3-rt-pro",
    "sample_rate": 16000,
    "mode": "min_latency",
    "prompt": "a meeting",
}


def told(asked: dict[str, Any], configuration: object) -> list[str]:
    return [str(found) for found in differences(asked, running_parameters(asked, configuration))]


def test_what_runs_as_it_was_asked_for_is_no_difference() -> None:
    echoed = {
        "model": "u3-rt-pro",
        "mode": "min_latency",
        "api_version": "2025-05-12",
        "speaker_labels": False,
        "domain": None,
        "voice_focus": None,
    }
    assert told(ASKED, echoed) == []


def test_another_model_another_rate_and_another_mode_are_told_the_model_first() -> None:
    configuration = {"sample_rate": 8000, "mode": "balanced", "model": "universal-3-5-pro"}
    assert told(ASKED, configuration) == [
        "universal-3-5-pro instead of u3-rt-pro",
        "sample_rate 8000 instead of 16000",
        "mode balanced instead of min_latency",
    ]


@pytest.mark.parametrize("said", [None, False])
def test_a_parameter_that_was_dropped_is_told(said: object) -> None:
    asked = ASKED | {"speaker_labels": True}
    assert told(asked, {"model": "u3-rt-pro", "speaker_labels": said}) == ["without speaker_labels"]


def test_what_the_other_model_does_not_take_is_dropped_though_nothing_says_so() -> None:
    configuration = {"model": "universal-streaming-english", "mode": None}
    assert told(ASKED, configuration) == [
        "universal-streaming-english instead of u3-rt-pro",
        "without mode",
        "without prompt",
    ]


def test_one_language_is_read_as_a_list_of_one() -> None:
    asked = {"speech_model": "u3-rt-pro", "language_code": "es"}
    assert told(asked, {"model": "universal-3-6-pro"}) == ["universal-3-6-pro instead of u3-rt-pro"]


def test_formatting_is_not_missed_where_a_model_always_formats() -> None:
    asked = {"speech_model": "universal-streaming-english", "format_turns": True}
    assert told(asked, {"model": "u3-rt-pro"}) == [
        "u3-rt-pro instead of universal-streaming-english"
    ]


def test_the_text_of_a_param_is_compared_as_what_it_means() -> None:
    asked = {"speech_model": "u3-rt-pro", "speaker_labels": "True"}
    assert told(asked, {"model": "u3-rt-pro", "speaker_labels": True}) == []


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [("llm_gateway", '{"model": "x"}', {"model": "x"}), ("keyterms_prompt", '["a"]', ["a"])],
)
def test_a_value_that_the_service_repeats_as_it_was_sent_is_no_difference(
    name: str, typed: str, meant: object
) -> None:
    for said in (typed, meant):
        asked = {"speech_model": "u3-rt-pro", name: typed}
        assert told(asked, {"model": "u3-rt-pro", name: said}) == []


def test_what_was_not_asked_for_is_no_difference_but_runs() -> None:
    configuration = {"model": "u3-rt-pro", "redact_pii": True}
    assert told(ASKED, configuration) == []
    assert running_parameters(ASKED, configuration)["redact_pii"] is True


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_an_odd_configuration_does_no_harm(odd: object) -> None:
    for configuration in (odd, {"model": odd, "mode": odd, "sample_rate": odd}):
        running = running_parameters(ASKED, configuration)
        assert isinstance(running["speech_model"], str)
        assert all(len(str(found)) < 200 for found in differences(ASKED, running))
