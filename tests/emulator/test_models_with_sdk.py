"""The official SDK asks the local service for each model of the table, over a real socket."""

from collections.abc import Callable

import pytest

from tests.counting import speak
from tests.emulator.official_sdk import SDK, of_kind, sdk_session
from transcribe_cli.protocol.models import MODELS, REDIRECTS


@SDK
@pytest.mark.filterwarnings("ignore:Pydantic serializer:UserWarning")
def test_the_sdk_is_served_each_model(serve: Callable[..., str]) -> None:
    url = serve("--engine", "counting")
    for name in (*MODELS, *REDIRECTS):
        events = sdk_session(url, speak(5), model=name)
        (begin,) = of_kind("BeginEvent", events[:1])
        assert begin.configuration.model == REDIRECTS.get(name, name)
        *_, turn = (turn for turn in of_kind("TurnEvent", events) if turn.words)
        assert [word.text for word in turn.words] == ["w1", "w2", "w3", "w4", "w5"], name
        assert of_kind("StreamingError", events) == []
        assert of_kind("TerminationEvent", events) == events[-1:]
