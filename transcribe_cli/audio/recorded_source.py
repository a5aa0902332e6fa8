"""A source whose audio was recorded earlier: it is in the log, and only has to be sent."""

from collections.abc import Callable, Iterator

from transcribe_cli.audio.source import SourceEvent


class LoggedSource:
    """The audio of an earlier run, to which nothing is added.

    Args:
        name, kind: those of the source that was recorded.
        length_s: its length in seconds.
    """

    live = False
    path: str | None = None

    def __init__(self, name: str, kind: str, length_s: float) -> None:
        self.name = name
        self.kind = kind
        self.length_s: float | None = length_s

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """No blocks: the log is complete."""
        return iter(())

    def stop(self) -> None:
        """Do nothing: nothing runs."""

    def close(self) -> None:
        """Do nothing: nothing is open."""
