"""What a journal may say of what its recording goes on with, and what is said of what is typed."""

from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.journal_settings import engine_of, engine_to_resume, parameters_of

START = {"parameters": {"speech_model": "u3-rt-pro", "sample_rate": 16000, "mode": "balanced"}}


def test_a_typed_parameter_that_resembles_a_known_one_is_a_note() -> None:
    resumed = parameters_of(START, {}, ["speaker_labes=true"])
    assert resumed.notes == ["--param speaker_labes is not known; did you mean speaker_labels?"]
    assert resumed.query["speaker_labes"] == "true"


def test_a_typed_parameter_that_the_model_does_not_take_is_a_note() -> None:
    (note,) = parameters_of(START, {}, ["format_turns=true"]).notes
    assert note.startswith("--param format_turns has no effect on u3-rt-pro")


def test_a_model_that_is_typed_is_checked() -> None:
    resumed = parameters_of(START, {}, ["speech_model=whisper"])
    assert resumed.model is None
    assert "the model 'whisper' is not known here" in resumed.notes[0]


def test_what_the_journal_says_alone_is_no_news() -> None:
    with_labels = {"parameters": START["parameters"] | {"speaker_labels": True}}
    assert parameters_of(with_labels, {}, []).notes == []


def test_a_journal_without_a_rate_is_resumed_with_the_one_that_is_typed() -> None:
    start = {"parameters": {"speech_model": "u3-rt-pro"}}
    assert parameters_of(start, {}, ["sample_rate=8000"]).query["sample_rate"] == "8000"


@pytest.mark.parametrize(
    ("start", "engine"),
    [
        ({"local": False, "engine": "moonshine"}, ""),
        ({"local": True, "engine": "moonshine"}, "moonshine"),
        ({"local": True}, "pocketsphinx"),
        ({"local": True, "engine": 7}, "pocketsphinx"),
    ],
)
def test_a_recording_goes_on_with_the_engine_that_began_it(
    start: dict[str, Any], engine: str
) -> None:
    assert engine_of(start) == engine
    assert engine_to_resume(start) == (engine or None)


def test_a_model_that_a_journal_names_is_the_users_to_ask_for() -> None:
    with pytest.raises(UsageError, match="was made with the engine") as caught:
        engine_to_resume({"local": True, "engine": "moonshine:/tmp/a stranger's"})
    assert "--engine 'moonshine:/tmp/a stranger'\"'\"'s'" in caught.value.hint
