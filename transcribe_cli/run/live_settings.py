"""The settings of a run that may change while it goes on: open sessions are told at once, later
ones begin with the new values, and a record says so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.parameters import MANUAL
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import RunConfig
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.run.status import RunStatus
from transcribe_cli.session.events import KeytermsChanged, SettingsTyped
from transcribe_cli.settings.parameter_changes import (
    KEYTERMS,
    changes_in_words,
    checked_changes,
    keyterms_of,
    note_on_long,
    typed_change,
    without_doubles,
)


class LiveSettings:
    """Changes the parameters of one run's sessions, and their price if it depends on them.

    Args:
        sessions: the sessions of each channel.
        mark_ms: returns where a mark that a person makes now belongs, on the recording's clock.
    """

    def __init__(
        self,
        config: RunConfig,
        parts: RunParts,
        sessions: Sequence[Sessions],
        reporter: Reporter,
        bill: Bill,
        status: RunStatus,
        mark_ms: Callable[[], int],
    ) -> None:
        self._config = config
        self._file = parts.keyterms_file
        self._sessions = sessions
        self._reporter = reporter
        self._bill = bill
        self._status = status
        self._mark_ms = mark_ms
        # The key terms that came from the file.
        self._file_terms: Sequence[str] = () if self._file is None else self._file.first

    @property
    def takes_keyterms(self) -> bool:
        """Whether the model takes key terms."""
        model = self._config.service.parameters.model
        return model is None or KEYTERMS in model.takes

    @property
    def _asked(self) -> Mapping[str, Any]:
        return self._sessions[0].asked

    def start(self, typed: Sequence[str]) -> None:
        """Take the changes that were made for all recordings before this one began.

        Args:
            typed: the setting lines that were typed.
        """
        self._take_file()
        for line in typed:
            self.take(SettingsTyped(line))

    def take(self, event: KeytermsChanged | SettingsTyped) -> None:
        """Take a change made for all recordings; an invalid one is reported as a warning."""
        match event:
            case KeytermsChanged(problem=""):
                self._take_file()
            case KeytermsChanged(problem=problem):  # told once, for all runs
                self._reporter.record("Warning", message=problem)
            case SettingsTyped(line=line):
                try:
                    self.take_line(line)
                except UsageError as e:
                    self._reporter.warn(f"{e.message.rstrip('.')}; the settings are as before")

    def take_line(self, line: str) -> bool:
        """Change the settings that a typed line names. Returns whether any value is new.

        Raises:
            UsageError: the service or the model does not accept a value; nothing has changed.
        """
        return self._change(typed_change(line, self._asked))

    def _take_file(self) -> None:
        """Replace the key terms that the file held before by those that it holds now."""
        if self._file is None or list(self._file.terms) == list(self._file_terms):
            return
        terms, asked = self._file.terms, keyterms_of(self._asked)
        others = [term for term in asked if term not in self._file_terms]
        try:
            self._change({KEYTERMS: without_doubles([*others, *terms])})
        except UsageError as e:  # together with the others they are too many
            self._reporter.warn(f"{e.message.rstrip('.')}; {e.hint}; the key terms are as before")
        else:
            self._file_terms = terms

    def _change(self, changes: Mapping[str, Any]) -> bool:
        checked = checked_changes(changes, self._config.service.parameters.model)
        news = {name: value for name, value in checked.items() if value != self._now(name)}
        if not news:
            return False
        before = keyterms_of(self._asked)
        for sessions in self._sessions:
            sessions.ask_for(news)
        self._reporter.mark(
            "UpdateConfiguration", self._mark_ms(), changes_in_words(news), parameters=news
        )
        for term in news.get(KEYTERMS, ()):
            if term not in before and (note := note_on_long(term)) is not None:
                self._reporter.warn(f"the key term {note}")
        asked = self._asked
        runs = {**asked, "speech_model": self._status.model}
        self._bill.reprice(self._config.tariff.usd_per_hour(runs))
        self._status.manual = asked.get("mode") == MANUAL
        return True

    def _now(self, name: str) -> Any:
        asked = self._asked
        return keyterms_of(asked) if name == KEYTERMS else asked.get(name)
