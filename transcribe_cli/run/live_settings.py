"""The settings of a run that may change while it goes on: sessions that are open are told at once,
later ones begin with them, and the record says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from transcribe_cli.protocol.endpoint import with_parameters
from transcribe_cli.protocol.messages import UpdateConfiguration
from transcribe_cli.run.config import RunConfig
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.settings.changes import (
    KEYTERMS,
    changes_in_words,
    checked_changes,
    keyterms_of,
    note_on_long,
    typed_change,
    without_doubles,
)


class LiveSettings:
    """What the sessions of one run are asked for.

    Args:
        file_terms: the key terms that came from `--keyterms-file`.

    Attributes:
        query: the connection parameters of the next session.
    """

    def __init__(
        self,
        config: RunConfig,
        sessions: Sessions,
        reporter: Reporter,
        file_terms: Sequence[str] = (),
    ) -> None:
        self.query = dict(config.parameters.query)
        self._model = config.parameters.model
        self._sessions = sessions
        self._reporter = reporter
        self._file_terms = file_terms

    def takes_keyterms(self) -> bool:
        """Whether the model takes key terms."""
        return self._model is None or KEYTERMS in self._model.takes

    def take_line(self, line: str, at: int) -> bool:
        """Change what a typed line says, at that place of the recording, in ms.

        Returns whether anything is new.

        Raises:
            UsageError: the service or the model does not take it; nothing has changed.
        """
        return self._change(typed_change(line, self.query), at)

    def take_file(self, terms: Sequence[str], at: int) -> None:
        """Take the key terms of a file that has changed in place of those that it held before.

        Raises:
            UsageError: they are too many, with the others; nothing has changed.
        """
        if list(terms) == list(self._file_terms):
            return
        others = [term for term in keyterms_of(self.query) if term not in self._file_terms]
        self._change({KEYTERMS: without_doubles([*others, *terms])}, at)
        self._file_terms = terms

    def _change(self, changes: Mapping[str, Any], at: int) -> bool:
        checked = checked_changes(changes, self._model)
        news = {name: value for name, value in checked.items() if value != self._now(name)}
        if not news:
            return False
        before = keyterms_of(self.query)
        self.query |= news
        self._sessions.target = self._sessions.target._replace(
            url=with_parameters(self._sessions.target.url, news)
        )
        self._sessions.update(msgspec.convert(news, UpdateConfiguration))
        self._reporter.mark("UpdateConfiguration", at, changes_in_words(news), parameters=news)
        for term in news.get(KEYTERMS, ()):
            if term not in before and (note := note_on_long(term)) is not None:
                self._reporter.warn(f"the key term {note}")
        return True

    def _now(self, name: str) -> Any:
        return keyterms_of(self.query) if name == KEYTERMS else self.query.get(name)
