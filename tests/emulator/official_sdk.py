"""A session of the official SDK's client; to import the SDK takes most of a second."""

import queue
import threading
from typing import Any

import pytest

from tests.program import DEADLINE_S

# It opens its socket in a way that newer versions of the `websockets` library discourage.
SDK = pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")


def sdk_session(
    url: str, audio: bytes, *, model: str | None = None, **parameters: object
) -> list[Any]:
    """Connect, stream, disconnect when the session has ended; all that the client was told."""
    from assemblyai.streaming.v3 import (
        StreamingClient,
        StreamingClientOptions,
        StreamingEvents,
        StreamingParameters,
    )

    told: queue.Queue[Any] = queue.Queue()
    host = url.removesuffix("/v3/ws")
    # It waits for Termination 5 s unless it is told: too short where a processor is shared.
    options = StreamingClientOptions(api_key="any", api_host=host, terminate_timeout=DEADLINE_S)
    client = StreamingClient(options)
    for kind in ("Begin", "Turn", "Termination", "Error"):
        client.on(getattr(StreamingEvents, kind), lambda _, event: told.put(event))
    asked = StreamingParameters.model_validate(
        {"sample_rate": 16000, "speech_model": "u3-rt-pro"} | parameters
    )
    if model is not None:  # the SDK's own list is behind, and a copy is not held against it
        asked = asked.model_copy(update={"speech_model": model})
    client.connect(asked)
    client.stream(audio[at : at + 3200] for at in range(0, len(audio), 3200))
    done = threading.Thread(target=client.disconnect, kwargs={"terminate": True})
    done.start()
    done.join(DEADLINE_S + 10)
    assert not done.is_alive()
    return list(told.queue)


def of_kind(kind: str, events: list[Any]) -> list[Any]:
    """Those of a class of the SDK, by its name."""
    from assemblyai.streaming import v3

    return [event for event in events if isinstance(event, getattr(v3, kind))]
