"""Notices of one of several recordings that run at once: each says which one it is about."""

from transcribe_cli.ui.notices import Notices


class NamedNotices(Notices):
    """Passes each line on to `notices`, after the recording's name."""

    def __init__(self, notices: Notices, name: str) -> None:
        super().__init__(notices.console, quiet=notices.quiet, verbose=notices.verbose)
        self._notices = notices
        self._name = name

    def _line(self, label: str, label_style: str, text: str, style: str = "") -> None:
        self._notices._line(label, label_style, f"{self._name}: {text}", style)
