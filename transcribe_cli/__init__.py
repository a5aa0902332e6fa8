"""aai-stream: a streaming transcriber for the terminal."""

PROGRAM = "aai-stream"
__version__ = "0.1.0"
