"""A stream that is drawn on by nobody; Rich, which takes long to import, is not needed for it."""

import sys
from typing import TextIO


class PlainConsole:
    """Standard output or standard error where it is no terminal and gets no colour."""

    is_terminal = False

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr

    @property
    def file(self) -> TextIO:
        """The stream, as it is just now."""
        return sys.stderr if self._stderr else sys.stdout
