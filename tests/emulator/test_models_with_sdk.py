"""The official SDK asks the local service for each model of the table, over a real socket."""

import queue
from collections.abc import Callable

import pytest
from assemblyai.streaming.v3 import (
    BeginEvent,
    StreamingClient,
    StreamingClientOptions,
    StreamingError,
    StreamingEvents,
    StreamingParameters,
    TerminationEvent,
    TurnEvent,
)

from tests.counting import speak
from tests.program import DEADLINE_S
from transcribe_cli.protocol.models import MODELS, REDIRECTS


def heard_by_sdk(url: str, model: str) -> tuple[BeginEvent, list[str]]:
    """The Begin that the SDK understands, and the words of the last turn with any."""
    options = StreamingClientOptions(api_key="any", api_host=url.removesuffix("/v3/ws"))
    client = StreamingClient(options)
    said: queue.Queue[object] = queue.Queue()
    events = (
        *(StreamingEvents.Begin, StreamingEvents.Turn),
        *(StreamingEvents.Termination, StreamingEvents.Error),
    )
    for event in events:
        client.on(event, lambda _, body: said.put(body))
    asked = StreamingParameters.model_validate({"sample_rate": 16000, "speech_model": "u3-rt-pro"})
    # The SDK's own list of models is behind the service's, and a copy is not held against it.
    client.connect(asked.model_copy(update={"speech_model": model}))
    try:
        begin = said.get(timeout=DEADLINE_S)
        assert isinstance(begin, BeginEvent)
        client.stream(speak(5))
        client.disconnect(terminate=True)
        words: list[str] = []
        while not isinstance(body := said.get(timeout=DEADLINE_S), TerminationEvent):
            assert not isinstance(body, StreamingError), body
            assert isinstance(body, TurnEvent)
            words = [word.text for word in body.words] or words
    finally:
        client.disconnect(terminate=False)
    return begin, words


# The SDK opens its socket in a way that newer versions of the `websockets` library discourage.
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Pydantic serializer:UserWarning")
def test_the_sdk_is_served_each_model(serve: Callable[..., str]) -> None:
    url = serve("--engine", "counting")
    for name in (*MODELS, *REDIRECTS):
        begin, words = heard_by_sdk(url, name)
        configuration = begin.configuration
        assert configuration is not None
        assert configuration.model == REDIRECTS.get(name, name)
        assert words == ["w1", "w2", "w3", "w4", "w5"], name
