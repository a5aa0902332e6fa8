"""A stand-in for a Rich console on a pipe or file, so that Rich need not be imported."""

import sys
from typing import TextIO


class PlainConsole:
    """Standard output or standard error, when it is no terminal and gets no colour."""

    is_terminal = False

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr

    @property
    def file(self) -> TextIO:
        """The current stream."""
        return sys.stderr if self._stderr else sys.stdout
