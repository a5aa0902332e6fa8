"""Settings that change while a command runs: typed for all files, or in `--keyterms-file`.

Recordings that run are told by events, and those to come begin with them.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from transcribe_cli.errors import UsageError
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import KeytermsChanged, SettingsTyped
from transcribe_cli.settings.keyterms_file import KeytermsFile
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.ui.notices import Notices


class LiveChanges:
    """What has changed for all the recordings of one command.

    Args:
        typed: gets the lines of settings that are typed, for the recordings to come.
    """

    def __init__(self, parameters: Parameters, typed: list[str], notices: Notices) -> None:
        self._typed = typed
        self._model = parameters.model
        self._asked: Mapping[str, Any] = parameters.query
        self._notices = notices

    def watched(self, file: KeytermsFile, loop: Loop) -> AbstractContextManager[None]:
        """While open, every recording learns of what changes in the file."""
        return file.watched(
            lambda: loop.post(None, KeytermsChanged()),
            lambda words: loop.call(lambda: self._tell_wrong(loop, words)),
        )

    def _tell_wrong(self, loop: Loop, words: str) -> None:
        self._notices.warning(words)
        loop.post(None, KeytermsChanged(words))

    def take_line(self, loop: Loop, line: str) -> None:
        """Have every recording take a line of settings that was typed, also those to come."""
        from transcribe_cli.settings.parameter_changes import (
            changes_in_words,
            checked_changes,
            typed_change,
        )

        try:
            changes = checked_changes(typed_change(line, self._asked), self._model)
        except UsageError as e:
            self._notices.note(f"{e.message.rstrip('.')}: {e.hint}")
            return
        news = {name: value for name, value in changes.items() if value != self._asked.get(name)}
        if not news:
            self._notices.note("nothing changes: the settings are so already")
            return
        self._asked = {**self._asked, **news}
        self._notices.note(f"for all files: {changes_in_words(news)}")
        self._typed.append(line)
        loop.post(None, SettingsTyped(line))
