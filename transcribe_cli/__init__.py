"""aai-stream: a streaming transcriber for the terminal."""

__version__ = "0.1.0"
