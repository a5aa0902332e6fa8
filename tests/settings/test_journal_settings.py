"""What a journal may say of the engine with which its recording goes on."""

from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.journal_settings import engine_of, engine_to_resume


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
