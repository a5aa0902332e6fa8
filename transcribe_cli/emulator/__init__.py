"""The local service: the Streaming v3 protocol without a key or a network."""
