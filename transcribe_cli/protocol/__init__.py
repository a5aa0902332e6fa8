"""The Streaming v3 protocol: pure, and shared by the client and the local service."""
