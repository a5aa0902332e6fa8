"""The official SDK's client, made the same way for every measurement."""

import importlib.util
from typing import Any


def is_installed() -> bool:
    """Whether there is something to compare with."""
    return importlib.util.find_spec("assemblyai") is not None


def connect(host: str, rate_hz: int, handlers: dict[str, Any]) -> Any:
    """A connected streaming client; `handlers` by the name of the event."""
    from assemblyai.streaming import v3

    options = v3.StreamingClientOptions(api_key="bench", api_host=host)
    client = v3.StreamingClient(options)
    for name, handler in handlers.items():
        client.on(getattr(v3.StreamingEvents, name), handler)
    parameters: Any = v3.StreamingParameters
    client.connect(parameters(sample_rate=rate_hz, speech_model="u3-rt-pro"))
    return client
