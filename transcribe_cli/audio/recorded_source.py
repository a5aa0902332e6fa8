"""A source that has been heard already: its audio is in the log, and only has to be sent."""

from collections.abc import Callable, Iterator

from transcribe_cli.audio.source import SourceEvent


class LoggedSource:
    """The audio of an earlier run; nothing is added to it.

    Args:
        name, kind: of the source that it came from.
        length_s: how long it is.
    """

    live = False
    path: str | None = None

    def __init__(self, name: str, kind: str, length_s: float) -> None:
        self.name = name
        self.kind = kind
        self.length_s: float | None = length_s

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """None: the log is whole."""
        return iter(())

    def stop(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""
